"""Whatever its own description allows, and what it does not: no request makes the daemon fail or stop looking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from parts.direct import DIRECT
from parts.faulty import events
from parts.watched import Watched, task, watching
from schemathesis.core.result import Ok

SENTENCES = {400, 401, 403, 404, 405, 409, 411, 413, 415, 422, 429, 503}
"""What may be wrong with a request, or not be there yet: each has a sentence that says so."""
SETTINGS = settings(
    max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watching(tmp_path_factory.mktemp("openapi"), {"calm": task()}, ({},)) as running:
        yield running


@pytest.fixture(scope="module")
def described(watched: Watched) -> schemathesis.BaseSchema:
    """Every route but the endless one."""
    return schemathesis.openapi.from_url(f"{watched.daemon.url}/openapi.json").exclude(path="/events")


def test_no_request_makes_the_daemon_fail(described: schemathesis.BaseSchema, watched: Watched) -> None:
    """Every answer is a success or a sentence in JSON that says what is wrong, also to who shows the token."""
    for operation in described.get_all_operations():
        assert isinstance(operation, Ok)

        @SETTINGS
        @given(case=operation.ok().as_strategy())
        def asked(case: schemathesis.Case[Any]) -> None:
            check(case, case.call(headers=watched.daemon.proof, timeout=20))

        asked()


def check(case: schemathesis.Case[Any], response: schemathesis.Response) -> None:
    """No answer is a failure of the daemon; a refusal says why."""
    said = f"{case.method} {case.formatted_path}: {response.status_code} {response.content[:300]!r}"
    assert response.status_code < 400 or response.status_code in SENTENCES, said
    assert response.headers["x-content-type-options"] == ["nosniff"], said
    if response.status_code >= 400 and case.method != "HEAD":
        document = response.json()
        assert document.get("error", {}).get("message") or {"status", "ready"} & document.keys(), said


def test_the_daemon_looked_on_meanwhile(watched: Watched) -> None:
    """None of these requests was a fault of the daemon, and it answers as before."""
    assert httpx.get(f"{watched.daemon.url}/health", **DIRECT).status_code == 200
    watched.daemon.post("/api/resume", {"source": None})
    frames = watched.daemon.frames()
    watched.daemon.wait(lambda: watched.daemon.frames() > frames, "a frame more")
    assert not events(watched.daemon.state_dir)
