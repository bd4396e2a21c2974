"""The chat call to a language model: one question, and one repair where the answer is no use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foureyes.exceptions import ServerReplyError, ServerTimeoutError
from foureyes.schema.document import check_answer, stripped
from foureyes.servers.chat import conversation, json_in_prose
from foureyes.servers.chat.completion import ROUTE, Asked, check_same, completion, question
from foureyes.servers.chat.sent_picture import prepared
from foureyes.servers.http.server_http import ServerHttp
from foureyes.servers.server import ChatReply, ChatRequest, Remarks, Usage

_MAX_TOLD = 5


async def ask(http: ServerHttp, request: ChatRequest, asked: Asked, *, max_edge_px: int) -> ChatReply:
    """Send a request and read its answer, its repair included, within its timeout. Raises a ServerError leaf.

    What breaks the schema even after the repair is returned as it is: whoever asked checks it against the whole.
    """
    talk = _Talk(http, request, asked)
    pictures = await asyncio.gather(*(asyncio.to_thread(prepared, each, max_edge_px) for each in request.pictures))
    messages = conversation.opening(request.prompt, request.schema, talk.plain_schema, pictures)
    said = await talk.say(messages)
    if said.complaint:
        said = await talk.say([*messages, *conversation.repair(said.text, said.complaint)])
    if said.answer is None:
        raise ServerReplyError(
            f"server '{http.name}', asked twice, gave {said.complaint}; it said {said.text[:200]!r}"
        )
    scales = tuple(picture.scale for picture in pictures)
    return ChatReply(said.answer, request.model_id, talk.spent_s * 1000, Remarks(), talk.usage, scales)


@dataclass(frozen=True)
class _Said:
    text: str
    answer: Mapping[str, Any] | None
    complaint: str
    """What is wrong with it; empty where nothing is."""


class _Talk:
    """One question with one model, and what it has cost so far."""

    def __init__(self, http: ServerHttp, request: ChatRequest, asked: Asked) -> None:
        self.usage: Usage | None = None
        self.plain_schema = stripped(request.schema)
        self._http = http
        self._request = request
        self._asked = asked
        self._began_s = time.monotonic()

    @property
    def spent_s(self) -> float:
        """Seconds since the question."""
        return time.monotonic() - self._began_s

    async def say(self, messages: Sequence[conversation.Message]) -> _Said:
        """Send the whole conversation and read what comes back, in what is left of the request's time."""
        left_s = self._request.timeout_s - self.spent_s
        if left_s <= 0:
            raise ServerTimeoutError(
                f"server '{self._http.name}' gave no usable answer within {self._request.timeout_s:g} s"
            )
        body = question(self._request, self._asked, messages, self.plain_schema)
        document = await self._http.call("POST", ROUTE, body=body, timeout_s=left_s)
        answered = completion(self._http.name, document, self._asked)
        self.usage = _sum(self.usage, answered.usage)
        return _read(answered.text, self._request.schema)


async def wake(http: ServerHttp, asked: Asked, *, timeout_s: float) -> None:
    """Have a server that loads on demand load a model: one word from it will do. Raises a ServerError leaf."""
    body = {"model": asked.name, "messages": [{"role": "user", "content": "Say yes."}], "max_tokens": 1}
    check_same(http.name, await http.call("POST", ROUTE, body=body, timeout_s=timeout_s), asked)


def _read(text: str, schema: Mapping[str, Any]) -> _Said:
    try:
        answer = json_in_prose.found(text, schema.get("properties", {}).keys())
    except ValueError as error:
        return _Said(text, None, f"no JSON that can be used ({error})")
    told = [f"{each.field or 'the answer'}: {each.why}" for each in check_answer(schema, answer)]
    return _Said(text, answer, "; ".join(told[:_MAX_TOLD]))


def _sum(first: Usage | None, second: Usage | None) -> Usage | None:
    if first is None or second is None:
        return first or second
    return Usage(first.prompt_tokens + second.prompt_tokens, first.completion_tokens + second.completion_tokens)
