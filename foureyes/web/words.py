"""GET /api/words: every word that a part may stand at, with its one meaning and its tone."""

from __future__ import annotations

from fastapi import FastAPI

from foureyes.telemetry.words import MEANINGS


def add_words(app: FastAPI) -> None:
    """Add the route to an application."""
    known = [{"word": str(word), "meaning": each.text, "tone": each.tone} for word, each in MEANINGS.items()]

    @app.get("/api/words")
    async def words() -> list[dict[str, str]]:
        return known
