"""What buttons of dialogs say, in the languages that the recogniser reads."""

from __future__ import annotations

from foureyes.engine.labels import folded
from foureyes.engine.line import Line

_ANSWERS = (
    *("ok", "close", "retry", "cancel", "yes", "no", "dismiss", "try again", "accept"),
    *("quit", "abort", "ignore", "got it", "discard", "don't save", "allow", "deny"),
    *("schließen", "abbrechen", "erneut versuchen", "wiederholen", "ja", "nein", "verstanden"),
    *("verwerfen", "beenden"),
    *("fermer", "annuler", "réessayer", "oui", "non", "accepter", "d'accord"),
    *("cerrar", "cancelar", "reintentar", "aceptar", "sí", "entendido"),
    *("fechar", "tentar novamente", "aceitar", "sim", "não", "entendi"),
)
_STEPS = (
    *("continue", "reload", "reconnect", "refresh", "weiter", "neu laden", "neu verbinden"),
    *("continuer", "recharger", "continuar", "recargar", "recarregar"),
)
_ANSWER = frozenset(folded(word) for word in _ANSWERS)
_STEP = frozenset(folded(word) for word in _STEPS)


def is_button(line: Line) -> bool:
    """Whether a line says what buttons of dialogs say."""
    return _says(line, _ANSWER | _STEP)


def is_step(line: Line) -> bool:
    """Whether a button says what those of pages and cards say too: how to go on, rather than an answer."""
    return _says(line, _STEP)


def _says(line: Line, words: frozenset[str]) -> bool:
    """Whether a line is one of the words, with the icon before it read too, or a mnemonic's line under its O."""
    text = line.text.strip()
    behind_icon = text[1:].lstrip()
    readings = [text, behind_icon] if behind_icon[:1].isupper() else [text]
    readings += [f"O{each[1:]}" for each in readings if each.startswith("Q")]
    return any(folded(each) in words for each in readings)
