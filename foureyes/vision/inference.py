"""One inference: a view encoded, sent to the routed server, and its reply checked against the whole schema."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from foureyes.exceptions import ServerError, ServerReplyError
from foureyes.frames.frame import Frame
from foureyes.schema.document import check_answer
from foureyes.servers.http.recorded import blamed, forget
from foureyes.servers.server import ChatReply, ChatRequest, Priority
from foureyes.telemetry.aggregates import Tokens
from foureyes.telemetry.log import event
from foureyes.telemetry.metrics import Metrics
from foureyes.vision.answer import Answer
from foureyes.vision.combine import Combiner
from foureyes.vision.look import Encoder, View
from foureyes.vision.plan import Plan
from foureyes.vision.router import Route
from foureyes.vision.rules import Rules


@dataclass(frozen=True)
class Asker:
    """Who wants an inference, and how urgently."""

    priority: Priority
    client: str = ""


LOOP = Asker(Priority.LOOP)


class Inference:
    """Asks servers and validates what they answer; it neither retries nor caches."""

    def __init__(self, encoder: Encoder, metrics: Metrics) -> None:
        self._encoder = encoder
        self._metrics = metrics
        self._combiner = Combiner()

    async def read(
        self,
        plan: Plan,
        route: Route,
        frame: Frame,
        view: View,
        schema: Mapping[str, Any],
        asker: Asker = LOOP,
    ) -> Answer:
        """Read the fields of `schema` from a view. Raises a ServerError leaf: no answer or a valid one."""
        request = await self._request(plan, route, view, schema, asker)
        labels: dict[str, Any] = {"task": plan.task, "model": route.candidate.name}
        try:
            with blamed():
                with self._metrics.step("request"):
                    reply = await self._asked(plan, route, request)
                with self._metrics.step("validate"):
                    answer = _validated(plan, route, frame, schema, reply)
        except ServerError as error:
            self._metrics.inference(**labels, outcome=type(error).__name__, seconds=None)
            event(
                "request.done",
                str(error),
                level="debug",
                request_id=request.request_id,
                outcome="failed",
                **labels,
            )
            raise
        forget()
        spent_s, tokens = reply.latency_ms / 1000, _tokens(reply)
        self._metrics.inference(**labels, outcome="ok", seconds=spent_s, tokens=tokens)
        event(
            "request.done",
            f"{plan.task} answered",
            level="debug",
            request_id=request.request_id,
            duration_ms=round(reply.latency_ms, 1),
            outcome="ok",
            **_sent(reply),
            **labels,
        )
        return answer

    async def _asked(self, plan: Plan, route: Route, request: ChatRequest) -> ChatReply:
        if plan.settings.combine and not route.candidate.is_engine:
            return await self._combiner.chat(route.server, plan.task, request)
        return await route.server.chat(request)

    async def _request(
        self, plan: Plan, route: Route, view: View, schema: Mapping[str, Any], asker: Asker
    ) -> ChatRequest:
        with self._metrics.step("encode"):
            pictures = await asyncio.to_thread(self._encoder.pictures, view)
        return ChatRequest(
            model_id=route.candidate.model_id,
            prompt=plan.prompt,
            schema=schema,
            pictures=pictures,
            stream=plan.stream,
            request_id=uuid.uuid4().hex[:12],
            timeout_s=plan.settings.timeout_s,
            temperature=plan.settings.temperature,
            max_tokens=plan.settings.max_tokens,
            priority=asker.priority,
            client=asker.client,
        )


def _tokens(reply: ChatReply) -> Tokens | None:
    return None if reply.usage is None else Tokens(reply.usage.prompt_tokens, reply.usage.completion_tokens)


def _sent(reply: ChatReply) -> dict[str, Any]:
    """What a request cost: how much smaller each picture was sent, and its tokens where the server counts them."""
    return {"scales": list(reply.scales), **(asdict(reply.usage) if reply.usage else {})}


def _validated(plan: Plan, route: Route, frame: Frame, schema: Mapping[str, Any], reply: ChatReply) -> Answer:
    violations = check_answer(schema, reply.answer)
    if breaches := [each for each in violations if not (each.field and each.is_out_of_range)]:
        said = "; ".join(f"{each.field or 'the answer'}: {each.why}" for each in breaches[:5])
        raise ServerReplyError(f"model '{route.candidate.name}' broke the schema of task '{plan.task}': {said}")
    remarks = reply.remarks
    read = {name: reply.answer.get(name) for name in schema["properties"]}
    broken = Rules.of(plan.schema).broken(read) | {each.field for each in violations}
    values = {name: None if name in broken else value for name, value in read.items()}
    withheld = {name: remarks.withheld.get(name, "absent") for name, value in read.items() if value is None}
    refused = {
        name: {**remarks.evidence.get(name, {}), "alternatives": [{"value": read[name]}]} for name in broken
    }
    return Answer(
        values=values,
        withheld={**withheld, **dict.fromkeys(broken, "implausible")},
        evidence={**remarks.evidence, **refused},
        confidence=_fraction(remarks.confidence),
        confidence_from=remarks.confidence_from,
        model_says=_fraction(reply.answer.get("confidence")),
        model=route.candidate.name,
        server=route.candidate.server,
        latency_ms=reply.latency_ms,
        fallback=route.fallback,
        frame_id=frame.id,
        read_at=frame.captured_at,
        read_mono_s=frame.captured_mono_s,
    )


def _fraction(value: Any) -> float | None:
    """What says nothing between 0 and 1 says nothing; a number may be too large for a float."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    return float(value)
