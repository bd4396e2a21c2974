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
_MOST_WORDS = 14
"""A longer line is running text about errors rather than the telling of one."""


def tells_lost(text: str) -> bool:
    """Whether a line says that a connection is lost."""
    plain = folded(text)
    return len(text.split()) <= _MOST_WORDS and any(phrase in plain for phrase in _LOST)


def tells_error(text: str) -> bool:
    """Whether a line tells an error; one that says there is none does not."""
    return bool(_ERROR.search(text)) and not _NO_ERROR.search(text) and len(text.split()) <= _MOST_WORDS
