"""What answers at an address: found out by what it says, and never by a status alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from foureyes.exceptions import BadRequestError, ModelMissingError, ServerReplyError
from foureyes.servers.http.server_http import ServerHttp
from foureyes.servers.kinds import engine, listing, llama_server, lmstudio
from foureyes.servers.kinds.stranger import stranger

Kind = Literal["engine", "lmstudio", "llama-server", "openai"]


async def kind_at(http: ServerHttp) -> Kind:
    """The kind of server at an address.

    Raises StrangerError that says what else answers there, or the ServerError leaf of nobody, silence or a token.
    """
    # LM Studio first: it is the one that would answer the questions for the others with status 200 too
    known: tuple[tuple[Kind, Callable[[ServerHttp], Awaitable[bool]]], ...] = (
        ("lmstudio", lmstudio.answers),
        ("engine", engine.answers),
        ("llama-server", llama_server.answers),
        ("openai", _lists_models),
    )
    for kind, answers in known:
        try:
            if await answers(http):
                return kind
        except ServerReplyError:
            break  # nothing that speaks HTTP in bounds
    raise await stranger(http, "model server that FourEyes knows")


async def _lists_models(http: ServerHttp) -> bool:
    try:
        await listing.openai_models(http)
    except (ServerReplyError, BadRequestError, ModelMissingError):
        return False
    return True
