"""What all sections of the configuration have in common: their base, and the types of their fields."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

from foureyes.redaction import redact
from foureyes.schema.document import MAX_TEXT_CHARS


def _inside_picture(rect: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x, y, width, height = rect
    if min(rect) < 0 or width == 0 or height == 0 or x + width > 1.000001 or y + height > 1.000001:
        raise ValueError("x, y, width, height are fractions of the picture, and the rectangle lies inside it")
    return rect


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("http://host:port or https://host:port")
    if parts.username is not None or parts.password is not None:
        raise ValueError("no user or password in it: a token comes from the environment (token_env)")
    return value.rstrip("/").removesuffix("/v1").rstrip("/")


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment:
        raise ValueError("http://host/path or https://host/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("no user or password in it: the receiver knows us by the signature (secret_env)")
    return value


def _without_path(value: str) -> str:
    """Many receivers are known by a secret in the path."""
    parts = urlsplit(value)
    return f"{parts.scheme}://{parts.netloc}/[REDACTED]"


def _model_id(value: str) -> str:
    if any(part in {"", ".", ".."} or len(part) > 100 for part in value.split("/")):
        raise ValueError(
            "publisher/name[@variant][:n], at most 100 characters a segment, no '..', no leading slash"
        )
    return value


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
ModelId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9@:._/-]{1,400}$"), AfterValidator(_model_id)]
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT_CHARS)]
Url = Annotated[str, AfterValidator(_base_url)]
"""Scheme, host and port of a server; a trailing /v1 is taken off."""
WebAddress = Annotated[str, AfterValidator(_web_address), PlainSerializer(_without_path, str, when_used="json")]
"""Where something is posted to; shown without its path."""
Command = Annotated[list[str], Field(min_length=1), PlainSerializer(redact, list[str], when_used="json")]
"""An argument list; shown without the secrets that are in it (--api-key ...)."""
Rect = Annotated[tuple[float, float, float, float], AfterValidator(_inside_picture)]
"""x, y, width, height as fractions of the picture."""
Fps = Annotated[float, Field(ge=0.1, le=30)]
Timeout = Annotated[float, Field(ge=1, le=600)]
Interval = Annotated[float, Field(ge=1, le=300)]
TaskRegions = dict[str, Rect]
"""Field name (or `*` for the whole task) to the rectangle it is read from."""


class Section(BaseModel):
    """Base of every part of the configuration: an unknown key is a fault, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)
