"""Ollama: its own routes tell what is installed and loaded, load and unload; it chats by OpenAI's."""

from __future__ import annotations

from pydantic import BaseModel, TypeAdapter

from foureyes.exceptions import ModelMissingError, StrangerError
from foureyes.servers.http.server_http import ServerHttp
from foureyes.servers.kinds import listing
from foureyes.servers.kinds.dialect import Dialect, is_named
from foureyes.servers.server import Listed

_GREETING = "Ollama is running"
_DEFAULT_TAG = ":latest"
_FOR_EVER = -1
_UNLOAD_TIMEOUT_S = 30.0


class _Model(BaseModel):
    name: str
    size: int | None = None


_MODELS = TypeAdapter(list[_Model])


async def answers(http: ServerHttp) -> bool:
    """Whether Ollama answers there."""
    return (await http.exchange("GET", "/")).text == _GREETING


def dialect(http: ServerHttp) -> Dialect:
    """The dialect of an Ollama."""
    ollama = _Ollama(http)
    return Dialect(
        kind="Ollama",
        how_to_get="get it with `ollama pull {model}`",
        how_to_see=listing.CHOOSE_ANOTHER,
        check_live=ollama.check_live,
        check_ready=ollama.check_ready,
        listed=ollama.listed,
        load=ollama.load,
        unload=ollama.unload,
        is_named=_is_named,
    )


def _is_named(entry: Listed, name: str) -> bool:
    """Without a tag it is the latest."""
    return is_named(entry, name) or is_named(entry, f"{name}{_DEFAULT_TAG}")


class _Ollama:
    """What it tells of its models, and how it loads them."""

    def __init__(self, http: ServerHttp) -> None:
        self._http = http

    async def check_live(self) -> None:
        """Its greeting."""
        if (said := (await self._http.accepted("GET", "/", timeout_s=2.0)).text) != _GREETING:
            raise StrangerError(f"what answers at {self._http.url} is Ollama no longer: it says {said[:80]!r}")

    async def check_ready(self) -> None:
        """Its version."""
        await self._http.call("GET", "/api/version")

    async def listed(self) -> tuple[Listed, ...]:
        """What is installed, and which of it is loaded."""
        installed = await self._models("/api/tags")
        running = {each.name for each in await self._models("/api/ps")}
        return tuple(Listed(each.name, each.name in running, size_bytes=each.size) for each in installed)

    async def load(self, entry: Listed, timeout_s: float) -> None:
        """Say nothing to it, for ever: by itself it would unload the model after five idle minutes."""
        about = await self._http.call("POST", "/api/show", body={"model": entry.id})
        if "vision" not in about.get("capabilities", ["vision"]):
            raise ModelMissingError(
                f"model '{entry.id}' of server '{self._http.name}' takes no pictures; {listing.CHOOSE_ANOTHER}"
            )
        await self._keep(entry, _FOR_EVER, timeout_s)

    async def unload(self, entry: Listed) -> None:
        """Say nothing to it, for no time."""
        await self._keep(entry, 0, _UNLOAD_TIMEOUT_S)

    async def _keep(self, entry: Listed, seconds: int, timeout_s: float) -> None:
        body = {"model": entry.id, "messages": [], "keep_alive": seconds, "stream": False}
        await self._http.call("POST", "/api/chat", body=body, timeout_s=timeout_s)

    async def _models(self, route: str) -> list[_Model]:
        document = await self._http.call("GET", route)
        return listing.understood(_MODELS, document.get("models"), self._http.name)
