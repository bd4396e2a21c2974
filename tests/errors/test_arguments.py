"""What a fault's calls were made with: kept as data, bounded, without secrets, and built again elsewhere."""

from __future__ import annotations

import base64
import math
import re
import socket
import threading
import time
import tracemalloc
from collections import deque
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parts.faulty import events, groups, raised, recording
from parts.reproducing import captured, caught, there_and_back

from foureyes.backoff import backoff_s
from foureyes.config.settings import ObsSource
from foureyes.config.triage import Reproduction
from foureyes.errors.arguments import ArgumentStore, argument_folder
from foureyes.errors.blobs import MAX_BYTES
from foureyes.errors.capture import MAX_NODES, MAX_SECONDS, Capture
from foureyes.exceptions import ConfigFault, ServerBusyError
from foureyes.forgewright.reproduction.boundary import NotKeptError, StandIn
from foureyes.forgewright.reproduction.rebuilding import NotRebuiltError, Rebuilder
from foureyes.frames.camera import Camera
from foureyes.frames.region import Region
from foureyes.picture import Box, Picture, encode_png
from foureyes.servers.server import ChatRequest, Priority

PIXELS = np.arange(20 * 10 * 3, dtype=np.uint8).reshape(20, 10, 3)
PNG = encode_png(PIXELS)
URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
NOON = datetime(2026, 11, 21, 12, 0, 0, 1, tzinfo=UTC)
WORD = "plain words, only their place says that they are secret"
TOKEN = "sk-0123456789abcdefgh"  # noqa: S105 - what must not be written

VALUES = (
    None, True, -1, 2**70, 1.5, -math.inf, "text", "", "sur\ud800rogate", "nul\0", "x" * 50_000, b"",
    b"\x00\xff", b"y" * 50_000, bytearray(b"abc"), NOON, date(9999, 12, 31),
    timedelta(days=999_999_999), timedelta(microseconds=-1),
    Decimal("1785.42"), Path("/a/b"), Priority.HIGH, re.compile(r"\d+", re.IGNORECASE), range(3, 9, 2),
    [1, [2]], (1, ("a",)), {1, 2}, frozenset({"a"}), deque([1, 2]), {"a": {1: (2, 3)}, NOON: None},
    ConfigFault("a.b", "1", "2"), Box(1, 2, 3, 4),
    ObsSource(id="main", kind="obs", scene="Game"),
    ChatRequest("m", "p", {"type": "object"}, (PNG,), timeout_s=3, priority=Priority.LOW),
    np.float32(1.5), dict, len, backoff_s, URL,
)  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{type(value).__name__}-{str(value)[:20]!r}")
def test_a_value_comes_back_as_it_was(tmp_path: Path, value: Any) -> None:
    """What can be kept is equal, and of the same type, after it was written and read."""
    back = there_and_back(tmp_path, value)
    assert type(back) is type(value)
    assert back == value


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.binary(max_size=20)
        | st.datetimes() | st.timedeltas() | st.text(alphabet="ab \n\0\U0001f600é", max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner)
        | st.dictionaries(st.integers() | st.booleans(), inner, max_size=4),
        max_leaves=12,
    )
)  # fmt: skip
def test_any_plain_value_comes_back_as_it_was(tmp_path: Path, value: Any) -> None:
    """Whatever nests in whatever: what is read is what was written."""
    assert there_and_back(tmp_path, value) == value


@pytest.mark.parametrize(
    "array",
    [
        PIXELS,
        PIXELS[::2, 1:],
        np.zeros((0, 3)),
        np.array([1.5, math.nan]),
        PIXELS.astype(np.int64),
        np.array(True),
    ],
    ids=lambda array: f"{array.dtype}-{array.shape}",
)
def test_an_array_comes_back_as_it_was(tmp_path: Path, array: np.ndarray[Any, Any]) -> None:
    """Pictures and figures alike, to the last bit."""
    back = there_and_back(tmp_path, array)
    assert (back.dtype, back.shape, back.flags.writeable) == (array.dtype, array.shape, array.flags.writeable)
    assert np.array_equal(back, array, equal_nan=array.dtype.kind == "f")


