"""GET /api/sources: what is looked at, how large and how often, and where each task looks."""

from __future__ import annotations

from typing import Any, Protocol

from fastapi import FastAPI


class Sources(Protocol):
    """What is known of the sources."""

    def documents(self) -> list[dict[str, Any]]:
        """One JSON object a source."""
        ...


def add_sources(app: FastAPI, sources: Sources) -> None:
    """Add the route to an application."""

    @app.get("/api/sources")
    async def documents() -> list[dict[str, Any]]:
        return sources.documents()
