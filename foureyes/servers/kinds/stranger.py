"""Another program at a model server's address: what it looks like, for whoever has to find it."""

from __future__ import annotations

import re

from foureyes.exceptions import ServerReplyError, StrangerError
from foureyes.servers.http.server_http import ServerHttp

_TITLE = re.compile(r"<title>\s*([^<]{1,80})", re.IGNORECASE)
_MAX_WORDS_CHARS = 80


async def stranger(http: ServerHttp, wanted: str) -> StrangerError:
    """What answers instead of what was wanted. Raises ServerRefusedError or ServerTimeoutError where none does."""
    return StrangerError(
        f"what answers at {http.url} is no {wanted} ({await looks_of(http)}); "
        f"correct the url or the kind of server '{http.name}'"
    )


async def looks_of(http: ServerHttp) -> str:
    """What it calls itself, and the title or the first words of its front page. Raises a ServerError leaf."""
    try:
        front = await http.exchange("GET", "/")
    except ServerReplyError as error:
        return str(error)
    title = _TITLE.search(front.text)
    words = title.group(1).strip() if title else " ".join(front.text.split())[:_MAX_WORDS_CHARS]
    said = f"it says {words!r}" if words else f"it answers {front.route} with status {front.status}"
    server = front.headers.get("server", "")[:_MAX_WORDS_CHARS]
    return f"it calls itself {server!r}, and {said}" if server else said