def test_what_is_one_object_stays_one_object(tmp_path: Path) -> None:
    """Shared and cyclic structures keep their shape."""
    shared: list[Any] = [1]
    shared.append(shared)
    picture = Picture(encoded=PNG)
    back = there_and_back(tmp_path, {"one": shared, "two": shared, "box": (picture, picture)})
    assert back["one"] is back["two"]
    assert back["one"][1] is back["one"]
    assert back["box"][0] is back["box"][1]
    assert np.array_equal(back["box"][0].pixels, PIXELS)


def test_an_exception_comes_back_with_its_cause(tmp_path: Path) -> None:
    """Type, words and attributes, ours and Python's."""
    error = ServerBusyError("busy", retry_after_s=3)
    error.__cause__ = httpx.ConnectError("refused")
    back = there_and_back(tmp_path, error)
    assert (type(back), str(back), back.retry_after_s) == (ServerBusyError, "busy", 3)
    assert (type(back.__cause__), str(back.__cause__)) == (httpx.ConnectError, "refused")


class Hostile:
    """Raises whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("no")


def _deep(depth: int) -> list[Any]:
    nested: list[Any] = []
    for _ in range(depth):
        nested = [nested]
    return nested


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: lambda: None, "the function"),
        (lambda: (each for each in ()), "a generator"),
        (socket.socket, "socket:socket"),
        (threading.Thread, "threading:Thread"),
        (Hostile, "Hostile"),
        (lambda: bytes(100_000_000), "bytes are too many"),
        (lambda: "x" * 100_000_000, "characters is too long"),
        (lambda: [0] * 5_000_000, "a list of 5,000,000 entries"),
        (lambda: dict.fromkeys(range(200_000)), "a dict of 200,000 entries"),
        (lambda: np.zeros((100_000_000,), np.uint8), "an array"),
        (lambda: np.array([object()]), "an array"),
        (lambda: 10**5000, "bits"),
    ],
    ids=[
        "lambda",
        "generator",
        "socket",
        "thread",
        "hostile",
        "bytes",
        "text",
        "list",
        "dict",
        "array",
        "objects",
        "int",
    ],
)
def test_what_cannot_be_kept_is_a_mark_with_the_reason(tmp_path: Path, make: Any, why: str) -> None:
    """Nothing is called, nothing large is written, and to use it later says what was missing."""
    value = make()
    began_s = time.process_time()
    back = there_and_back(tmp_path, {"it": value})["it"]
    assert time.process_time() - began_s < 5
    assert isinstance(back, StandIn)
    with pytest.raises(NotKeptError, match=re.escape(why)):
        back.anything()
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 1_000_000
    if type(value) is socket.socket:
        value.close()


def test_what_nests_without_end_is_cut(tmp_path: Path) -> None:
    """A depth that would end Python's stack costs nothing."""
    back = there_and_back(tmp_path, _deep(100_000))
    for _ in range(10):
        (back,) = back


def test_the_time_that_taking_apart_takes_is_bounded() -> None:
    """Once the time is over everything else is a mark."""
    times = iter([0.0, 0.0, 0.0, *[MAX_SECONDS + 1] * 10])
    capture = Capture(keep_pictures=True, thread_time=lambda: next(times))
    kept = capture.of([1, 2, 3])
    assert kept["items"][0] == 1
    assert kept["items"][2]["why"] == "it took too long"


class Proxy:
    """Stands for something else, and fetches it whenever it is looked at."""

    looked_at = 0

    @property  # type: ignore[misc]  # as proxies do
    def __class__(self) -> type:
        Proxy.looked_at += 1
        return dict


def test_nothing_of_a_foreign_object_is_called() -> None:
    """Not even what it says that it is."""
    kept = Capture(keep_pictures=True).of([Proxy()])
    assert kept["items"][0]["why"].endswith("Proxy")
    assert Proxy.looked_at == 0


