"""GET / and /static/...: the operator's page, from a table made once; nothing outside it is ever opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import xxhash
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

_FOLDER = Path(__file__).parent / "static"
_PAGE = "page.html"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Part:
    """One file of the page as it is sent."""

    data: bytes
    media_type: str
    etag: str


def parts_of(folder: Path = _FOLDER) -> dict[str, Part]:
    """The page's files by their names."""
    files = sorted(file for file in folder.iterdir() if file.suffix in _TYPES)
    return {file.name: _part(file.read_bytes(), _TYPES[file.suffix]) for file in files}


def _part(data: bytes, media_type: str) -> Part:
    return Part(data, media_type, f'"{xxhash.xxh3_64_hexdigest(data)}"')


def add_page(app: FastAPI) -> None:
    """Add the page to an application."""
    parts = parts_of()

    @app.get("/")
    async def page(request: Request) -> Response:
        return _sent(parts, _PAGE, request)

    @app.get("/static/{name}")
    async def static(name: str, request: Request) -> Response:
        return _sent(parts, name, request)


def _sent(parts: Mapping[str, Part], name: str, request: Request) -> Response:
    """The file, or 304 where the browser has it as it is: no page outlives an update of FourEyes."""
    if (part := parts.get(name)) is None:
        raise HTTPException(404, f"the page has no {name}")
    headers = {"ETag": part.etag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == part.etag:
        return Response(status_code=304, headers=headers)
    return Response(part.data, media_type=part.media_type, headers=headers)
