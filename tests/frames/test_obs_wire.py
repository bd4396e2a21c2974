"""OBS's protocol at its edges, over a real socket: fragments, events, answers to other requests, silence."""

import base64
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from parts.drawing import BLUE, GREEN, RED, Colour, plain, shows
from parts.hand_clock import HandClock
from parts.jpeg import encode_jpeg
from parts.obs_wire import ObsWire, Peer, Request, answer

from foureyes.config.settings import ObsSource as ObsSettings
from foureyes.exceptions import (
    SourceHungError,
    SourceLostError,
    SourceMissingError,
    SourceRefusedError,
    SourceUnreadableError,
)
from foureyes.frames.sources.obs import ObsSource
from foureyes.picture import encode_png


def data_url(encoded: bytes, kind: str = "jpg") -> dict[str, str]:
    return {"imageData": f"data:image/{kind};base64,{base64.b64encode(encoded).decode()}"}


def screenshot(colour: Colour) -> dict[str, str]:
    return data_url(encode_jpeg(plain(colour)))


@contextlib.contextmanager
def watching(on_request: Callable[[Peer, Request], None]) -> Iterator[tuple[ObsSource, ObsWire, HandClock]]:
    """A source that watches a scene of a server which answers as the test says; its pauses are the test's."""
    clock = HandClock()
    with ObsWire(on_request) as wire:
        settings = ObsSettings(kind="obs", port=wire.port, scene="Scene", size=(64, 48), timeout_s=1)
        source = ObsSource(settings, obs_password="", now=clock)
        try:
            yield source, wire, clock
        finally:
            source.close()


def test_r19_a_fragmented_answer_is_joined() -> None:
    """R19: a picture that comes in many WebSocket frames, with pings between them, is one picture."""
    with watching(lambda peer, request: peer.answer(request, screenshot(RED), fragments=7)) as (source, _, _):
        assert shows(source.grab().pixels, RED, 30, 20)


def test_r20_an_event_between_request_and_answer_is_passed_over() -> None:
    """R20: an event that comes first is not taken for the answer."""

    def answers(peer: Peer, request: Request) -> None:
        peer.send({"op": 5, "d": {"eventType": "CurrentProgramSceneChanged", "eventIntent": 4, "eventData": {}}})
        peer.answer(request, screenshot(GREEN))

    with watching(answers) as (source, _, _):
        assert shows(source.grab().pixels, GREEN, 30, 20)


def test_an_answer_to_another_request_is_passed_over() -> None:
    """A picture that carries another request's id is never taken, even when it comes first."""

    def answers(peer: Peer, request: Request) -> None:
        peer.send(answer("GetSourceScreenshot", "17", screenshot(RED)))
        peer.answer(request, screenshot(BLUE))

    with watching(answers) as (source, _, _):
        assert shows(source.grab().pixels, BLUE, 30, 20)


def test_after_a_timeout_the_connection_is_thrown_away() -> None:
    """A late answer cannot be taken for the next one: the next request goes over a new connection."""
    late: list[tuple[Peer, Request]] = []

    def answers(peer: Peer, request: Request) -> None:
        if peer.number == 1:
            late.append((peer, request))
            return
        with contextlib.suppress(OSError):
            late[0][0].answer(late[0][1], screenshot(RED))
        peer.answer(request, screenshot(GREEN))

    with watching(answers) as (source, wire, clock):
        with pytest.raises(SourceHungError, match="did not answer within 1 s"):
            source.grab()
        clock.move(31)
        assert shows(source.grab().pixels, GREEN, 30, 20)
        assert wire.connections == 2


def test_endless_events_are_no_answer() -> None:
    """A server that sends everything but the answer is hung, and the wait for it ends."""
    over = threading.Event()

    def answers(peer: Peer, _: Request) -> None:
        while not over.wait(0.01):
            peer.send({"op": 5, "d": {"eventType": "Tick", "eventIntent": 1}})

    with watching(answers) as (source, _, _):
        try:
            with pytest.raises(SourceHungError):
                source.grab()
        finally:
            over.set()


