"""How large the body of a request may be; what is too large is refused in a sentence, and not taken in."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from foureyes.web.refusal import refusal

MOST_BYTES = 256 * 1024
_PICTURES = "/api/analyze"
"""Takes in pictures, and bounds them itself."""
_TOO_LARGE = f"the request has more than {MOST_BYTES:,} bytes, and none but pictures may have"


class BodyLimit:
    """Middleware behind `Guard` and `Access`: FastAPI's own stands before them, and answers no JSON."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on within the bound, or answer 413."""
        if scope["path"] == _PICTURES:
            await self._app(scope, receive, send)
        elif int(Headers(scope=scope).get("content-length", 0)) > MOST_BYTES:
            await refusal(413, _TOO_LARGE)(scope, receive, send)
        else:
            await self._app(scope, _bounded(receive), send)


def _bounded(receive: Receive) -> Receive:
    """A body whose size nobody said is counted as it comes."""
    taken = 0

    async def receive_bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MOST_BYTES:
            raise HTTPException(413, _TOO_LARGE)
        return message

    return receive_bounded
