"""The second read of a model that reads once: the same pixels, padded, and only the values that changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from foureyes.exceptions import ServerError
from foureyes.frames.frame import Frame
from foureyes.schema.document import subset
from foureyes.telemetry.log import event
from foureyes.vision.answer import Answer
from foureyes.vision.inference import Inference
from foureyes.vision.look import View
from foureyes.vision.plan import Plan
from foureyes.vision.router import Route
from foureyes.vision.rules import is_same


async def read_again(
    inference: Inference, plan: Plan, route: Route, frame: Frame, view: View, first: Answer, names: Sequence[str]
) -> Answer:
    """The answer with these values read once more: confirmed where alike, a conflict where not.

    Where the second question fails, they stay what they are: read once.
    """
    padded = replace(view, is_padded=True)
    try:
        second = await inference.read(plan, route, frame, padded, subset(plan.schema, names))
    except ServerError as error:
        event("task.second_read_failed", f"values were read once only: {error}", level="debug")
        return first
    alike = [name for name in names if is_same(first.values[name], second.values[name])]
    unlike = [name for name in names if name not in alike]
    evidence = {name: {**first.evidence.get(name, {}), "reads": 2} for name in names}
    return replace(
        first,
        values={**first.values, **dict.fromkeys(unlike)},
        withheld={**first.withheld, **dict.fromkeys(unlike, "conflict")},
        evidence={
            **first.evidence,
            **evidence,
            **{name: {**evidence[name], "alternatives": _alternatives(name, first, second)} for name in unlike},
        },
        latency_ms=first.latency_ms + second.latency_ms,
    )


def _alternatives(name: str, *answers: Answer) -> list[dict[str, Any]]:
    return [{"text": str(answer.values[name]), "value": answer.values[name]} for answer in answers]
