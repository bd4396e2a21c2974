"""A server that is gone while many ask: each question is tried once, and nothing calls itself again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
from parts.direct import DIRECT
from parts.watched import drawn, task, watching

from foureyes.picture import encode_png

CROWD = 60


async def test_r12_a_refused_connection_leads_to_no_storm(tmp_path: Path) -> None:
    """R12: sixty questions to a server that is gone are sixty attempts at most, and a few restarts in a row."""
    with watching(tmp_path, {"calm": task()}) as watched:
        watched.settle("calm")
        watched.engine.kill()
        responses = await crowd(watched.daemon.url)
        assert {response.status_code for response in responses} <= {200, 502}
        assert {code for response in responses for code in said(response)} <= {"no_model", "502"}
        failed = [watched.metric("foureyes_inferences_total", task="calm", outcome=name) for name in OUTCOMES]
        assert sum(failed) <= CROWD + 3  # the loop's own attempts are among them
        starts = [entry for entry in watched.events("server.state") if entry["state"] == "starting"]
        assert len(starts) <= 10
        with watched.engine.again():
            watched.daemon.wait(lambda: watched.daemon.component("server:engine")["state"] == "ok", "it is back")
            again = await crowd(watched.daemon.url)
            assert {response.status_code for response in again} == {200}
            assert {reading["model"] for response in again for reading in response.json()} == {"calm"}


OUTCOMES = ("ServerRefusedError", "ServerStartError", "ServerReplyError", "ServerTimeoutError", "BreakerOpenError")


async def crowd(url: str) -> list[httpx.Response]:
    """Many who ask about different pictures at once."""
    limits = httpx.Limits(max_connections=CROWD)
    async with httpx.AsyncClient(base_url=url, **DIRECT, timeout=60, limits=limits) as client:
        asking = [
            client.post(
                "/api/analyze",
                content=encode_png(drawn(f"picture {number}")),
                headers={"Content-Type": "image/png"},
            )
            for number in range(CROWD)
        ]
        return await asyncio.gather(*asking)


def said(response: httpx.Response) -> set[str]:
    """Why nothing was read, in one word."""
    if response.status_code != 200:
        return {str(response.status_code)}
    return {reason for reading in response.json() for reason in reading["withheld"].values()}
