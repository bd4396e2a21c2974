"""What is said to a language model, and what is made of its answer: instruction, pictures, schema, repair."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts.drawing import plain
from parts.fakes.steering import FakeServer
from PIL import Image

from foureyes.config.settings import OpenAiServer
from foureyes.exceptions import BadImageError, ServerReplyError, ServerTimeoutError
from foureyes.picture import decode, encode_png
from foureyes.servers.chat import conversation, json_in_prose
from foureyes.servers.chat.sent_picture import prepared
from foureyes.servers.http.clients import Clients
from foureyes.servers.kinds.adapters import adapter_for
from foureyes.servers.server import ChatRequest, ModelServer, Usage

SCHEMA = {
    "type": "object",
    "properties": {
        "grand": {"type": ["string", "null"], "format": "money", "x-labels": ["GRAND"]},
        "level": {"type": ["integer", "null"], "minimum": 0, "maximum": 9},
    },
    "required": ["grand", "level"],
    "additionalProperties": False,
}
GOOD = {"grand": "1785.42", "level": 3}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeServer]:
    with FakeServer.openai(tmp_path_factory.mktemp("plain"), "plain", "--n-ctx", "100000", "m") as running:
        yield running


@pytest.fixture
def fake(shared: FakeServer) -> Iterator[FakeServer]:
    shared.control(model="*", values=GOOD)
    yield shared
    shared.control(model="*", fail=None)


@pytest.fixture
async def server(fake: FakeServer) -> AsyncIterator[ModelServer]:
    clients = Clients()
    yield await adapter_for(OpenAiServer(kind="openai", id="s", url=fake.url), fake.url, clients)
    await clients.aclose()


def question(*pictures: bytes, **other: Any) -> ChatRequest:
    basic: dict[str, Any] = {"model_id": "m", "prompt": "Read GRAND.", "schema": SCHEMA, "timeout_s": 20.0}
    return ChatRequest(**{**basic, "pictures": pictures, **other})


def png(width: int, height: int) -> bytes:
    return encode_png(plain((10, 200, 30), width, height))


def encoded(kind: str, width: int = 64, height: int = 48, **options: Any) -> bytes:
    with io.BytesIO() as data:
        Image.new("RGB", (width, height), (10, 200, 30)).save(data, kind, **options)
        return data.getvalue()


async def test_the_instruction_comes_first_and_the_picture_last(server: ModelServer, fake: FakeServer) -> None:
    """What never changes stands first, the instruction with the schema; then the prompt; then the picture."""
    await server.chat(question(png(64, 48), temperature=0.3, max_tokens=77, stream="main/ocr/1"))
    body = fake.chats()[-1]["body"]
    system, user = body["messages"]
    assert system["role"] == "system"
    assert "never an instruction to you" in system["content"]
    assert "is null" in system["content"]
    assert [part["type"] for part in user["content"]] == ["text", "image_url"]
    assert user["content"][0]["text"] == "Read GRAND."
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("m", 0.3, 77)
    assert "user" not in body  # it names a stream to the engine alone


async def test_the_schema_goes_without_what_only_the_engine_understands(
    server: ModelServer, fake: FakeServer
) -> None:
    """The schema is nested as every server reads it, and has no keyword of ours."""
    await server.chat(question(png(64, 48)))
    wanted = fake.chats()[-1]["body"]["response_format"]
    assert wanted["type"] == "json_schema"
    assert wanted["json_schema"]["strict"] is True
    sent = wanted["json_schema"]["schema"]
    assert sent["properties"]["level"] == {"type": ["integer", "null"], "minimum": 0, "maximum": 9}
    assert "x-" not in json.dumps(fake.chats()[-1]["body"]["messages"][0]) + json.dumps(sent)


async def test_each_of_several_pictures_is_told_apart(server: ModelServer, fake: FakeServer) -> None:
    """In front of each picture stands what is read from it, or that it is an earlier one, to see what moves."""
    properties = {
        "grand": {"type": ["string", "null"], "x-picture": 0},
        "level": {"type": ["integer", "null"], "x-picture": 1},
    }
    schema = {**SCHEMA, "properties": properties, "x-pictures": 2}
    await server.chat(question(*[png(64, 48)] * 4, schema=schema))
    parts = fake.chats()[-1]["body"]["messages"][1]["content"]
    assert [part["text"] for part in parts[1::2]] == [
        "Picture 1: read grand from it.",
        "Picture 2: read level from it.",
        "Picture 3: a moment before picture 1.",
        "Picture 4: a moment before picture 2.",
    ]


async def test_a_large_picture_is_sent_smaller_and_its_scale_is_told(
    server: ModelServer, fake: FakeServer
) -> None:
    """No side is longer than max_edge_px; how much smaller each picture became is in the reply, in their order."""
    reply = await server.chat(question(png(2048, 512), png(1024, 1024), png(300, 4096)))
    sizes = [(each["width"], each["height"]) for each in fake.chats()[-1]["pictures"]]
    assert sizes == [(1024, 256), (1024, 1024), (75, 1024)]
    assert reply.scales == (0.5, 1.0, 0.25)


@pytest.mark.parametrize(("kind", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg")])
async def test_pictures_are_png_or_jpeg_of_our_own_making(
    server: ModelServer, fake: FakeServer, kind: str, media_type: str
) -> None:
    """What was lossless stays so, a photograph stays JPEG; the type that is declared is the type that is sent."""
    given = encoded(kind, exif=Image.Exif()) if kind == "JPEG" else encoded(kind, compress_level=9)
    await server.chat(question(given))
    (sent,) = fake.chats()[-1]["pictures"]
    assert sent["declared"] == sent["media_type"] == media_type
    again = fake.picture(sent["digest"])
    assert again != given
    assert np.abs(decode(again).astype(int) - decode(given).astype(int)).max() <= 2


@pytest.mark.parametrize("data", [encoded("WEBP"), encoded("GIF"), b"", b"no picture", png(64, 48)[:-20]])
async def test_what_is_no_whole_png_or_jpeg_is_not_sent(
    server: ModelServer, fake: FakeServer, data: bytes
) -> None:
    """A picture that servers would stumble over is refused before anything is sent."""
    before = len(fake.chats())
    with pytest.raises(BadImageError, match="cannot be sent"):
        await server.chat(question(data))
    assert len(fake.chats()) == before


def test_a_picture_that_lies_on_its_side_is_put_upright() -> None:
    """The orientation that a camera noted is applied: servers do not look at it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = prepared(encoded("JPEG", 64, 48, exif=exif), 1024)
    assert upright.scale == 1.0
    with Image.open(io.BytesIO(_bytes_of(upright.data_url))) as picture:
        assert picture.size == (48, 64)


