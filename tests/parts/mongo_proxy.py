"""A proxy that stands between a client and a MongoDB, and misbehaves when it is told to.

    python mongo_proxy.py --listen PORT --to HOST:PORT --control PORT

It speaks the wire protocol as far as its tricks need: OP_MSG, of which all but the greeting of pymongo is made.
One JSON line to the control port is the whole behaviour from then on, all fields optional; the answer counts what
was seen so far: `commands` by name and `connections`.

refuse      true: nobody listens any more, and all connections are gone
hang        true: what comes is kept, and nothing is answered
delay_s     how long each request is kept back
deny        true: the user is refused (code 18) whatever it asks
not_primary how many writes are answered by a primary that has stepped down (code 10107)
cut         "request" or "reply": of the next `cuts` writes half the request is passed on, or half the reply, and
            the connection ends
cuts        how often it cuts
reject      a text: a document that has it is refused (code 121), as a validator of the collection would
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import bson

_HEADER = struct.Struct("<iiii")
_OP_MSG = 2013
_GREETINGS = {"hello", "isMaster", "ismaster"}
_WRITES = {"update", "insert", "delete"}
_SENT = {"update": "updates", "insert": "documents"}
"""Where a write has its documents."""
_STEPPED_DOWN = {"ok": 0.0, "code": 10107, "codeName": "NotWritablePrimary", "errmsg": "not primary"}
_DENIED = {"ok": 0.0, "code": 18, "codeName": "AuthenticationFailed", "errmsg": "Authentication failed."}
_INVALID = {"code": 121, "errmsg": "Document failed validation"}

Document = dict[str, Any]
Rewrite = Callable[[Document], Document]


@dataclass
class Behaviour:
    """What the proxy does now."""

    refuse: bool = False
    hang: bool = False
    delay_s: float = 0.0
    deny: bool = False
    not_primary: int = 0
    cut: str = ""
    cuts: int = 0
    reject: str = ""


@dataclass(frozen=True)
class Message:
    """One message of the wire protocol, with the command of an OP_MSG."""

    data: bytes

    @property
    def request_id(self) -> int:
        return int(_HEADER.unpack_from(self.data)[1])

    @property
    def response_to(self) -> int:
        return int(_HEADER.unpack_from(self.data)[2])

    @property
    def is_op_msg(self) -> bool:
        return bool(_HEADER.unpack_from(self.data)[3] == _OP_MSG)

    def document(self) -> Document:
        """The body, the documents of its sequences in it as lists."""
        document: Document = {}
        at = _HEADER.size + 4
        while at < len(self.data):
            kind, at = self.data[at], at + 1
            size = int.from_bytes(self.data[at : at + 4], "little")
            part = self.data[at : at + size]
            if kind == 0:
                document = bson.decode(part) | document
            else:
                name, _, documents = part[4:].partition(b"\0")
                document[name.decode()] = bson.decode_all(documents)
            at += size
        return document


def op_msg(document: Document, *, request_id: int = 0, response_to: int = 0) -> bytes:
    """One message with this body."""
    body = b"\0\0\0\0\0" + bson.encode(document)
    return _HEADER.pack(_HEADER.size + len(body), request_id, response_to, _OP_MSG) + body


async def read_message(reader: asyncio.StreamReader) -> Message:
    """The next whole message."""
    header = await reader.readexactly(_HEADER.size)
    return Message(header + await reader.readexactly(_HEADER.unpack(header)[0] - _HEADER.size))


@dataclass(eq=False)
class Link:
    """One client's connection and ours to the server for it."""

    client: asyncio.StreamReader
    to_client: asyncio.StreamWriter
    server: asyncio.StreamReader
    to_server: asyncio.StreamWriter
    rewrites: dict[int, Rewrite] = field(default_factory=dict)
    cut_replies: set[int] = field(default_factory=set)

    def end(self) -> None:
        self.to_client.close()
        self.to_server.close()


