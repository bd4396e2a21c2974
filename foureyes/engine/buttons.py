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
    texts = _texts(line)
    return any(folded(text) in _ANSWER | _STEP for text in (*texts, *map(_unslipped, texts)))


def is_step(line: Line) -> bool:
    """Whether a button is no sign of a dialog by itself: pages say it too, or it is hardly read as an answer."""
    return is_button(line) and not any(folded(text) in _ANSWER for text in _texts(line))


def _texts(line: Line) -> list[str]:
    """What a line says, and that without the icon before it, which is read as a character."""
    text = line.text.strip()
    behind_icon = text[1:].lstrip()
    return [text, behind_icon] if behind_icon[:1].isupper() else [text]


def _unslipped(text: str) -> str:
    """The text with an O for the Q that it begins with: its tail is a mnemonic's line."""
    return f"O{text[1:]}" if text.startswith("Q") else text
