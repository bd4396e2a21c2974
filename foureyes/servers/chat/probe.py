"""The probe: one tiny real inference, the only thing that makes a model count as ready."""

from __future__ import annotations

import time

import numpy as np

from foureyes.exceptions import AnswerCutError
from foureyes.picture import encode_png
from foureyes.servers.server import ChatRequest, ModelServer

_DUMMY = encode_png(np.full((64, 160, 3), 24, np.uint8))
_MAX_TOKENS = 200
_SCHEMA = {
    "type": "object",
    "properties": {
        "seen": {
            "enum": ["yes", "no", None],
            "x-cues": {"yes": {"texts": ["yes"]}},
            "x-motion": {"moving": "yes", "still": "no"},
            "x-sign": "dialog",
        }
    },
    "required": ["seen"],
    "additionalProperties": False,
}


async def probe(server: ModelServer, model_id: str, *, timeout_s: float) -> float:
    """Ask `model_id` about a dummy picture; return the latency in ms. Raises a ServerError leaf.

    Whatever it answers will do, even words without an end: some models think long about nothing.
    """
    request = ChatRequest(
        model_id=model_id,
        prompt="Is the word yes seen? Return JSON.",
        schema=_SCHEMA,
        pictures=(_DUMMY,),
        timeout_s=timeout_s,
        max_tokens=_MAX_TOKENS,
    )
    began_s = time.monotonic()
    try:
        return (await server.chat(request)).latency_ms
    except AnswerCutError:
        return (time.monotonic() - began_s) * 1000
