"""Anything that speaks OpenAI's routes: plain, vLLM, or a flavour with routes of its own (Ollama, llama-swap)."""

from __future__ import annotations

from functools import partial

from foureyes.exceptions import ServerReplyError, StrangerError
from foureyes.servers.http.server_http import ServerHttp
from foureyes.servers.kinds import listing, llama_swap, ollama
from foureyes.servers.kinds.dialect import Dialect
from foureyes.servers.kinds.stranger import stranger

_GET = "have the server serve it, or correct model_id"


async def dialect_at(http: ServerHttp) -> Dialect:
    """The flavour that answers there, else the plain routes. Raises a ServerError leaf."""
    if await ollama.answers(http):
        return ollama.dialect(http)
    if await llama_swap.answers(http):
        return llama_swap.dialect(http)
    if await is_vllm(http):
        return _vllm(http)
    try:
        await listing.openai_models(http)
    except ServerReplyError as error:
        raise await stranger(http, "server with OpenAI's routes") from error
    return _plain(http)


async def is_vllm(http: ServerHttp) -> bool:
    """Whether vLLM answers there: by its version, and figures that only it has."""
    if "version" not in (await http.exchange("GET", "/version")).document():
        return False
    return "vllm:" in (await http.exchange("GET", "/metrics")).text


def _plain(http: ServerHttp) -> Dialect:
    """Nothing is known but its listing: whether a model is loaded shows when it is asked."""
    listed = partial(listing.openai_models, http)
    return Dialect(
        kind="OpenAI-compatible",
        how_to_get=_GET,
        how_to_see=listing.CHOOSE_ANOTHER,
        check_live=partial(_check_listing, http),
        check_ready=partial(_check_listing, http),
        listed=listed,
    )


def _vllm(http: ServerHttp) -> Dialect:
    """It has one model and does not listen before that is loaded."""
    return Dialect(
        kind="vLLM",
        how_to_get=_GET,
        how_to_see=listing.CHOOSE_ANOTHER,
        check_live=partial(_check_vllm, http),
        check_ready=partial(_check_listing, http),
        listed=partial(listing.openai_models, http, loaded=True),
    )


async def _check_listing(http: ServerHttp) -> None:
    await listing.openai_models(http)


async def _check_vllm(http: ServerHttp) -> None:
    """Its health is an empty body: one with words is somebody else's."""
    if said := (await http.accepted("GET", "/health", timeout_s=2.0)).text:
        raise StrangerError(f"what answers at {http.url} is vLLM no longer: it says {said[:80]!r}")
