"""llama-swap: a proxy that starts a model's server when it is asked for; its children are its own to restart."""

from __future__ import annotations

from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter

from foureyes.exceptions import StrangerError
from foureyes.servers.chat import asking as chat
from foureyes.servers.chat.completion import Asked
from foureyes.servers.http.server_http import ServerHttp
from foureyes.servers.kinds import listing
from foureyes.servers.kinds.dialect import Dialect, is_named
from foureyes.servers.server import Listed

_UNLOAD_TIMEOUT_S = 30.0


class _Running(BaseModel):
    model: str
    state: str


_RUNNING = TypeAdapter(list[_Running])


async def answers(http: ServerHttp) -> bool:
    """Whether llama-swap answers there."""
    return isinstance((await http.exchange("GET", "/running")).document().get("running"), list)


def dialect(http: ServerHttp) -> Dialect:
    """The dialect of a llama-swap."""
    swap = _LlamaSwap(http)
    return Dialect(
        kind="llama-swap",
        how_to_get="write it into its configuration, or correct model_id",
        how_to_see=listing.CHOOSE_ANOTHER,
        check_live=swap.check_live,
        check_ready=swap.check_ready,
        listed=swap.listed,
        load=swap.load,
        unload=swap.unload,
    )


class _LlamaSwap:
    """What it tells of its models, and how it loads them."""

    def __init__(self, http: ServerHttp) -> None:
        self._http = http

    async def check_live(self) -> None:
        """Its health, which is that of the proxy alone."""
        if (said := (await self._http.accepted("GET", "/health", timeout_s=2.0)).text) != "OK":
            raise StrangerError(f"what answers at {self._http.url} is llama-swap no longer: it says {said[:80]!r}")

    async def check_ready(self) -> None:
        """It takes requests when it tells what runs."""
        await self._running()

    async def listed(self) -> tuple[Listed, ...]:
        """What is configured, and which of it runs."""
        running = await self._running()
        return tuple(Listed(each.id, each.id in running) for each in await listing.openai_models(self._http))

    async def load(self, entry: Listed, timeout_s: float) -> None:
        """Any request starts it."""
        await chat.wake(self._http, Asked(entry.id, lambda name: is_named(entry, name)), timeout_s=timeout_s)

    async def unload(self, entry: Listed) -> None:
        """By its name in the path."""
        route = f"/api/models/unload/{quote(entry.id, safe='/')}"
        await self._http.accepted("POST", route, timeout_s=_UNLOAD_TIMEOUT_S)

    async def _running(self) -> set[str]:
        document = await self._http.call("GET", "/running")
        running = listing.understood(_RUNNING, document.get("running"), self._http.name)
        return {each.model for each in running if each.state == "ready"}