def test_a_connection_that_breaks_is_lost() -> None:
    """A connection that ends instead of an answer is told as lost, and the next one works."""

    def answers(peer: Peer, request: Request) -> None:
        if peer.number == 1:
            peer.close()
        else:
            peer.answer(request, screenshot(RED))

    with watching(answers) as (source, _, clock):
        with pytest.raises(SourceLostError, match="broke"):
            source.grab()
        clock.move(31)
        assert shows(source.grab().pixels, RED, 30, 20)


def test_inside_the_pause_nothing_is_attempted() -> None:
    """During the pause after a failure the last error comes at once, without a new connection."""
    with watching(lambda peer, _: peer.close()) as (source, wire, clock):
        for _ in range(5):
            with pytest.raises(SourceLostError):
                source.grab()
        assert wire.connections == 1
        clock.move(1.3)
        with pytest.raises(SourceLostError):
            source.grab()
        assert wire.connections == 2


@pytest.mark.parametrize(
    "data",
    [
        data_url(encode_png(plain(RED)), "png"),
        data_url(encode_jpeg(plain(RED, 128, 96))),
        {"imageData": "data:image/jpg;base64,bm8gcGljdHVyZQ=="},
        {"imageData": "data:image/jpg;base64,***"},
        {"somethingElse": ""},
    ],
    ids=["another format", "over the size", "no picture", "no base64", "no field"],
)
def test_an_answer_that_is_not_what_was_asked_for_is_refused(data: dict[str, str]) -> None:
    """What is not the picture that was asked for is an error, never a frame."""
    answering = watching(lambda peer, request: peer.answer(request, data))
    with answering as (source, _, _), pytest.raises(SourceUnreadableError):
        source.grab()


def test_a_missing_scene_is_named_with_those_that_are_there() -> None:
    """A source that is not there is told with the names of those that are, over the same connection."""

    def answers(peer: Peer, request: Request) -> None:
        kind = request["requestType"]
        if kind == "GetSceneList":
            peer.answer(request, {"scenes": [{"sceneName": "Game"}]})
        elif kind == "GetInputList":
            peer.answer(request, {"inputs": [{"inputName": "Camera"}]})
        else:
            refusal = answer(kind, request["requestId"], None)
            refusal["d"]["requestStatus"] = {"result": False, "code": 600, "comment": "No source was found."}
            peer.send(refusal)

    with watching(answers) as (source, wire, clock):
        for _ in range(2):
            with pytest.raises(SourceMissingError, match="input called 'Scene'; it has 'Game', 'Camera'"):
                source.grab()
            clock.move(1.3)
        assert wire.connections == 1


def test_equal_answers_are_the_same_picture() -> None:
    """Equal bytes give the very same object, so that nothing is decoded or compared twice."""
    colours = iter([RED, RED, GREEN, GREEN])
    with watching(lambda peer, request: peer.answer(request, screenshot(next(colours)))) as (source, _, _):
        first, second, third, fourth = (source.grab() for _ in range(4))
    assert first is second
    assert third is fourth
    assert first is not third


def test_no_proxy_is_asked_for_obs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A web proxy in the environment is not for OBS, which is on this machine or beside it."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "example.com")
    with watching(lambda peer, request: peer.answer(request, screenshot(RED))) as (source, _, _):
        assert shows(source.grab().pixels, RED, 30, 20)


def test_another_program_at_the_port_is_told_as_such() -> None:
    """A web server at OBS's port is no OBS, and the error says so."""

    def reply() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=reply)
        thread.start()
        source = ObsSource(ObsSettings(kind="obs", port=port), obs_password="")
        with pytest.raises(SourceRefusedError, match="not the WebSocket server of OBS"):
            source.grab()
        thread.join(5)