@pytest.mark.parametrize(
    "value",
    [
        {"api_key": TOKEN},
        {"headers": {"Authorization": [f"Bearer {TOKEN}"]}},
        [f"token={TOKEN}"],
        TOKEN.encode(),
        f"{'x ' * 20_000} {TOKEN}",
        httpx.Headers({"Cookie": TOKEN}),
        ServerBusyError(TOKEN),
        {"password": (TOKEN, b"1234")},
        ["llama-server", "--api-key", WORD, "--port", "1"],
        [("X-Api-Key", WORD), (b"authorization", WORD.encode())],
        {b"password": WORD.encode()},
    ],
    ids=[
        *("key", "nested", "text", "bytes", "long", "headers", "exception", "parts"),
        *("command", "header", "bytes key"),
    ],
)
def test_secrets_are_never_written(tmp_path: Path, value: Any) -> None:
    """By key and by shape, in every type, also where the text is long."""
    capture = Capture(keep_pictures=True)
    kept = str(capture.of(value)).encode() + b"".join(capture.files.values())
    for secret in (TOKEN.encode(), WORD.encode()):
        assert secret not in kept
        assert base64.b64encode(secret) not in kept
    there_and_back(tmp_path, value)


def test_what_is_too_much_is_not_even_copied() -> None:
    """Whoever takes down arguments holds up no other thread with millions of entries."""
    many, capture = dict.fromkeys(range(1_000_000)), Capture(keep_pictures=True)
    url = "data:image/png;base64," + "A" * MAX_BYTES
    tracemalloc.start()
    try:
        assert "entries" in capture.of(many)["why"]
        assert "entries" in capture.of([None] * MAX_NODES)["why"]
        assert "characters" in capture.of(url)["why"]
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 1_000_000


@pytest.mark.parametrize("value", [PIXELS, PNG, PNG[:200], URL, np.frombuffer(PNG * 20, np.uint8)])
def test_where_pictures_are_forbidden_none_is_written(tmp_path: Path, value: Any) -> None:
    """Neither as pixels nor encoded nor inside of a request."""
    back = there_and_back(tmp_path, [value], keep_pictures=False)
    assert list(tmp_path.iterdir()) == []
    assert isinstance(back[0], StandIn)


class Damaged:
    """A source whose picture has a good header and damaged data."""

    kind, finite, description = "obs", False, "a scene"

    def grab(self) -> Picture:
        at = PNG.index(b"IDAT") + 4
        return Picture(encoded=PNG[:at] + bytes(8) + PNG[at + 8 :])

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("masks", [(), (Region(0, 0, 0.5, 0.5),)], ids=["shown", "masked"])
def test_what_is_masked_reaches_no_disk(tmp_path: Path, masks: tuple[Region, ...]) -> None:
    """A picture that cannot be decoded is kept for the reproduction, unless parts of it were to be hidden."""
    camera = Camera(Damaged(), "main", masks)

    async def look() -> None:
        try:
            await camera.look()
        finally:
            await camera.close()

    captured(tmp_path, caught(look))
    kept = [
        file for file in argument_folder(tmp_path).rglob("*") if file.suffix in {".png", ".jpg", ".raw", ".bin"}
    ]
    assert bool(kept) is not bool(masks)


@pytest.mark.parametrize(
    "kept",
    [
        {"$": "object", "class": "subprocess:Popen", "n": 1, "fields": {}},
        {"$": "named", "path": "builtins:eval"},
        {"$": "named", "path": "os:system"},
        {"$": "named", "path": "foureyes.nothing:here"},
        {"$": "object", "class": "foureyes.backoff:backoff_s", "n": 1, "fields": {}},
        {"$": "bytes", "file": "../../../etc/passwd"},
        {"$": "array", "file": "x", "dtype": "O", "shape": [1], "n": 1, "writeable": True},
        {"$": "enum", "class": "foureyes.servers.server:Priority", "name": "__class__"},
        {"$": "what"},
        {"$": "textual", "class": "datetime:datetime", "text": "yesterday"},
    ],
    ids=lambda kept: str(kept)[:40],
)  # fmt: skip
def test_hostile_data_is_refused(tmp_path: Path, kept: dict[str, Any]) -> None:
    """What is read back is data: no other class, no function by name, no file elsewhere."""
    with pytest.raises(NotRebuiltError):
        Rebuilder(tmp_path, kept).of(kept)


