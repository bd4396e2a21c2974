"""POST and DELETE /api/session: the token once, and a cookie for the page instead of it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

from cachetools import TTLCache
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Scope

from foureyes.web.caller import address_of
from foureyes.web.refusal import Refusals, refusal

_LASTS_S = 86_400.0
_MOST = 100


class Sessions:
    """The sessions that are open, as digests; they end after a day, and with the daemon."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._open: TTLCache[str, None] = TTLCache(_MOST, _LASTS_S, timer=now)

    def begin(self) -> str:
        """Open one; the secret that stands for it."""
        secret = secrets.token_urlsafe(32)
        self._open[identity_of(secret)] = None
        return secret

    def is_open(self, secret: str) -> bool:
        """Whether it was begun here and has not ended."""
        return identity_of(secret) in self._open

    def end(self, secret: str) -> None:
        """End one, where it is open."""
        self._open.pop(identity_of(secret), None)


def identity_of(secret: str) -> str:
    """A digest, by which a secret is told from others: looking it up tells a listener of time nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


class _Shown(BaseModel):
    model_config = ConfigDict(extra="forbid")

    token: str = Field(min_length=1, max_length=500)


def cookie_of(scope: Scope) -> str:
    """The cookie's name: a browser sends a host's cookies to all its ports, and each port is another daemon's."""
    return f"foureyes_session_{scope['server'][1]}"


def add_session(app: FastAPI, sessions: Sessions, refusals: Refusals, is_token: Callable[[str], bool]) -> None:
    """Add the routes to an application."""

    @app.post("/api/session")
    async def begin(request: Request, shown: _Shown) -> Response:
        if not is_token(shown.token):
            address = address_of(request.scope)
            refusals.say("wrong_token", address, f"{address} gave the page a token that is not this daemon's")
            return refusal(
                401, "this is not the token of this daemon; it is in the file `web-token` of its state folder"
            )
        response = JSONResponse({"session": "open"})
        is_secure = request.url.scheme == "https"  # as the proxy in front of us says
        secret = sessions.begin()
        name, age_s = cookie_of(request.scope), int(_LASTS_S)
        response.set_cookie(name, secret, max_age=age_s, httponly=True, samesite="strict", secure=is_secure)
        return response

    @app.delete("/api/session")
    async def end(request: Request) -> Response:
        name = cookie_of(request.scope)
        sessions.end(request.cookies.get(name, ""))
        response = JSONResponse({"session": "ended"})
        response.delete_cookie(name, httponly=True, samesite="strict")
        return response
