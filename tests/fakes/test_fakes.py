"""What all fakes have in common: good answers, told failures, and what they write down."""

from __future__ import annotations

import io
import json

import httpx
import psutil
import pytest
from parts.direct import DIRECT
from parts.fakes.asking import NUMBER, chat, content, get, picture, post, request, schema
from parts.fakes.steering import FakeServer
from parts.program import wait_until
from PIL import Image

LIMITED = {"type": "object", "properties": {"share": {"type": "number", "minimum": 0, "maximum": 1}}}


def test_a_good_answer_keeps_to_the_schema(studio: FakeServer) -> None:
    """Null or the given value for each property, nested for several tasks, whose values may be given flat."""
    studio.control(model="a/one", values={"amount": 4.5, "second": {"amount": 6}})
    wanted = schema(
        first=schema(amount=NUMBER), second=schema(amount=NUMBER), other=NUMBER, sure={"enum": ["yes"]}
    )
    answer = chat(studio, request("a/one", wanted))
    values = json.loads(content(answer))
    assert values == {"first": {"amount": 4.5}, "second": {"amount": 6}, "other": None, "sure": "yes"}
    assert answer.json()["usage"]["total_tokens"] > 0


def test_a_request_is_written_down_without_its_picture(studio: FakeServer) -> None:
    """The log has what a picture is, by its own bytes, in the place of the bytes."""
    chat(studio, request("a/one", url=picture("JPEG", (80, 60))))
    noted = studio.chats("a/one")[-1]
    (seen,) = noted["pictures"]
    assert (seen["media_type"], seen["width"], seen["height"]) == ("image/jpeg", 80, 60)
    assert noted["body"]["messages"][0]["content"][1]["image_url"]["url"] == seen
    assert Image.open(io.BytesIO(studio.picture(seen["digest"]))).size == (80, 60)


@pytest.mark.parametrize(
    "fail", ["reasoning", "fenced", "prose", "broken", "length", "silent", "empty_choices", "nan", "wrong_model"]
)
def test_a_failure_holds_as_often_as_it_was_told(studio: FakeServer, fail: str) -> None:
    """`times` requests fail, the one after them is good."""
    good = chat(studio, request("a/one")).json()
    studio.control(model="a/one", fail=fail, times=1)
    bad = chat(studio, request("a/one")).json()
    assert (bad["choices"], bad["model"]) != (good["choices"], good["model"])
    assert chat(studio, request("a/one")).json()["choices"] == good["choices"]


def test_broken_json_is_mended_for_a_request_that_shows_it(studio: FakeServer) -> None:
    """6: a repair, which holds the model's own words, is answered well."""
    studio.control(model="a/one", fail="broken_until_repair")
    asked = request("a/one")
    with pytest.raises(json.JSONDecodeError):
        json.loads(content(chat(studio, asked)))
    asked["messages"] += [{"role": "assistant", "content": "{"}, {"role": "user", "content": "Once more."}]
    assert json.loads(content(chat(studio, asked))) == {"amount": None}


def test_a_violation_is_json_outside_of_the_schema(studio: FakeServer) -> None:
    """9: grammars do not enforce minimum and maximum."""
    studio.control(model="a/one", fail="schema_violation")
    assert json.loads(content(chat(studio, request("a/one", LIMITED)))) == {"share": 2}


def test_a_client_that_goes_away_is_written_down(studio: FakeServer) -> None:
    """A hanging request ends when its client has gone, which the log of events shows."""
    studio.control(model="a/one", fail="hang")
    before = len(studio.events("gone"))
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{studio.url}/v1/chat/completions", json=request("a/one"), **DIRECT, timeout=1)
    wait_until(lambda: len(studio.events("gone")) > before, 60, "the fake to see that its client has gone")


def test_burning_is_work_and_not_waiting(studio: FakeServer) -> None:
    """A busy generation takes processor time and a delayed one takes none, so slow can be told from hung."""
    process = psutil.Process(studio.process.pid)

    def work_s(fail: str | None) -> float:
        before = process.cpu_times()
        studio.control(model="a/one", fail=fail, delay_s=0.3, times=1)
        assert chat(studio, request("a/one")).is_success
        after = process.cpu_times()
        return after.user + after.system - before.user - before.system

    assert work_s("burn") > 3 * work_s(None)


def test_a_whole_server_can_fail(studio: FakeServer) -> None:
    """What is told about a path comes before anything else happens there, and 429 says when to come again."""
    studio.control(path="*", fail="429", times=1, retry_after_s=2)
    refused = get(studio, "/api/v1/models")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")
    assert get(studio, "/api/v1/models").is_success


def test_a_failure_that_does_not_exist_is_refused(studio: FakeServer) -> None:
    """A test that misspells a failure does not pass by luck."""
    answer = post(studio, "/control", {"model": "a/one", "fail": "no such failure"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("fail", "error"),
    [("half", httpx.RemoteProtocolError), ("no_answer", httpx.RemoteProtocolError), ("reset", httpx.ReadError)],
)
def test_a_connection_may_end_before_its_answer(
    studio: FakeServer, fail: str, error: type[httpx.TransportError]
) -> None:
    """Half a body, none, and a reset are what the client sees them as."""
    studio.control(model="a/one", fail=fail, times=1)
    with pytest.raises(error):
        chat(studio, request("a/one"))


@pytest.mark.parametrize("fail", ["huge", "endless", "bomb"])
def test_an_answer_may_be_larger_than_anybody_wants(studio: FakeServer, fail: str) -> None:
    """More than 50 MB come, for as long as the client reads."""
    studio.control(model="a/one", fail=fail, times=1)
    got = 0
    with httpx.stream("POST", f"{studio.url}/v1/chat/completions", json=request("a/one"), **DIRECT) as answer:
        for block in answer.iter_bytes():
            got += len(block)
            if got > 50_000_000:
                break
    assert got > 50_000_000


def test_chats_may_leave_memory_behind_until_the_model_is_unloaded(studio: FakeServer) -> None:
    """2.5: memory grows with each picture and is given back when the model is unloaded."""
    process = psutil.Process(studio.process.pid)
    studio.control(settings={"leak_mb": 64})
    before = process.memory_info().rss
    chat(studio, request("a/one"))
    grown = process.memory_info().rss - before
    studio.control(model="a/one", loaded=False)
    studio.control(settings={"leak_mb": 0})
    assert grown > 50_000_000
    assert process.memory_info().rss - before < grown / 2
