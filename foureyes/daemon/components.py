"""How each part of a daemon stands, in one of the words and with its reason: for /health and all who show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foureyes.servers.cerberus import Rung
from foureyes.servers.state import ServerSnapshot, ServerState
from foureyes.servers.supervisor import Supervisor
from foureyes.telemetry.words import QUIET, Word
from foureyes.vision.router import Choice
from foureyes.vision.source_watch import SourceWatch
from foureyes.vision.task_watch import TaskWatch

_PROBE_PERIODS = 2
"""A server whose last real answer is older than so many probe periods is unknown, never green."""
_COMING_UP = {ServerState.STOPPED, ServerState.STARTING, ServerState.LOADING}
_RESTING = "it failed too often in a row, and is not asked for a while"
_LINK_WORDS = {"away": Word.RECOVERING, "refused": Word.FAILING}
_KINDS = ("source", "server", "task")
"""Causes before what follows from them."""

Component = Mapping[str, Any]


def source_component(watch: SourceWatch) -> dict[str, Any]:
    """A source: its word and cause, what it watches, and its frames."""
    camera, stalled = watch.camera_state, None if watch.done else watch.stall()
    return {
        "state": _source_word(watch, stalled.cause if stalled else None),
        "cause": stalled.cause if stalled else None,
        "reason": watch.paused or (stalled.text if stalled else camera.error),
        "kind": camera.kind,
        "watching": camera.description,
        "frames": camera.frames,
        "last_frame_at": camera.last_frame_at.isoformat() if camera.last_frame_at else None,
    }


def _source_word(watch: SourceWatch, cause: str | None) -> Word:
    camera = watch.camera_state
    if watch.done:
        return Word.ENDED
    if watch.paused is not None:
        return Word.PAUSED
    if cause is not None:
        return Word.FROZEN if cause == "frozen" else Word.BLIND
    if camera.frames == 0:
        return Word.STARTING
    return Word.OK if camera.error is None else Word.RECOVERING


def server_component(server: Supervisor, now_s: float) -> dict[str, Any]:
    """A server: its word, its stage of life, the healing in progress, and its models."""
    snapshot, probed_s = server.snapshot, server.snapshot.probed_mono_s
    age_s = None if probed_s is None else now_s - probed_s
    is_resting = snapshot.ready and server.is_resting
    return {
        "state": server_word(snapshot, is_resting=server.is_resting, probe_age_s=age_s),
        "reason": _RESTING if is_resting else snapshot.reason,
        "stage": str(snapshot.state),
        "healing": snapshot.healing,
        "cause": snapshot.cause,
        "url": snapshot.url,
        "pid": snapshot.pid,
        "restarts": snapshot.restarts,
        "models": list(snapshot.models),
        "missing": list(snapshot.missing.values()),
        "probe_age_s": None if age_s is None else round(age_s, 1),
    }


def server_word(snapshot: ServerSnapshot, *, is_resting: bool, probe_age_s: float | None) -> Word:
    """The word for a server; one whose last answer is too old is never green."""
    if snapshot.healing == Rung.ASK_AGAIN:  # nothing that we could restart would help
        return Word.FAILING
    if not snapshot.ready:
        return _word_of_one_away(snapshot)
    if snapshot.missing or is_resting:
        return Word.RECOVERING if snapshot.healing else Word.DEGRADED
    is_stale = probe_age_s is None or probe_age_s > _PROBE_PERIODS * snapshot.probe_s
    return Word.UNKNOWN if is_stale else Word.OK


def _word_of_one_away(snapshot: ServerSnapshot) -> Word:
    if snapshot.state is ServerState.STOPPING:
        return Word.OFF
    if snapshot.state is ServerState.DEGRADED or snapshot.retrying:
        return Word.DEGRADED
    is_first = snapshot.state in _COMING_UP and snapshot.restarts == 0 and snapshot.healing is None
    return Word.STARTING if is_first else Word.RECOVERING


def task_component(task: TaskWatch, source: Component, choices: list[Choice]) -> dict[str, Any]:
    """A task of one source: its word and why, and whom the router has chosen for it."""
    chosen = next((choice for choice in choices if choice.why_not is None), None)
    word, reason = _task_word(task, source, choices, chosen)
    return {
        "state": word,
        "reason": reason,
        "model": None if chosen is None else chosen.candidate.name,
        "server": None if chosen is None else chosen.candidate.server,
        "candidates": [
            {"model": each.candidate.name, "server": each.candidate.server, "why_not": each.why_not}
            for each in choices
        ],
    }


def _task_word(
    task: TaskWatch, source: Component, choices: list[Choice], chosen: Choice | None
) -> tuple[Word, str | None]:
    if source["state"] in {Word.ENDED, Word.PAUSED, Word.FROZEN, Word.BLIND}:
        return source["state"], source["reason"]
    if task.trouble is not None:
        return Word.FAILING, task.trouble
    if chosen is None:
        return Word.BLIND, f"no model can be asked: {'; '.join(str(each.why_not) for each in choices)}"
    if chosen is not choices[0]:
        return Word.FALLBACK, f"'{chosen.candidate.name}' reads it: {choices[0].why_not}"
    if not task.looked:
        return Word.STARTING, None
    silent_s = task.silent_s
    return (Word.OK, None) if silent_s is None else (Word.UNKNOWN, f"no reading for {silent_s:.0f} s")


def link_component(link: Component) -> dict[str, Any]:
    """The way to MongoDB, whose own state is kept as `link`."""
    return {**link, "state": _LINK_WORDS.get(link["state"]) or Word(link["state"]), "link": link["state"]}


def summary(components: Mapping[str, Component]) -> dict[str, Any]:
    """What is wrong in one sentence: of the part with the weightiest word, and how many others are not well."""
    unwell = [name for name, part in components.items() if part["state"] not in QUIET]
    if not unwell:
        return {"sentence": "every part was seen working lately", "component": None, "since": None, "others": 0}
    worst = min(unwell, key=lambda name: (-Word(components[name]["state"]).weight, _kind(name)))
    part = components[worst]
    reason = f": {part['reason']}" if part.get("reason") else ""
    return {
        "sentence": f"{worst.replace(':', ' ', 1)} is {part['state']}{reason}",
        "component": worst,
        "since": part.get("since"),
        "others": len(unwell) - 1,
    }


def _kind(name: str) -> int:
    kind = name.partition(":")[0]
    return _KINDS.index(kind) if kind in _KINDS else len(_KINDS)