class Proxy:
    """All connections, and how they are treated."""

    def __init__(self, listen: int, to: str) -> None:
        self._listen = listen
        self._host, _, self._port = to.rpartition(":")
        self._behaviour = Behaviour()
        self._commands: Counter[str] = Counter()
        self._connections = 0
        self._links: set[Link] = set()
        self._server: asyncio.Server | None = None
        self._going_on = asyncio.Event()

    async def behave(self, behaviour: Behaviour) -> None:
        """Treat what comes from now on like this."""
        self._behaviour = behaviour
        if not behaviour.hang:
            self._going_on.set()
            self._going_on = asyncio.Event()
        if behaviour.refuse:
            await self._hang_up()
        elif self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._listen)

    def seen(self) -> Document:
        return {"commands": dict(self._commands), "connections": self._connections}

    async def _hang_up(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for link in list(self._links):
            link.end()

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            server, to_server = await asyncio.open_connection(self._host, self._port)
        except OSError:
            to_client.close()
            return
        link = Link(client, to_client, server, to_server)
        self._links.add(link)
        pumps = [asyncio.create_task(self._requests(link)), asyncio.create_task(self._replies(link))]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        link.end()
        await asyncio.wait(pumps)
        self._links.discard(link)

    async def _requests(self, link: Link) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                message = await read_message(link.client)
                await self._pause()
                await self._request(link, message)

    async def _pause(self) -> None:
        await asyncio.sleep(self._behaviour.delay_s)
        while self._behaviour.hang:
            await self._going_on.wait()

    async def _request(self, link: Link, message: Message) -> None:
        document = message.document() if message.is_op_msg else {"hello": 1}
        name = next(iter(document))
        self._commands[name] += 1
        if refusal := self._refusal(name):
            link.to_client.write(op_msg(refusal, response_to=message.request_id))
        elif name in _WRITES and self._behaviour.cut and self._behaviour.cuts:
            self._cut(link, message)
        elif self._behaviour.reject and (at := self._rejected_at(document)) is not None:
            self._pass_on_until(at, link, message, document)
        else:
            link.to_server.write(message.data)

    def _refusal(self, name: str) -> Document | None:
        if self._behaviour.deny and name not in _GREETINGS:
            return _DENIED
        if name in _WRITES and self._behaviour.not_primary:
            self._behaviour.not_primary -= 1
            return _STEPPED_DOWN
        return None

    def _cut(self, link: Link, message: Message) -> None:
        self._behaviour.cuts -= 1
        if self._behaviour.cut == "request":
            link.to_server.write(message.data[: len(message.data) // 2])
            link.end()
        else:
            link.cut_replies.add(message.request_id)
            link.to_server.write(message.data)

    def _rejected_at(self, document: Document) -> int | None:
        """Where the first document of an ordered write stands that is to be refused."""
        for index, each in enumerate(document.get(_SENT.get(next(iter(document)), ""), [])):
            if self._behaviour.reject in repr(each):
                return index
        return None

    @staticmethod
    def _pass_on_until(at: int, link: Link, message: Message, document: Document) -> None:
        """Pass on what stands before the refused one; those behind it are left out, as an ordered write does."""
        refusal = {"index": at, **_INVALID}
        if at == 0:
            reply = {"n": 0, "nModified": 0, "writeErrors": [refusal], "ok": 1.0}
            link.to_client.write(op_msg(reply, response_to=message.request_id))
            return
        sent = _SENT[next(iter(document))]
        link.rewrites[message.request_id] = lambda reply: reply | {"writeErrors": [refusal]}
        link.to_server.write(op_msg(document | {sent: document[sent][:at]}, request_id=message.request_id))

    async def _replies(self, link: Link) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                message = await read_message(link.server)
                while self._behaviour.hang:
                    await self._going_on.wait()
                data, asked = message.data, message.response_to
                if asked in link.cut_replies:
                    link.to_client.write(data[: len(data) // 2])
                    return
                if rewrite := link.rewrites.pop(asked, None):
                    data = op_msg(rewrite(message.document()), response_to=asked)
                link.to_client.write(data)


async def _obey(proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if line := (await reader.readline()).strip():
        await proxy.behave(Behaviour(**json.loads(line)))
    writer.write(json.dumps(proxy.seen()).encode())
    writer.close()


async def _main(listen: int, to: str, control: int) -> None:
    proxy = Proxy(listen, to)
    await proxy.behave(Behaviour())
    steering = await asyncio.start_server(lambda *streams: _obey(proxy, *streams), "127.0.0.1", control)
    await steering.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--to", required=True)
    parser.add_argument("--control", type=int, required=True)
    arguments = parser.parse_args()
    asyncio.run(_main(arguments.listen, arguments.to, arguments.control))
