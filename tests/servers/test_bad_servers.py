"""What every adapter makes of a server that does not behave: a fake of each kind, told how to."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from parts.fakes.steering import FakeServer
from parts.program import wait_until
from parts.server_kinds import FAKES, SEEN, TOKEN_VARIABLE, Running, ServerKind, question

from foureyes.exceptions import (
    AnswerCutError,
    ContextOverflowError,
    ModelCrashedError,
    ServerBusyError,
    ServerError,
    ServerReplyError,
    ServerTimeoutError,
    UnauthorisedError,
    UnknownRouteError,
    WrongModelError,
)
from foureyes.schema.document import check_answer
from foureyes.servers.chat.probe import probe
from foureyes.servers.http.clients import Clients
from foureyes.servers.kinds.adapters import adapter_for
from foureyes.servers.server import ChatReply, ModelServer

pytestmark = pytest.mark.usefixtures("well_behaved")


@pytest.fixture(scope="module", params=FAKES, ids=str)
def kind(request: pytest.FixtureRequest) -> ServerKind:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def fake(running: Running) -> FakeServer:
    assert running.fake is not None
    return running.fake


BAD_ANSWERS: dict[str, tuple[type[ServerError], str]] = {
    "garbage": (ServerReplyError, "answered no JSON"),
    "not_json": (ServerReplyError, "answered no JSON"),
    "list": (ServerReplyError, "no object"),
    "half": (ServerReplyError, "broke off"),
    "reset": (ServerReplyError, "broke off"),
    "endless": (ServerReplyError, "more than 8,388,608 bytes"),
    "huge": (ServerReplyError, "more than 8,388,608 bytes"),
    "error_string_200": (ModelCrashedError, "Channel Error"),
    "error_object_200": (ServerBusyError, "Something went wrong"),
    "404": (UnknownRouteError, "Not found"),
    "429": (ServerBusyError, "Too many requests"),
    "500": (ServerBusyError, "Internal server error"),
    "502": (ServerBusyError, "Bad gateway"),
    "503": (ServerBusyError, "Service unavailable"),
    "unauthorized": (UnauthorisedError, TOKEN_VARIABLE),
    "wrong_model": (WrongModelError, "another/model"),
    "broken": (ServerReplyError, "asked twice"),
    "nan": (ServerReplyError, "asked twice"),
    "length": (AnswerCutError, "raise max_tokens"),
    "silent": (ServerReplyError, "no content and no finish_reason"),
    "empty_content": (ServerReplyError, "answered nothing"),
    "empty_choices": (ServerReplyError, "without choices"),
    "overflow": (ContextOverflowError, "context_length"),
    "overflow_200": (ContextOverflowError, "context_length"),
    "unloaded": (ModelCrashedError, "loaded again"),
}


@pytest.mark.parametrize("fail", BAD_ANSWERS)
async def test_a_bad_answer_is_the_error_that_it_is(
    adapter: ModelServer, kind: ServerKind, fake: FakeServer, fail: str
) -> None:
    """Each is an error of its own, with what the server said and what to do; the next answer is good."""
    error, words = BAD_ANSWERS[fail]
    await adapter.load(kind.model)
    fake.control(model="*", fail=fail)
    with pytest.raises(ServerError) as told:
        await adapter.chat(question(kind))
    assert type(told.value) is error
    assert words in str(told.value)
    fake.control(model="*", fail=None)
    await adapter.load(kind.model)
    assert check_answer(SEEN, (await adapter.chat(question(kind))).answer) == []


@pytest.mark.parametrize("fail", ["hang", "drip"])
async def test_an_answer_that_does_not_end_in_time_is_a_timeout(
    adapter: ModelServer, kind: ServerKind, fake: FakeServer, fail: str
) -> None:
    """Silence is a timeout, and so are bytes that drip for ever."""
    await adapter.load(kind.model)
    fake.control(model="*", fail=fail, times=1)
    with pytest.raises(ServerTimeoutError, match="overloaded or hangs"):
        await adapter.chat(question(kind, timeout_s=0.4))


@pytest.mark.parametrize("fail", ["reasoning", "fenced", "prose", "broken_until_repair", "violating_until_repair"])
async def test_an_untidy_answer_is_understood(
    adapter: ModelServer, kind: ServerKind, fake: FakeServer, fail: str
) -> None:
    """JSON in a fence, amid prose, where the thoughts should be, or only after it was asked for again, is read."""
    await adapter.load(kind.model)
    fake.control(model="*", fail=fail, values={"seen": "no"})
    reply = await adapter.chat(question(kind))
    assert reply.answer == {"seen": "no"}


async def test_an_answer_that_keeps_breaking_its_schema_is_for_the_caller_to_judge(
    adapter: ModelServer, kind: ServerKind, fake: FakeServer
) -> None:
    """It is asked for again once, never twice, and then handed on as it is: the caller checks the whole of it."""
    await adapter.load(kind.model)
    before = len(fake.chats())
    fake.control(model="*", fail="schema_violation")
    reply = await adapter.chat(question(kind))
    assert check_answer(SEEN, reply.answer) != []
    assert len(fake.chats()) == before + 2


async def test_any_answer_will_do_for_the_probe(adapter: ModelServer, kind: ServerKind, fake: FakeServer) -> None:
    """A model that writes without an end, or nonsense, works; one that says nothing does not."""
    await adapter.load(kind.model)
    for fail in ("length", "schema_violation", "reasoning"):
        fake.control(model="*", fail=fail)
        assert await probe(adapter, kind.model, timeout_s=20) > 0
    fake.control(model="*", fail="empty_content")
    with pytest.raises(ServerReplyError):
        await probe(adapter, kind.model, timeout_s=20)


async def test_a_busy_server_says_when_to_come_back(
    adapter: ModelServer, kind: ServerKind, fake: FakeServer
) -> None:
    """Retry-After of a 429 reaches whoever asked."""
    await adapter.load(kind.model)
    fake.control(model="*", fail="429", retry_after_s=7, times=1)
    with pytest.raises(ServerBusyError) as told:
        await adapter.chat(question(kind))
    assert told.value.retry_after_s == 7
    assert told.value.retryable


@pytest.mark.parametrize(
    "fail", ["garbage", "list", "reset", "huge", "404", "429", "500", "503", "error_string_200"]
)
async def test_no_check_passes_at_a_server_that_answers_nonsense(
    adapter: ModelServer, fake: FakeServer, fail: str
) -> None:
    """Neither live nor ready: a status alone is never believed, neither at the first check nor later."""
    fake.control(path="*", fail=fail)
    for check in (adapter.check_live, adapter.check_ready, adapter.listed):
        with pytest.raises(ServerError):
            await check()
    fake.control(path="*", fail=None)
    await adapter.check_ready()
    fake.control(path="*", fail=fail)
    for check in (adapter.check_live, adapter.check_ready, adapter.listed):
        with pytest.raises(ServerError):
            await check()


async def test_r7_a_timeout_cancels_the_request(adapter: ModelServer, kind: ServerKind, fake: FakeServer) -> None:
    """R7: a request that takes too long is given up for real: the server sees the connection go."""
    await adapter.load(kind.model)
    before = len(fake.events("gone"))
    fake.control(model="*", fail="hang", times=1)
    with pytest.raises(ServerTimeoutError, match=r"within 1 s"):
        await adapter.chat(question(kind, timeout_s=1))
    gone = partial(wait_until, lambda: len(fake.events("gone")) > before, 60, "the fake to see it")
    await asyncio.to_thread(gone)


@pytest.mark.parametrize("via", ["named", "auto"])
async def test_a_server_that_wants_a_token_gets_it(
    kind: ServerKind, fake: FakeServer, via: str, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the token the variable to set is named and nothing is tried again; with it all is well."""
    fake.control(settings={"token": "opensesame"})
    settings = kind.auto_settings(fake.url) if via == "auto" else kind.settings(fake.url)

    async def asked() -> ChatReply:
        adapter = await adapter_for(settings, fake.url, clients)
        await adapter.load(kind.model)
        return await adapter.chat(question(kind))  # some list their models to everybody

    with pytest.raises(UnauthorisedError, match=f"put a token into {TOKEN_VARIABLE}") as told:
        await asked()
    assert not told.value.retryable
    monkeypatch.setenv(TOKEN_VARIABLE, "opensesame")
    assert (await asked()).answer
