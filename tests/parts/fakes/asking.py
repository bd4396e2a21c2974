"""How a test asks a fake itself, without an adapter between them."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import httpx
from PIL import Image

from parts.direct import DIRECT
from parts.fakes.steering import FakeServer

NUMBER = {"type": ["number", "null"]}


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def picture(format_: str = "PNG", size: tuple[int, int] = (64, 48)) -> str:
    """A data URL."""
    file = io.BytesIO()
    Image.new("L", size).save(file, format_)
    return f"data:image/{format_.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"


def request(model: str, wanted: Mapping[str, Any] | None = None, url: str | None = None) -> dict[str, Any]:
    """A chat request as every server reads it."""
    parts: list[dict[str, Any]] = [{"type": "text", "text": "Read it."}]
    parts += [{"type": "image_url", "image_url": {"url": url}}] if url else []
    shape = {"name": "reading", "strict": True, "schema": wanted or schema(amount=NUMBER)}
    form = {"type": "json_schema", "json_schema": shape}
    return {"model": model, "messages": [{"role": "user", "content": parts}], "response_format": form}


def get(server: FakeServer, path: str) -> httpx.Response:
    return httpx.get(server.url + path, **DIRECT)


def post(server: FakeServer, path: str, body: Any, **headers: str) -> httpx.Response:
    return httpx.post(server.url + path, json=body, headers=headers, **DIRECT)


def chat(server: FakeServer, body: Mapping[str, Any]) -> httpx.Response:
    return post(server, "/v1/chat/completions", body)


def content(answer: httpx.Response) -> str:
    return str(answer.json()["choices"][0]["message"]["content"])
