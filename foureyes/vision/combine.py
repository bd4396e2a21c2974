"""Tasks that share picture and model go as one request: gathered for a moment, asked once, split by task."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from foureyes.exceptions import ServerReplyError
from foureyes.servers.server import ChatReply, ChatRequest, Priority
from foureyes.servers.supervisor import Supervisor

_GATHER_S = 0.05
"""Tasks are offered a look together; comparing it with what they know takes them some milliseconds each."""

_Key = tuple[str, str, float, Priority, tuple[bytes, ...]]


@dataclass(eq=False)
class _Batch:
    server: Supervisor
    requests: dict[str, ChatRequest]
    replies: dict[str, asyncio.Future[ChatReply]]


class Combiner:
    """Holds the batches that are being gathered. A task that is alone is asked as if nobody combined."""

    def __init__(self) -> None:
        self._open: dict[_Key, _Batch] = {}
        self._flights: set[asyncio.Task[None]] = set()

    async def chat(self, server: Supervisor, task: str, request: ChatRequest) -> ChatReply:
        """Ask together with the other tasks that ask about these pictures now. Raises a ServerError leaf."""
        key = (server.snapshot.id, request.model_id, request.temperature, request.priority, request.pictures)
        batch = self._open.get(key)
        if batch is None or task in batch.requests:  # a second question of one task is a batch of its own
            batch = self._open[key] = _Batch(server, {}, {})
            self._fly_soon(key, batch)
        batch.requests[task] = request
        reply: asyncio.Future[ChatReply] = asyncio.get_running_loop().create_future()
        batch.replies[task] = reply
        return await reply

    def _fly_soon(self, key: _Key, batch: _Batch) -> None:
        flight = asyncio.create_task(self._fly(key, batch), name=f"combined request to {key[0]}")
        self._flights.add(flight)
        flight.add_done_callback(self._flights.discard)

    async def _fly(self, key: _Key, batch: _Batch) -> None:
        await asyncio.sleep(_GATHER_S)
        if self._open.get(key) is batch:
            del self._open[key]
        try:
            whole = await batch.server.chat(_combined(batch.requests))
        except Exception as error:  # noqa: BLE001 - whatever it was, those who wait must be told
            for reply in batch.replies.values():
                if not reply.done():
                    reply.set_exception(error)
            return
        for task, reply in batch.replies.items():
            if not reply.done():  # whoever asked may have been cancelled
                _settle(reply, whole, task, alone=len(batch.requests) == 1)
                whole = replace(whole, usage=None)  # what was spent once is counted once


def _combined(requests: Mapping[str, ChatRequest]) -> ChatRequest:
    first = next(iter(requests.values()))
    if len(requests) == 1:
        return first
    questions = "\n".join(f"{task}: {request.prompt}" for task, request in requests.items())
    return replace(
        first,
        prompt=f"Answer each of these about the same picture, each under its own key.\n{questions}",
        schema={
            "type": "object",
            "properties": {task: dict(request.schema) for task, request in requests.items()},
            "required": list(requests),
            "additionalProperties": False,
        },
        timeout_s=max(request.timeout_s for request in requests.values()),
        max_tokens=sum(request.max_tokens for request in requests.values()),
    )


def _settle(reply: asyncio.Future[ChatReply], whole: ChatReply, task: str, *, alone: bool) -> None:
    answer: Any = whole.answer if alone else whole.answer.get(task)
    if isinstance(answer, Mapping):
        reply.set_result(replace(whole, answer=answer))
    else:
        said = f"model '{whole.model_id}' left task '{task}' out of its answer to a combined request"
        reply.set_exception(ServerReplyError(said))