def test_the_calls_of_a_fault_are_kept_the_innermost_first(tmp_path: Path) -> None:
    """Each with its function and arguments; what is not ours is not among them."""
    document = captured(tmp_path, caught(backoff_s, 3, first_s="one", cap_s=9.0))
    (call,) = document["calls"]
    assert (call["module"], call["function"]) == ("foureyes.backoff", "backoff_s")
    assert (call["positional"], call["keyword"]) == (["attempt"], ["first_s", "cap_s", "jitter", "chance"])
    assert (call["arguments"]["attempt"], call["arguments"]["first_s"]) == (3, "one")
    assert "may have changed" in document["note"]


class UnspeakableError(Exception):
    """An exception that cannot be looked at."""

    def __str__(self) -> str:
        raise ValueError("no words")


def test_a_fault_is_recorded_whatever_its_arguments_are(tmp_path: Path) -> None:
    """Locals that raise, and words that raise: the event is there, and the next one too."""
    error = caught(backoff_s, Hostile(), first_s=UnspeakableError(), cap_s=1)
    with recording(tmp_path) as running:
        assert running.recorder.record_now(error, "test", within_s=10)
        assert running.recorder.record_now(raised(UnspeakableError()), "test", within_s=10)
    assert len(groups(tmp_path)) == 2
    assert not running.dropped


def test_only_faults_kept_in_full_have_arguments_and_a_storm_of_kinds_has_few(tmp_path: Path) -> None:
    """A hundred alike are taken down for their samples alone; beyond thirty kinds a minute none are."""
    words = [f"{one}{two}" for one in "ghijklm" for two in "nopqrst"]
    with recording(tmp_path) as running:
        for _ in range(100):
            running.recorder.record_now(raised(ValueError("alike")), "test", within_s=10)
        for word in words:
            running.recorder.record_now(raised(ValueError(word)), "test", within_s=10)
    said = [event["context"]["arguments"] for event in events(tmp_path)]
    assert len(said) == 3 + len(words)
    assert said.count("kept") <= 30
    assert set(said) == {"kept", "too many faults at once"}
    assert len(list(argument_folder(tmp_path).iterdir())) == said.count("kept")


def test_what_is_kept_is_bounded_by_age_and_size(tmp_path: Path) -> None:
    """What is too old goes, then the oldest of what is too much; no name leads out of the folder."""
    now_s = time.time()
    store = ArgumentStore(tmp_path, keep_days=1, max_bytes=1500, now=lambda: now_s)
    ids = [f"01a1fe37-ffdc-7931-98f1-9777a902410{number}" for number in range(3)]
    for event_id in ids:
        store.keep(event_id, {}, {"a.bin": bytes(1000)})
    assert store.prune() == 2
    assert store.find(ids[-1]) is not None
    now_s += 2 * 86_400
    assert store.prune() == 1
    for name in ("..", "../../etc", "", "a/b", f"{ids[0]}/.."):
        assert store.find(name) is None


def test_what_is_kept_is_bounded_while_faults_go_on(tmp_path: Path) -> None:
    """One large fault after the other, with no quiet time between them: the oldest go all the same."""
    with recording(tmp_path, reproduction=Reproduction(max_mb=1)) as running:
        for word in ("red", "green", "blue", "black", "white"):
            error = caught(backoff_s, 3, first_s=np.zeros(300_000, np.uint8), cap_s=9.0)
            error.args = (word,)
            running.recorder.record_now(error, "test", within_s=10)
    sizes = [sum(file.stat().st_size for file in each.iterdir()) for each in argument_folder(tmp_path).iterdir()]
    assert len(sizes) == 3
    assert not running.dropped