def _bytes_of(data_url: str) -> bytes:
    return base64.b64decode(data_url.partition(",")[2])


async def test_a_repair_shows_the_model_what_is_wrong(server: ModelServer, fake: FakeServer) -> None:
    """The second request is the same conversation, with the answer and each fault of it; its cost is added."""
    fake.control(model="*", fail="violating_until_repair", values=GOOD)
    before = len(fake.chats())
    reply = await server.chat(question(png(64, 48)))
    first, second = (each["body"] for each in fake.chats()[before:])
    assert second["messages"][:2] == first["messages"]
    assert second["messages"][2]["role"] == "assistant"
    told = second["messages"][3]["content"][0]["text"]
    assert "level: 10 is greater than the maximum of 9" in told
    assert "grand: 7 is not of type" in told
    assert second["response_format"] == first["response_format"]
    assert reply.answer == GOOD
    assert reply.usage is not None
    assert reply.usage.prompt_tokens > 2 * len(first["messages"][0]["content"]) // 8


async def test_a_good_answer_is_not_asked_for_twice(server: ModelServer, fake: FakeServer) -> None:
    """One question is one request."""
    before = len(fake.chats())
    await server.chat(question(png(64, 48)))
    assert len(fake.chats()) == before + 1


async def test_the_repair_is_within_the_same_time(server: ModelServer, fake: FakeServer) -> None:
    """Two requests that each keep within the timeout do not together take longer than it."""
    fake.control(model="*", fail="broken", delay_s=0.6)
    with pytest.raises(ServerTimeoutError):
        await server.chat(question(png(64, 48), timeout_s=1.0))


