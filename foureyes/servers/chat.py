"""The chat call that every kind of server shares: /v1/chat/completions with pictures and a JSON Schema."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from foureyes.exceptions import ServerReplyError
from foureyes.servers import strict_json
from foureyes.servers.http import ServerHttp
from foureyes.servers.server import ChatReply, ChatRequest, Remarks

ROUTE = "/v1/chat/completions"
_PNG_MAGIC = b"\x89PNG"
_REMARKS = TypeAdapter(Remarks)


async def ask(http: ServerHttp, request: ChatRequest) -> ChatReply:
    """Send one chat request and parse its answer.

    Raises ServerReplyError where the answering model is another one, the answer was cut, or is no JSON object.
    """
    started = time.monotonic()
    document = await http.call("POST", ROUTE, body=_body(request), timeout_s=request.timeout_s)
    latency_ms = (time.monotonic() - started) * 1000
    model = document.get("model")
    if model != request.model_id:
        raise ServerReplyError(f"server '{http.name}' answered with model {model!r}, not {request.model_id!r}")
    return ChatReply(_answer(http.name, document), request.model_id, latency_ms, _remarks(http.name, document))


def _body(request: ChatRequest) -> dict[str, Any]:
    images = [{"type": "image_url", "image_url": {"url": _data_url(data)}} for data in request.pictures]
    body: dict[str, Any] = {
        "model": request.model_id,
        "messages": [{"role": "user", "content": [{"type": "text", "text": request.prompt}, *images]}],
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reading", "strict": True, "schema": dict(request.schema)},
        },
    }
    if request.stream is not None:
        body["user"] = request.stream
    return body


def _data_url(data: bytes) -> str:
    kind = "png" if data.startswith(_PNG_MAGIC) else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _answer(server: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        choice = document["choices"][0]
        content, finish = choice["message"]["content"], choice.get("finish_reason")
    except (KeyError, IndexError, TypeError) as error:
        raise ServerReplyError(f"server '{server}' answered without choices: {str(document)[:200]}") from error
    if finish == "length":
        raise ServerReplyError(f"server '{server}' cut its answer at max_tokens; raise max_tokens of the task")
    try:
        answer = strict_json.parsed(content)
    except (TypeError, ValueError) as error:
        raise ServerReplyError(f"server '{server}' answered no JSON: {str(content)[:200]!r}") from error
    if not isinstance(answer, dict):
        raise ServerReplyError(f"server '{server}' answered JSON that is no object: {str(content)[:200]!r}")
    return answer


def _remarks(server: str, document: Mapping[str, Any]) -> Remarks:
    said = document.get("foureyes")
    if said is None:
        return Remarks()
    try:
        return _REMARKS.validate_python(said)
    except ValidationError as error:
        raise ServerReplyError(f"server '{server}' answered with remarks of another shape: {error}") from error
