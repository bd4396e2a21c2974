"""POST /api/analyze from outside: a crowd of operators in front of one server, and what is not taken in."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import http.client
import itertools
import json
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from parts.direct import DIRECT
from parts.foureyes import foureyes
from parts.jpeg import encode_jpeg
from parts.reloading import ConfigFile
from parts.serving import Serving, server, serving
from parts.watched import FakeEngine, drawn, metric, steer, task

from foureyes.picture import MAX_BYTES, encode_png

WAITING = 100
PNG = {"Content-Type": "image/png"}
HOLDERS = itertools.count(900)


def picture(number: int) -> bytes:
    """A picture like no other, whose number of bytes tells it from the others."""
    noise = np.random.default_rng(number).integers(0, 255, (8, 8 + number, 3), np.uint8)
    return encode_png(noise)


def flat(width: int, height: int) -> bytes:
    """A large picture in few bytes."""
    done, data = cv2.imencode(".png", np.zeros((height, width, 3), np.uint8))
    assert done
    return data.tobytes()


@dataclass
class Crowd:
    """The daemon, the engine behind it, and requests of operators that come all at once."""

    running: Serving
    engine: FakeEngine
    client: httpx.AsyncClient

    async def ask(self, data: bytes, **params: str) -> httpx.Response:
        return await self.client.post("/api/analyze", params=params, content=data, headers=PNG)

    def soon(self, data: bytes, **params: str) -> asyncio.Task[httpx.Response]:
        return asyncio.create_task(self.ask(data, **params))

    async def hold(self) -> asyncio.Task[httpx.Response]:
        """Have one request sit in the only place that operators have here, until it is released."""
        self.engine.control("read", hold=True, times=1)
        held = self.soon(picture(next(HOLDERS)), task="read")
        await self.until(lambda: self.requests("inside") == 1, "one request to be with the server")
        return held

    def release(self) -> None:
        steer(self.engine.url, release=True)

    def requests(self, state: str) -> float:
        return metric(self.running.daemon.url, "foureyes_server_requests", server="engine", state=state)

    def dropped(self, where: str, reason: str) -> float:
        return metric(self.running.daemon.url, "dropped_total", where=where, reason=reason)

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        async with asyncio.timeout(30):
            while not await asyncio.to_thread(condition):
                assert self.running.daemon.running, f"it ended before: {what}"
                await asyncio.sleep(0.1)  # to read all metrics is work for both sides

    def asked(self) -> list[str]:
        """Digests of the pictures that the engine was asked about, in this order."""
        return [digest for request in self.engine.requests("read") for digest in request["pictures"]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Serving, FakeEngine]]:
    folder = tmp_path_factory.mktemp("analyze")
    with FakeEngine(folder / "engine", ["read"]) as engine:
        engine.control("read", echo="number")
        servers = [server("engine", engine.url, check_s=300, max_requests=2)]
        models = {"read": {"server": "engine", "model_id": "read"}}
        tasks = {"read": task(models=["read"]), "again": task(models=["read"], prompt="Read it again.")}
        with serving(folder, servers, models, tasks, FOUREYES_RESOURCES__MEMORY_LIMIT_MB="256") as daemon:
            daemon.daemon.wait_ready()
            daemon.wait_reading("again", origin="held")
            yield daemon, engine


@pytest.fixture
async def crowd(running: tuple[Serving, FakeEngine]) -> AsyncIterator[Crowd]:
    daemon, engine = running
    limits = httpx.Limits(max_connections=300)
    async with httpx.AsyncClient(base_url=daemon.daemon.url, **DIRECT, timeout=60, limits=limits) as client:
        yield Crowd(daemon, engine, client)


def size_of(response: httpx.Response) -> int:
    """The number of bytes of the picture that was read, as the engine tells it."""
    assert response.status_code == 200, response.text
    (reading,) = response.json()
    return int(reading["values"]["number"])


async def test_a_reading_is_as_the_command_prints_it(crowd: Crowd, tmp_path: Path) -> None:
    """Keys and values are those of `foureyes analyze`, which asks the daemon; a damaged picture stops no other."""
    data = encode_jpeg(drawn("a picture"))
    response = await crowd.client.post("/api/analyze", content=data, headers={"Content-Type": "image/jpeg"})
    readings = {reading["task"]: reading for reading in response.json()}
    assert list(readings) == ["read", "again"]
    assert readings["read"]["values"] == {"amount": None, "number": len(data)}
    assert readings["read"]["source"] == "analyze"
    file, cut, state_dir = tmp_path / "a.jpg", tmp_path / "cut.png", str(crowd.running.daemon.state_dir)
    file.write_bytes(encode_jpeg(drawn("another")))
    cut.write_bytes(picture(1)[:-20])
    both = (str(cut), str(file))
    command = await asyncio.to_thread(foureyes, "analyze", *both, "--state-dir", state_dir, "--json")
    assert (command.returncode, "Traceback" in command.stderr) == (1, False)
    assert f"{cut}: " in command.stderr
    assert "truncated" in command.stderr
    printed = [json.loads(line) for line in command.stdout.splitlines()]
    assert [set(line) - {"image"} for line in printed] == [set(reading) for reading in readings.values()]
    assert printed[0]["values"]["number"] == file.stat().st_size


async def test_r16_a_hundred_at_once_each_get_their_own_answer_in_order_of_priority(crowd: Crowd) -> None:
    """R16: none of a hundred is lost, each answer is of its own picture, and the urgent ones were read first."""
    held, before = await crowd.hold(), len(crowd.asked())
    priorities = random.Random(4).choices(["high", "normal", "low"], k=99)  # noqa: S311 - a test's dice
    pictures = [picture(number) for number in range(1, 100)]
    asking = [
        crowd.soon(data, task="read", priority=priority, client=f"client{number % 7}")
        for number, (data, priority) in enumerate(zip(pictures, priorities, strict=True))
    ]
    await crowd.until(lambda: crowd.requests("waiting") == 99, "all of them to wait")
    crowd.release()
    responses = await asyncio.gather(*asking)
    assert [size_of(response) for response in responses] == [len(data) for data in pictures]
    by_digest = {hashlib.sha256(data).hexdigest(): each for data, each in zip(pictures, priorities, strict=True)}
    order = [by_digest[digest] for digest in crowd.asked()[before:] if digest in by_digest]
    assert order == [name for name in ("high", "normal", "low") for _ in range(priorities.count(name))]
    assert (await held).status_code == 200


async def test_clients_take_turns(crowd: Crowd) -> None:
    """A client with twenty pictures lets one with two in between."""
    held, before = await crowd.hold(), len(crowd.asked())
    many = [picture(number) for number in range(200, 220)]
    few = [picture(number) for number in range(230, 232)]
    asking = [crowd.soon(data, task="read", client="many") for data in many]
    await crowd.until(lambda: crowd.requests("waiting") == 20, "the many to wait")
    asking += [crowd.soon(data, task="read", client="few") for data in few]
    await crowd.until(lambda: crowd.requests("waiting") == 22, "the few to wait")
    crowd.release()
    await asyncio.gather(*asking, held)
    order = crowd.asked()[before:]
    last_of_few = max(order.index(hashlib.sha256(data).hexdigest()) for data in few)
    assert last_of_few <= 4


async def test_beyond_the_queue_operators_are_told_when_to_come_again(crowd: Crowd) -> None:
    """Of 150 at once one is read, a hundred wait and 49 get a 429 with Retry-After; the others are answered."""
    held, dropped = await crowd.hold(), crowd.dropped("analyze", "full")
    asking = [crowd.soon(picture(300 + number), task="read") for number in range(149)]
    await crowd.until(lambda: crowd.dropped("analyze", "full") - dropped == 49, "the last ones to be refused")
    crowd.release()
    responses = await asyncio.gather(*asking)
    codes = Counter(response.status_code for response in responses)
    assert codes == {200: WAITING, 429: 49}
    refused = [response for response in responses if response.status_code == 429]
    assert all(int(response.headers["retry-after"]) >= 1 for response in refused)
    assert all("come again" in response.json()["error"]["message"] for response in refused)
    assert (await held).status_code == 200


async def test_the_loop_waits_for_no_operator(crowd: Crowd) -> None:
    """While operators fill the queue, what the loop sees anew is read before any of them."""
    held, seen = await crowd.hold(), len(crowd.running.readings("read"))
    asking = [crowd.soon(picture(500 + number), task="read") for number in range(30)]
    await crowd.until(lambda: crowd.requests("waiting") == 30, "operators to wait")
    crowd.running.show()
    await asyncio.to_thread(crowd.running.wait_reading, "read", seen, origin="inferred")
    assert not held.done()
    assert not any(task.done() for task in asking)
    crowd.release()
    await asyncio.gather(held, *asking)


async def test_equal_pictures_at_once_are_read_once(crowd: Crowd) -> None:
    """Ten who ask the same at the same time share one request, and who asks again gets it from the cache."""
    held, data, before = await crowd.hold(), picture(600), len(crowd.asked())
    asking = [crowd.soon(data, task="read", client=f"client{number}") for number in range(10)]
    await crowd.until(lambda: crowd.requests("waiting") == 1, "the one request to wait")
    crowd.release()
    origins = Counter(response.json()[0]["origin"] for response in await asyncio.gather(*asking))
    assert origins["inferred"] == 1
    assert origins["shared"] + origins["cached"] == 9
    assert (await crowd.ask(data, task="read")).json()[0]["origin"] == "cached"
    assert len(crowd.asked()) - before == 1
    await held


async def test_who_leaves_takes_the_question_out_of_the_queue(crowd: Crowd) -> None:
    """A client that closes its connection while it waits is forgotten, counted, and never asked for."""
    held, data = await crowd.hold(), picture(700)
    dropped, left = crowd.dropped("queue", "cancelled"), crowd.soon(data, task="read")
    await crowd.until(lambda: crowd.requests("waiting") == 1, "it to wait")
    left.cancel()
    await crowd.until(lambda: crowd.requests("waiting") == 0, "it to be forgotten")
    crowd.release()
    await held
    assert crowd.dropped("queue", "cancelled") - dropped == 1
    assert hashlib.sha256(data).hexdigest() not in crowd.asked()


async def test_pictures_together_hold_no_more_than_their_memory(crowd: Crowd) -> None:
    """Two of 19 megapixels would hold more than half of the memory limit, so the third is told to come again."""
    held, large = await crowd.hold(), flat(5000, 3800)
    first, second = crowd.soon(large, task="read"), crowd.soon(large, task="read", priority="high")
    await crowd.until(lambda: crowd.requests("waiting") == 2, "both to wait")
    third = await crowd.ask(large, task="read")
    assert third.status_code == 429
    assert "memory" in third.json()["error"]["message"]
    crowd.release()
    assert {(await each).status_code for each in (first, second, held)} == {200}
    assert (await crowd.ask(large, task="read")).status_code == 200


@pytest.mark.parametrize(
    ("status", "data", "params", "headers", "said"),
    [
        (415, picture(1), {}, {"Content-Type": "application/octet-stream"}, "Content-Type"),
        (415, picture(1), {}, {"Content-Type": "text/plain"}, "Content-Type"),
        (415, picture(1), {}, {"Content-Type": "multipart/form-data"}, "Content-Type"),
        (400, b"no picture", {}, PNG, "no PNG or JPEG"),
        (400, b"", {}, PNG, "no PNG or JPEG"),
        (400, picture(1)[:-20], {}, PNG, "truncated"),
        (413, flat(5000, 4200), {}, PNG, "megapixels"),
        (413, flat(9000, 8), {}, PNG, "pixels a side"),
        (400, picture(1), {"task": "nope"}, PNG, "known tasks: read, again"),
        (400, picture(1), {"source": "nope"}, PNG, "known sources: main"),
        (400, picture(1), {"priority": "urgent"}, PNG, "priority"),
        (400, picture(1), {"client": "a\nb"}, PNG, "client"),
        (403, picture(1), {}, {**PNG, "Origin": "https://evil.example"}, "loopback"),
        (403, picture(1), {}, {**PNG, "Host": "evil.example"}, "loopback"),
    ],
)
async def test_what_is_not_taken_in_is_told_why(
    crowd: Crowd, status: int, data: bytes, params: dict[str, str], headers: dict[str, str], said: str
) -> None:
    """Each refusal has the status that fits and a sentence, and the engine is asked nothing."""
    before = len(crowd.asked())
    response = await crowd.client.post("/api/analyze", content=data, params=params, headers=headers)
    assert response.status_code == status
    assert said in response.json()["error"]["message"]
    assert len(crowd.asked()) == before


async def test_who_leaves_in_the_middle_of_a_picture_is_no_fault(crowd: Crowd) -> None:
    """A client that sends half a picture and hangs up is no error of the log, and none of the recorded faults."""
    port = httpx.URL(crowd.running.daemon.url).port
    fields = (f"Host: 127.0.0.1:{port}", "Content-Type: image/png", "Content-Length: 999")
    head = "\r\n".join(["POST /api/analyze HTTP/1.1", *fields, "", ""])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"{head}half".encode())
    assert (await crowd.ask(picture(720), task="read")).is_success
    assert not [entry for entry in crowd.running.daemon.log_events() if entry["level"] == "error"]
    assert metric(crowd.running.daemon.url, "foureyes_faults_total", component="web") == 0


async def test_a_foreign_page_gets_no_leave_to_send_a_picture(crowd: Crowd) -> None:
    """A browser asks before it sends image/png across sites, and is not told that it may."""
    headers = {"Origin": crowd.running.daemon.url, "Access-Control-Request-Method": "POST"}
    answer = await crowd.client.options("/api/analyze", headers=headers)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_body_over_the_bound_is_not_read_to_its_end(running: tuple[Serving, FakeEngine]) -> None:
    """Of an endless body no more than the bound is taken; then the answer is 413."""
    port = httpx.URL(running[0].daemon.url).port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest("POST", "/api/analyze")
    connection.putheader("Content-Type", "image/png")
    connection.putheader("Content-Length", str(100 * MAX_BYTES))
    connection.endheaders()
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < 4 * MAX_BYTES and not answered(connection):
            connection.send(b"\0" * 1_000_000)
            sent += 1_000_000
    assert connection.getresponse().status == 413
    assert sent < 4 * MAX_BYTES
    connection.close()


def answered(connection: http.client.HTTPConnection) -> bool:
    """Whether something has come back, without waiting for it."""
    connection.sock.setblocking(False)
    try:
        with contextlib.suppress(BlockingIOError):
            return bool(connection.sock.recv(1, 2))  # MSG_PEEK
        return False
    finally:
        connection.sock.setblocking(True)


def test_a_wrong_call_of_the_command_is_told_as_one(running: tuple[Serving, FakeEngine], tmp_path: Path) -> None:
    """An unknown task, and a daemon that is not there, are sentences and no traceback."""
    state_dir, file = str(running[0].daemon.state_dir), tmp_path / "a.png"
    file.write_bytes(picture(1))
    unknown = foureyes("analyze", str(file), "--task", "nope", "--state-dir", state_dir)
    assert "known tasks: read, again" in unknown.stderr
    nowhere = foureyes("analyze", str(file), "--daemon", "--state-dir", str(tmp_path / "empty"))
    assert "no daemon runs" in nowhere.stderr
    assert not any("Traceback" in each.stderr for each in (unknown, nowhere))


async def test_a_reload_that_gives_a_server_more_places_takes_more_operators_in(crowd: Crowd) -> None:
    """With ten places more than before, of 120 at once 111 are taken in and nine are not."""
    config = ConfigFile(crowd.running.daemon, crowd.running.daemon.state_dir.parent)
    said = await asyncio.to_thread(config.reload, config.changed("servers", 0, max_requests=12))
    assert "servers changed: engine" in said["message"]
    dropped = crowd.dropped("analyze", "full")
    crowd.engine.control("read", hold=True, times=11)
    asking = [crowd.soon(picture(900 + number), task="read") for number in range(WAITING + 20)]
    await crowd.until(lambda: crowd.dropped("analyze", "full") - dropped == 9, "the last ones to be refused")
    crowd.release()
    responses = await asyncio.gather(*asking)
    assert Counter(response.status_code for response in responses) == {200: WAITING + 11, 429: 9}