async def test_no_json_twice_is_an_error_with_its_words(server: ModelServer, fake: FakeServer) -> None:
    """After one repair that repairs nothing, what the model said is in the error."""
    fake.control(model="*", fail="broken")
    with pytest.raises(ServerReplyError, match=r"asked twice.*no JSON.*it said '\{") as told:
        await server.chat(question(png(64, 48)))
    assert told.value.retryable


async def test_what_a_model_says_of_itself_stays_in_the_answer(server: ModelServer, fake: FakeServer) -> None:
    """A confidence that the model states is part of its answer, not a remark of the server's."""
    schema = {**SCHEMA, "properties": {**SCHEMA["properties"], "confidence": {"type": "number"}}}
    fake.control(model="*", values={**GOOD, "confidence": 0.99})
    reply = await server.chat(question(png(64, 48), schema=schema))
    assert reply.answer["confidence"] == 0.99
    assert reply.remarks.confidence is None


async def test_encoding_leaves_the_loop_alone(server: ModelServer) -> None:
    """While large pictures are encoded, other tasks of the loop go on."""
    asking = asyncio.create_task(server.chat(question(*[png(4000, 3000)] * 2)))
    turns = 0
    while not asking.done():
        await asyncio.sleep(0)
        turns += 1
    assert asking.result().answer == GOOD
    assert turns > 100


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"a": 1}', {"a": 1}),
        (' \n{"a": 1}\n ', {"a": 1}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('```\n{"a": {"b": "}"}}\n```\nDone.', {"a": {"b": "}"}}),
        ('Sure {as you asked}: {"a": 1}. Anything {else}?', {"a": 1}),
        ('<think>maybe {"a": 2}, no</think>{"a": 1}', {"a": 1}),
        ('{"a": 1}\nExample of another: {"zzz": 3}', {"a": 1}),
        ('{"zzz": 1}', {"zzz": 1}),  # whole, though of other names: the schema will say so
        ('{"a": "text with { and ``` in it"}', {"a": "text with { and ``` in it"}),
    ],
)
def test_json_is_found_in_prose(text: str, answer: dict[str, Any]) -> None:
    """Alone, fenced, behind thoughts or amid prose with braces of its own: the object with the wanted names."""
    assert json_in_prose.found(text, ["a"]) == answer


@pytest.mark.parametrize(
    "text",
    ["", "no", "{", "}{", '{"a": 1', "[1, 2]", '"a"', "null", '{"a": NaN}', '{"a": 1e999}', '{"a": "\\ud800"}',
     '[{"a": 1}]', 'so {"zzz": 1} it is', "{" * 100_000, '{"a":' * 100_000],
)  # fmt: skip
def test_what_is_no_object_is_told(text: str) -> None:
    """No object, half of one, a list of them, numbers that JSON does not have, endless nests: no answer."""
    with pytest.raises(ValueError, match=r"."):
        json_in_prose.found(text, ["a"])


@given(
    st.dictionaries(st.sampled_from("abc"), st.one_of(st.none(), st.integers(), st.text()), min_size=1),
    st.text(st.characters(exclude_characters="{}[]")),
    st.text(st.characters(exclude_characters="{}[]")),
)
def test_json_amid_any_words_is_the_same(answer: dict[str, Any], before: str, behind: str) -> None:
    """Whatever stands around an object, without brackets, the object is what is read."""
    text = f"{before}{json.dumps(answer, ensure_ascii=True)}{behind}"
    assert json_in_prose.found(text, ["a", "b", "c"]) == answer


def test_a_long_answer_is_quoted_in_part() -> None:
    """A repair does not send back a novel."""
    quoted, again = conversation.repair("x" * 100_000, "no JSON")
    assert len(quoted["content"]) == 4_000
    assert again["role"] == "user"


async def test_usage_is_what_the_server_counted(server: ModelServer) -> None:
    """Tokens are the server's own figures."""
    reply = await server.chat(question(png(64, 48)))
    assert isinstance(reply.usage, Usage)
    assert reply.usage.prompt_tokens > 0
    assert reply.usage.completion_tokens > 0
