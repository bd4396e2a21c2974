"""The documents of llama-server, as sections 3 and 9 of the facts file give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parts.fakes.chat import nested_schema
from parts.fakes.reply import Reply, as_json
from parts.fakes.sent_picture import SentPicture

SLOTS = 4


def error(status: int, message: str, type_: str = "server_error", **more: Any) -> Reply:
    """3, /health and context overflow: `error` is an object with code, message and type."""
    return as_json({"error": {"code": status, "message": message, "type": type_, **more}}, status)


def not_found() -> Reply:
    """Not in the facts file: 404 in the same shape is the most plausible."""
    return error(404, "File Not Found", "not_found_error")


def overflow(tokens: int, n_ctx: int) -> Reply:
    """3: 400 with `exceed_context_size_error` and both figures."""
    message = f"request ({tokens} tokens) exceeds the available context size ({n_ctx} tokens), try increasing it"
    return error(400, message, "exceed_context_size_error", n_prompt_tokens=tokens, n_ctx=n_ctx)


def no_projector() -> Reply:
    """3, LC#13566: 500."""
    return error(
        500, "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
    )


def refuse_picture(picture: SentPicture) -> Reply | None:
    """3: stb_image reads jpeg, png, bmp and gif (tga is left out); anything else is 400."""
    if picture.media_type in {"image/jpeg", "image/png", "image/bmp", "image/gif"}:
        return None
    return error(400, "Failed to load image or audio file", "invalid_request_error")


def read_schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """3: the nested form, or json_object with `schema`; the flat json_schema form is silently not read."""
    wanted = body.get("response_format") or {}
    return wanted.get("schema") if wanted.get("type") == "json_object" else nested_schema(body)


def listed(model: str, *, vision: bool, old: bool = False, loading: bool = False) -> dict[str, Any]:
    """3 and 9: one element of `data`; `meta` is null while loading, older servers have no `architecture`."""
    meta = {"n_ctx_train": 32768, "n_params": 7_000_000_000, "size": 4_680_000_000}
    head = {
        "id": model,
        "object": "model",
        "created": 0,
        "owned_by": "llamacpp",
        "meta": None if loading else meta,
    }
    modalities = ["text", "image"] if vision else ["text"]
    return (
        head if old else {**head, "architecture": {"input_modalities": modalities, "output_modalities": ["text"]}}
    )


def props(path: str, n_ctx: int, *, vision: bool) -> dict[str, Any]:
    """3: settings, slots, sleep state; `modalities` is plausible, not in the facts file."""
    return {
        "default_generation_settings": {"n_ctx": n_ctx, "params": {}},
        "total_slots": SLOTS,
        "model_path": path,
        "modalities": {"vision": vision, "audio": False},
        "is_sleeping": False,
        "build_info": "b1-0c1e570",
    }


def slots(busy: int, n_ctx: int) -> list[dict[str, Any]]:
    """3: the keys of one slot are plausible, not in the facts file."""
    return [{"id": number, "n_ctx": n_ctx, "is_processing": number < busy} for number in range(SLOTS)]
