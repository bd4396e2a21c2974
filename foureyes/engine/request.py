"""The body of a chat request: checked, and its pictures taken out of their data URLs."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from foureyes.exceptions import BadPictureError, PictureTooLargeError, SchemaError, UsageError
from foureyes.picture import MAX_BYTES
from foureyes.schema import document

MAX_PICTURES = 64
_DATA_URL = re.compile(r"data:image/(?:png|jpeg|jpg);base64,", re.IGNORECASE)


class _Loose(BaseModel):
    """Clients of language models send more than the engine needs; what it needs is checked."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class ImageUrl(_Loose):
    """Where a picture is: only data URLs are accepted."""

    url: str


class TextPart(_Loose):
    """Words of a message; the engine answers by the schema and does not follow them."""

    type: Literal["text"]
    text: str


class ImagePart(_Loose):
    """One picture of a message."""

    type: Literal["image_url"]
    image_url: ImageUrl


class Message(_Loose):
    """One message of the chat."""

    role: str
    content: str | list[Annotated[TextPart | ImagePart, Field(discriminator="type")]]


class JsonSchema(_Loose):
    """The schema of the answer, under the name that the client gave it."""

    answer: dict[str, Any] = Field(alias="schema")


class ResponseFormat(_Loose):
    """How to answer; the engine needs to be told the schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchema


class ChatBody(_Loose):
    """A whole chat request."""

    model: str
    messages: list[Message] = Field(min_length=1)
    response_format: ResponseFormat
    user: str | None = Field(None, max_length=1000)
    stream: Literal[False] | None = None

    @property
    def schema_asked(self) -> Mapping[str, Any]:
        """The schema of the answer."""
        return self.response_format.json_schema.answer

    def pictures(self) -> list[bytes]:
        """The encoded pictures of all messages, in order. Raises BadPictureError, PictureTooLargeError."""
        urls = [part.image_url.url for message in self.messages for part in _parts(message)]
        if not urls:
            raise UsageError("the request has no picture; send at least one image_url with a data URL")
        if len(urls) > MAX_PICTURES:
            raise UsageError(f"the request has {len(urls)} pictures; at most {MAX_PICTURES} are accepted")
        return [_bytes(url) for url in urls]


def _parts(message: Message) -> Iterable[ImagePart]:
    return (
        () if isinstance(message.content, str) else (part for part in message.content if part.type == "image_url")
    )


def _bytes(url: str) -> bytes:
    head = _DATA_URL.match(url)
    if head is None:
        raise BadPictureError(
            f"the picture's URL begins with {url[:24]!r}; data:image/png;base64 and data:image/jpeg;base64 are "
            "accepted, nothing is fetched"
        )
    if len(url) > MAX_BYTES * 4 // 3 + 1024:
        raise PictureTooLargeError(f"the picture has over {MAX_BYTES:,} bytes; send a smaller one")
    try:
        return base64.b64decode(url[head.end() :], validate=True)
    except binascii.Error as error:
        raise BadPictureError("the picture's data URL is no valid base64") from error


def parse(data: bytes) -> ChatBody:
    """Check a request's body. Raises UsageError that names every fault, SchemaError for a bad answer schema."""
    try:
        body = ChatBody.model_validate_json(data)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()
        )
        raise UsageError(f"the request cannot be used: {faults[:1000] or 'no JSON'}") from error
    body.response_format.json_schema.answer = _checked(json.dumps(body.schema_asked))
    return body


@lru_cache(maxsize=128)
def _checked(written: str) -> dict[str, Any]:
    """One object for equal schemas, checked once: the check against the meta-schema costs more than an answer."""
    schema: dict[str, Any] = json.loads(written)
    if problems := document.schema_problems(schema):
        raise SchemaError(f"the answer's schema cannot be used: {'; '.join(problems)[:1000]}")
    return schema


def current_count(schema: Mapping[str, Any], sent: int) -> int:
    """How many of the pictures are current; as many again may follow as the earlier ones. Raises UsageError."""
    count = schema.get("x-pictures", 1)
    if not isinstance(count, int) or not 1 <= count <= MAX_PICTURES:
        raise SchemaError(f"x-pictures is {count!r}; it must be a number from 1 to {MAX_PICTURES}")
    if sent not in {count, 2 * count}:
        raise UsageError(
            f"{sent} pictures were sent; the schema's x-pictures asks for {count}, or {2 * count} as pairs"
        )
    return count
