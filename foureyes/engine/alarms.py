"""What lines say when something is wrong, in the languages that the recogniser reads."""

from __future__ import annotations

import re

from foureyes.engine.labels import folded

_LOST_PHRASES = (
    *("connection lost", "lost connection", "connection closed", "connection error", "connection failed"),
    *("disconnected", "no connection", "not connected", "connection interrupted", "reconnecting", "no signal"),
    *("no internet", "you are offline", "server not responding", "server unreachable", "network error"),
    *("verbindung verloren", "verbindung unterbrochen", "verbindung getrennt", "keine verbindung"),
    *("connexion perdue", "connexion interrompue", "pas de connexion", "erreur de connexion", "deconnecte"),
    *("conexion perdida", "sin conexion", "error de conexion", "desconectado", "conexion interrumpida"),
    *("conexao perdida", "sem conexao", "erro de conexao", "conexao interrompida"),
)
_LOST = tuple(folded(phrase) for phrase in _LOST_PHRASES)
_ERROR = re.compile(
    r"\b(?:err[o0]r\w*|fail(?:ed|ure)|fatal|exception|crash(?:ed)?|denied|expired|timed out"
    r"|fehler\w*|erreur|erro|fallo|falha)\b",
    re.IGNORECASE,
)
_NO_ERROR = re.compile(
    r"\b(?:no|0|zero|without|keine|aucune|sin|sem)\s+(?:errors?|fehler|erreurs?|errores|erros)\b"
    r"|\berrors?\s*[:=]?\s*0\b",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"^\W*(?:\S+\s+){0,2}(?:errors|failures|exceptions|crashes|fehler|erreurs|errores|erros|fallos|falhas)\b"
    r"(?:\s+[^\W\d]+){0,2}(?:\s*[:=(/]?\s*\d[\d.,]*\W*)?$"
    r"|\b(?:error|failure|exception|crash)\s*(?:rate|count|ratio|budget|log)\b"
    r"|^\W*(?:failed|denied|expired|crashed)\s+\w+s\b\W*(?:\d[\d.,]*\W*)?$",
    re.IGNORECASE,
)
"""A counter's or a menu's words ("Errors today", "Failed jobs: 3", "Error rate"): they count and tell nothing."""
_MOST_WORDS_OF_A_LABEL = 3
_MOST_WORDS = 14
"""A longer line is running text about errors rather than the telling of one."""


def tells_lost(text: str) -> bool:
    """Whether a line says that a connection is lost."""
    plain = folded(text)
    return len(text.split()) <= _MOST_WORDS and any(phrase in plain for phrase in _LOST)


def tells_error(text: str) -> bool:
    """Whether a line tells an error; one that says there is none, or how many there were, does not."""
    silent = _NO_ERROR.search(text) or _COUNTED.search(text)
    return bool(_ERROR.search(text)) and not silent and len(text.split()) <= _MOST_WORDS


def could_be_label(text: str) -> bool:
    """Whether a line is short and plain enough to name a number that stands by it."""
    return len(text.split()) <= _MOST_WORDS_OF_A_LABEL and not any(char.isdigit() for char in text)
