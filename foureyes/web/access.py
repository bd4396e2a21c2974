"""Who may do what: loopback may look; changing anything, and any other address, needs the token.

Behind `Guard`, so that the Host is one of ours. A route finds the sender in `request.state.who`,
as it stands in the audit file.
"""

from __future__ import annotations

import hmac
import math
import secrets
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from foureyes.config.web import Rate, Web
from foureyes.web.caller import Caller, address_of, is_on_this_machine, user_of
from foureyes.web.guard import names_pattern
from foureyes.web.rate import Rates
from foureyes.web.refusal import Refusals, refusal
from foureyes.web.session import Sessions, cookie_of, identity_of

_LOOKING = {"GET", "HEAD", "OPTIONS"}
_CHANGES_NOTHING = ("/api/analyze", "/api/try/")
"""POST routes that read a picture, and the folder of those that try something out."""
_PUBLIC = {("GET", "/"), ("POST", "/api/session")}
"""The page without anything on it, and where it takes the token to."""
_STATIC = "/static/"
_EVENTS = "/events"
_LOOPBACK_NAME = names_pattern(())
_WANTED = (
    "this needs the token of the daemon: give it to the page, or send it as `Authorization: Bearer TOKEN`; "
    "it is in the file `web-token` of the daemon's state folder"
)


def _count_nothing(_where: str, _reason: str) -> None:
    """Where nobody counts."""


@dataclass(frozen=True)
class AccessRules:
    """The token, and the names and rates that are configured."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    """One that nobody was told by default: then nothing can be changed."""
    web: Web = field(default_factory=Web)
    dropped: Callable[[str, str], None] = _count_nothing

    @property
    def names(self) -> list[str]:
        """The names besides loopback's under which requests are answered."""
        return [self.web.host, *self.web.allowed_hosts]

    def is_token(self, shown: str) -> bool:
        """Whether this is the token, in a time that tells nothing about it."""
        return hmac.compare_digest(shown.encode(), self.token.encode())


class Access:
    """Middleware: finds out who asks, how often, and whether that one may."""

    def __init__(
        self,
        app: ASGIApp,
        rules: AccessRules,
        sessions: Sessions,
        refusals: Refusals,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._rules = rules
        self._sessions = sessions
        self._refusals = refusals
        self._rates = Rates(now)
        self._streams: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its sender, or refuse it."""
        headers = Headers(scope=scope)
        caller = self._caller(scope, headers)
        answer = self._too_often(caller, scope) or self._forbidden(caller, scope, headers)
        if answer is not None:
            await answer(scope, receive, send)
            return
        scope.setdefault("state", {})["who"] = caller.who
        with self._following(caller) if scope["path"] == _EVENTS else nullcontext():
            await self._app(scope, receive, send)

    @contextmanager
    def _following(self, caller: Caller) -> Iterator[None]:
        """While inside a stream of events is open."""
        self._streams[caller.identity] += 1
        try:
            yield
        finally:
            self._streams[caller.identity] -= 1
            self._streams += Counter()  # which takes out who has none

    def _caller(self, scope: Scope, headers: Headers) -> Caller:
        address = address_of(scope)
        is_local = is_on_this_machine(address, headers) and _LOOPBACK_NAME.fullmatch(headers["host"]) is not None
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            if self._rules.is_token(shown.strip()):
                return Caller(address, is_local, "token", "token", user_of(headers) if is_local else None)
            self._refusals.say("wrong_token", address, f"{address} showed a token that is not this daemon's")
        session = cookie_parser(headers.get("cookie", "")).get(cookie_of(scope), "")
        if self._sessions.is_open(session):
            return Caller(address, is_local, "session", identity_of(session))
        return Caller(address, is_local, None, address)

    def _too_often(self, caller: Caller, scope: Scope) -> JSONResponse | None:
        client, rate = self._pool(caller, scope["method"], scope["path"])
        wait_s = self._rates.take(client, rate)
        if wait_s <= 0:
            return None
        self._rules.dropped("web", "rate_limited")
        most = f"{rate.per_minute:,} requests a minute, {rate.per_hour:,} an hour"
        self._refusals.say(
            "rate_limited", caller.address, f"{caller.address} asked more often than {most}", path=scope["path"]
        )
        headers = {"Retry-After": str(math.ceil(wait_s))}
        return refusal(429, f"you asked too often: {most}; come again in {math.ceil(wait_s)} s", headers)

    def _pool(self, caller: Caller, method: str, path: str) -> tuple[Hashable, Rate]:
        """Who counts as one client, and its rate.

        A page that showed the token and follows the events counts once: what it looks at meanwhile is apart.
        The page's own files are many and tell nothing.
        """
        web = self._rules.web
        if caller.is_local:
            return ("loopback", caller.identity), web.loopback
        if path.startswith(_STATIC):
            return ("static", caller.address), web.loopback
        if caller.proof is not None and method in _LOOKING and self._streams[caller.identity] > 0:
            return ("stream", caller.identity), web.loopback
        return ("foreign", caller.identity), web.foreign

    def _forbidden(self, caller: Caller, scope: Scope, headers: Headers) -> JSONResponse | None:
        method, path = scope["method"], scope["path"]
        if caller.proof == "session" and method not in _LOOKING and not _is_same_origin(headers):
            self._refusals.say("cross_site", caller.address, f"another site's page asked to {method} {path}")
            return refusal(403, "a page of another site may not change anything here")
        if caller.proof is not None or _is_public(method, path) or (caller.is_local and _looks(method, path)):
            return None
        return refusal(401, _WANTED)


def _is_public(method: str, path: str) -> bool:
    return (method, path) in _PUBLIC or (method == "GET" and path.startswith(_STATIC))


def _looks(method: str, path: str) -> bool:
    """Whether a request changes nothing."""
    analyze, trying = _CHANGES_NOTHING
    return method in _LOOKING or (method == "POST" and (path == analyze or path.startswith(trying)))


def _is_same_origin(headers: Headers) -> bool:
    """Whether our own page asks: another port of the same machine is another site, which SameSite does not see."""
    if (site := headers.get("sec-fetch-site")) is not None:
        return site == "same-origin"
    return urlsplit(headers.get("origin", "")).netloc == headers["host"]
