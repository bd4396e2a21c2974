"""A server of language models: what all kinds have in common, over the dialect that each one speaks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from rapidfuzz import process

from foureyes.config.settings import LanguageServer
from foureyes.exceptions import ModelCrashedError, ModelMissingError, ServerBusyError, UnknownRouteError
from foureyes.servers.chat import asking as chat
from foureyes.servers.chat.completion import Asked
from foureyes.servers.http.server_http import ServerHttp
from foureyes.servers.kinds.dialect import Dialect
from foureyes.servers.kinds.unservable import why_unservable
from foureyes.servers.server import ChatReply, ChatRequest, Listed

_CLOSE_IDS = 3
_CLOSE_SCORE = 50


class ChatServer:
    """One such server. Which dialect it speaks is found out by its first answer, and then kept."""

    def __init__(
        self, settings: LanguageServer, http: ServerHttp, find_dialect: Callable[[], Awaitable[Dialect]]
    ) -> None:
        self.id = settings.id
        self.url = http.url
        self._settings = settings
        self._http = http
        self._find_dialect = find_dialect
        self._found: Dialect | None = None
        self._one_load = asyncio.Lock()
        self._entries: dict[str, Listed] = {}

    @property
    def can_unload(self) -> bool:
        """Whether it has a way to unload one model; known once it was found ready."""
        return self._found is not None and self._found.unload is not None

    async def check_live(self) -> None:
        """Raise unless a server of this kind answers."""
        await (await self._dialect()).check_live()

    async def check_ready(self) -> None:
        """Raise unless it takes requests."""
        await (await self._dialect()).check_ready()

    async def listed(self) -> tuple[Listed, ...]:
        """Its models."""
        return await (await self._dialect()).listed()

    async def entry(self, model_id: str) -> Listed | None:
        """What its listing has for a configured id."""
        dialect = await self._dialect()
        return _find(dialect, model_id, await dialect.listed())

    async def load(self, model_id: str) -> float:
        """Have a model loaded and see it listed so; one at a time, and never a second copy."""
        dialect = await self._dialect()
        async with self._one_load:
            entry = await self._servable(model_id)
            began_s = time.monotonic()
            if entry.loaded or dialect.load is None:
                return 0.0
            await dialect.load(entry, self._settings.load_timeout_s)
            if (await self._servable(model_id)).loaded is False:
                raise ModelCrashedError(
                    f"server '{self.id}' said that it loaded '{entry.id}', and does not list it as loaded"
                )
            return time.monotonic() - began_s

    async def unload(self, model_id: str) -> None:
        """Have every copy of a model unloaded and see it listed so."""
        dialect = await self._dialect()
        if dialect.unload is None:
            raise UnknownRouteError(f"server '{self.id}' ({dialect.kind}) has no way to unload one model")
        self._entries.pop(model_id, None)
        entry = await self.entry(model_id)
        if entry is None or entry.loaded is False:
            return
        await dialect.unload(entry)
        left = await self.entry(model_id)
        if left is not None and left.loaded:
            raise ServerBusyError(
                f"server '{self.id}' said that it unloaded '{entry.id}', and still lists it as loaded"
            )

    async def chat(self, request: ChatRequest) -> ChatReply:
        """Ask the model under the name that the server itself has for it."""
        dialect = await self._dialect()
        entry = self._entries.get(request.model_id) or await self._servable(request.model_id)
        asked = Asked(_name(entry), lambda name: dialect.is_named(entry, name))
        try:
            return await chat.ask(self._http, request, asked, max_edge_px=self._settings.max_edge_px)
        except (ModelMissingError, ModelCrashedError):
            self._entries.pop(request.model_id, None)  # what is loaded again may have another name
            raise

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def _dialect(self) -> Dialect:
        if self._found is None:
            self._found = await self._find_dialect()
        return self._found

    async def _servable(self, model_id: str) -> Listed:
        """The entry of a configured id, kept for the requests that follow. Raises ModelMissingError."""
        dialect = await self._dialect()
        listed = await dialect.listed()
        entry = _find(dialect, model_id, listed)
        if entry is None:
            raise ModelMissingError(self._missing(dialect, model_id, listed))
        if entry.vision is False:
            raise ModelMissingError(
                f"model '{entry.id}' of server '{self.id}' takes no pictures; "
                f"{_seeing(listed) or dialect.how_to_see}"
            )
        self._entries[model_id] = entry
        return entry

    def _missing(self, dialect: Dialect, model_id: str, listed: Sequence[Listed]) -> str:
        if (why := why_unservable(model_id)) is not None:
            return f"server '{self.id}' ({dialect.kind}) cannot serve '{model_id}': {why}"
        ids = [each.id for each in listed]
        near = [
            found for found, _, _ in process.extract(model_id, ids, limit=_CLOSE_IDS, score_cutoff=_CLOSE_SCORE)
        ]
        has = f"it has {_quoted(near or ids[:_CLOSE_IDS]) or 'none at all'}"
        get = dialect.how_to_get.replace("{model}", model_id)
        return f"server '{self.id}' ({dialect.kind}) has no model '{model_id}'; {has}; {get}"


def _find(dialect: Dialect, model_id: str, listed: Sequence[Listed]) -> Listed | None:
    """The model of exactly this id, else one that goes by this name too."""
    exact = (each for each in listed if each.id == model_id)
    return next(exact, None) or next((each for each in listed if dialect.is_named(each, model_id)), None)


def _name(entry: Listed) -> str:
    """How a request names a model: by the copy that is loaded, since another name could load a second one."""
    if not entry.instances or entry.id in entry.instances:
        return entry.id
    return entry.instances[0]


def _seeing(listed: Sequence[Listed]) -> str:
    """What to choose instead, where the listing tells."""
    ids = [each.id for each in listed if each.vision]
    return f"choose one that does: {_quoted(ids[:_CLOSE_IDS])}" if ids else ""


def _quoted(ids: Sequence[str]) -> str:
    return ", ".join(f"'{each}'" for each in ids)
