"""The documents of LM Studio, key by key as sections 1.2 to 1.11 of the facts file give them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from parts.fakes.instances import EMBEDDING, Instance
from parts.fakes.reply import Reply, as_json

MAX_CONTEXT_LENGTH = 32768
SIZE_BYTES = 4_680_000_000


def unexpected(method: str, path: str) -> Reply:
    """1.10: status 200, Express headers."""
    reply = as_json({"error": f"Unexpected endpoint or method. ({method} {path})"})
    return reply.with_headers(X_Powered_By="Express")


def string_error(status: int, message: str) -> Reply:
    """1.11: `error` is a plain string."""
    return as_json({"error": message}, status)


def native_error(status: int, type_: str, message: str, code: str | None = None) -> Reply:
    """1.11, native v1, and 1.9."""
    error = {"type": type_, "message": message}
    return as_json({"error": {**error, "code": code} if code else error}, status)


def unrecognized(strange: Collection[str]) -> Reply:
    """1.3: the native API checks its keys strictly; the status is not established."""
    if not strange:
        return native_error(400, "invalid_request", "A required key is missing", "missing_required_parameter")
    keys = ", ".join(f"'{key}'" for key in sorted(strange))
    return native_error(400, "invalid_request", f"Unrecognized key(s) in object: {keys}", "unrecognized_keys")


def native_model(key: str, instances: Sequence[Instance], *, vision: bool) -> dict[str, Any]:
    """1.2: a vision model is of type "llm"; an embedding model has no architecture and no capabilities."""
    embedding = key == EMBEDDING
    model = {
        "type": "embedding" if embedding else "llm",
        "publisher": key.partition("/")[0],
        "key": key,
        "display_name": key.rpartition("/")[2],
        "quantization": {"name": "Q4_K_M", "bits_per_weight": 4},
        "size_bytes": 84_106_624 if embedding else SIZE_BYTES,
        "params_string": None if embedding else "7B",
        "loaded_instances": [{"id": each.id, "config": _config(each, embedding=embedding)} for each in instances],
        "max_context_length": 2048 if embedding else MAX_CONTEXT_LENGTH,
        "format": "gguf",
        "description": None,
    }
    if embedding:
        return model
    chat = {"architecture": "qwen2vl", "capabilities": {"vision": vision, "trained_for_tool_use": True}}
    return {**model, **chat, "variants": [f"{key}@q4_k_m"], "selected_variant": f"{key}@q4_k_m"}


def _config(instance: Instance, *, embedding: bool) -> dict[str, Any]:
    config: dict[str, Any] = {"context_length": instance.context_length}
    if embedding:
        return config
    defaults = {"eval_batch_size": 512, "flash_attention": True, "num_experts": 0, "offload_kv_cache_to_gpu": True}
    given = {name: value for name, value in instance.config.items() if name in defaults}
    return {**config, **defaults, "parallel": 4, **given}


def v0_model(key: str, *, vision: bool, loaded: bool) -> dict[str, Any]:
    """1.6: here a vision model is of type "vlm", and there is a `state`."""
    embedding = key == EMBEDDING
    return {
        "id": key,
        "object": "model",
        "type": "embeddings" if embedding else "vlm" if vision else "llm",
        "publisher": key.partition("/")[0],
        "arch": "nomic-bert" if embedding else "qwen2vl",
        "compatibility_type": "gguf",
        "quantization": "Q4_K_M",
        "state": "loaded" if loaded else "not-loaded",
        "max_context_length": 2048 if embedding else MAX_CONTEXT_LENGTH,
        "capabilities": [] if embedding else ["tool_use"],
    }


def openai_model(name: str) -> dict[str, Any]:
    """1.7."""
    return {"id": name, "object": "model", "owned_by": "organization_owner"}
