"""Replies as clients of language models expect them, with the engine's own remarks beside."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from foureyes.engine.answer import Answer
from foureyes.engine.models import Listing
from foureyes.engine.timings import Timings


def completion(model: str, answer: Answer, timings: Timings) -> dict[str, Any]:
    """The reply to a chat request."""
    content = json.dumps(answer.values, allow_nan=False, ensure_ascii=False)
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"},
        ],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        "foureyes": {
            "withheld": answer.withheld,
            "evidence": answer.evidence,
            "confidence": answer.confidence,
            "confidence_from": answer.confidence_from,
            "timings_ms": timings.ms,
        },
    }


def openai_listing(listings: tuple[Listing, ...]) -> dict[str, Any]:
    """GET /v1/models."""
    models = [{"id": each.key, "object": "model", "created": 0, "owned_by": "foureyes"} for each in listings]
    return {"object": "list", "data": models}


def native_listing(listing: Listing, *, loaded: bool) -> dict[str, Any]:
    """One entry of GET /api/v1/models."""
    return {
        "type": "vision",
        "publisher": "foureyes",
        "key": listing.key,
        "display_name": listing.display_name,
        "size_bytes": listing.size_bytes,
        "loaded_instances": [{"id": listing.key, "config": {}}] if loaded else [],
        "capabilities": {"vision": True, "trained_for_tool_use": False},
    }


def fault(message: str, code: str) -> dict[str, Any]:
    """An error as clients of language models expect it."""
    return {"error": {"message": message, "type": "invalid_request_error", "code": code}}
