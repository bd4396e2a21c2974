"""What lines say when something is wrong, in the languages that the recogniser reads."""

from __future__ import annotations

import re
import unicodedata

from foureyes.engine.labels import folded

_LOST_PHRASES = (
    *("connection lost", "lost connection", "connection closed", "connection error", "connection failed"),
    *("disconnected", "no connection", "not connected", "connection interrupted", "reconnecting", "no signal"),
    *("no internet", "you are offline", "you're offline", "server not responding", "server is not responding"),
    *("server unreachable", "network error", "trying to reconnect", "refused to connect", "internet_disconnected"),
    *("verbindung verloren", "verbindung unterbrochen", "verbindung getrennt", "keine verbindung"),
    *("verbindungsfehler", "keine internetverbindung", "nicht verbunden", "server nicht erreichbar"),
    *("server antwortet nicht", "kein signal", "netzwerkfehler", "sie sind offline", "du bist offline"),
    *("connexion perdue", "connexion interrompue", "pas de connexion", "erreur de connexion", "deconnecte"),
    *("connexion impossible", "aucune connexion", "vous etes hors ligne", "serveur injoignable"),
    *("le serveur ne repond pas", "erreur reseau", "pas d'internet", "aucun signal", "reconnexion"),
    *("conexion perdida", "sin conexion", "error de conexion", "desconectado", "conexion interrumpida"),
    *("no hay conexion", "el servidor no responde", "error de red", "sin internet", "reconectando", "sin senal"),
    *("conexao perdida", "sem conexao", "erro de conexao", "conexao interrompida", "sem internet", "sem sinal"),
    *("o servidor nao responde", "erro de rede", "voce esta offline", "ligacao perdida", "sem ligacao"),
)
_LOST = tuple(folded(phrase) for phrase in _LOST_PHRASES)
_LINK = r"\b(?:connection|verbindung|connexion|conexion|conexao|ligacao|signal)\b"
_GONE = (
    r"\b(?:lost|closed|failed|interrupted|reset|refused|dropped|broken|timed out"
    r"|verloren|unterbrochen|getrennt|abgebrochen|fehlgeschlagen|perdue?|interrompue?|echoue"
    r"|perdid[ao]|perdio|interrumpid[ao]|fallid[ao]|fallo|interrompid[ao]|falhou|caiu|perda)\b"
)
_LOST_SENTENCE = re.compile(rf"{_LINK}.{{0,40}}{_GONE}|{_GONE}.{{0,20}}{_LINK}")
"""A link that is gone, in whichever order a language says so; accents are taken off before."""
_ERROR = re.compile(
    r"\b(?:err[o0]r\w*|fail(?:ed|ure)|fatal|exception|crash(?:ed)?|denied|expired|timed out"
    r"|fehler\w*|fehlgeschlagen|erreur|[eé]chec|erro|fallo|falha|falhou)\b"
    r"|\berr_[a-z_]{4,}|\b(?:bad gateway|service unavailable|gateway time-?out|internal server error)\b"
    r"|\b(?:page|site|server|url|host|address|file)\b.{0,30}\b(?:not found|unavailable|can.?t be \w+)"
    r"|^\W*[45]\d\d\W+(?:not found|forbidden|unauthori[sz]ed|bad |service|internal|gateway)|\bnot found\W*$"
    r"|\bintrouvable|\bnicht (?:gefunden|erreichbar|verf[uü]gbar)|\bno se (?:puede|pudo|encuentra)"
    r"|\bn[aã]o (?:foi poss[ií]vel|encontrad)|\bimpossible d",
    re.IGNORECASE,
)
_NO_ERROR = re.compile(
    r"\b(?:no|0|zero|without|keine|aucune|sin|sem)\s+(?:errors?|fehler|erreurs?|errores|erros)\b"
    r"|\berrors?\s*[:=]?\s*0\b",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"^\W*(?:\S+\s+){0,2}"
    r"(?:errors|failures|exceptions|crashes|fehler(?! (?:ist|trat|bei))|erreurs|errores|erros|fallos|falhas)\b"
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
    if len(text.split()) > _MOST_WORDS:
        return False
    plain = folded(text)
    return any(phrase in plain for phrase in _LOST) or bool(_LOST_SENTENCE.search(_unaccented(text)))


def _unaccented(text: str) -> str:
    split = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in split if not unicodedata.combining(char))


def tells_error(text: str) -> bool:
    """Whether a line tells an error; one that says there is none, or how many there were, does not."""
    silent = _NO_ERROR.search(text) or _COUNTED.search(text)
    return bool(_ERROR.search(text)) and not silent and len(text.split()) <= _MOST_WORDS


def could_be_label(text: str) -> bool:
    """Whether a line is short and plain enough to name a number that stands by it."""
    return len(text.split()) <= _MOST_WORDS_OF_A_LABEL and not any(char.isdigit() for char in text)
