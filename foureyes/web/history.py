"""GET /api/history: what a task published lately, equal readings in a row as one step."""

from __future__ import annotations

from typing import Any, Protocol

from fastapi import FastAPI


class History(Protocol):
    """Where the steps are."""

    def steps(self, source: str, task: str) -> list[dict[str, Any]]:
        """The steps of one task, the oldest first."""
        ...

    def keys(self) -> list[tuple[str, str]]:
        """Source and task of everything of which there is a history."""
        ...


def add_history(app: FastAPI, history: History) -> None:
    """Add the route to an application."""

    @app.get("/api/history")
    async def steps(source: str | None = None, task: str | None = None) -> list[dict[str, Any]]:
        return [
            {"source": of_source, "task": of_task, "steps": history.steps(of_source, of_task)}
            for of_source, of_task in history.keys()  # noqa: SIM118 - no mapping: it is asked for its keys alone
            if source in {None, of_source} and task in {None, of_task}
        ]
