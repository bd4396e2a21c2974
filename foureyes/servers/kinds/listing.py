"""The listing that every server of OpenAI's routes has: GET /v1/models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from foureyes.exceptions import ServerReplyError
from foureyes.servers.http.server_http import ServerHttp
from foureyes.servers.server import Listed

T = TypeVar("T")

ROUTE = "/v1/models"
CHOOSE_ANOTHER = "choose a model with vision"


class _Model(BaseModel):
    id: str


_DATA = TypeAdapter(list[_Model])


async def openai_models(http: ServerHttp, *, loaded: bool | None = None) -> tuple[Listed, ...]:
    """What it lists, which alone does not tell what is loaded. Raises a ServerError leaf."""
    return openai_listed(http.name, await http.call("GET", ROUTE), loaded=loaded)


def openai_listed(server: str, document: Mapping[str, Any], *, loaded: bool | None = None) -> tuple[Listed, ...]:
    """The models in such a document. Raises ServerReplyError where there is no `data` list."""
    return tuple(Listed(each.id, loaded) for each in understood(_DATA, document.get("data"), server))


def understood(shape: TypeAdapter[T], said: Any, server: str) -> T:
    """The part of a listing that was asked for. Raises ServerReplyError where it has another shape."""
    try:
        return shape.validate_python(said)
    except ValidationError as error:
        raise ServerReplyError(
            f"server '{server}' lists its models in another shape: {str(said)[:100]}"
        ) from error
