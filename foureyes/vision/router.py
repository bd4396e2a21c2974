"""The router: a task's first candidate whose server is ready; a later one than the first is a fallback."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

from foureyes.servers.supervisor import Supervisor
from foureyes.vision.plan import Candidate, Plan

_GONE = "its server is not configured any more"
_RESTS = "its last attempts failed; it is asked again in a moment"


@dataclass(frozen=True)
class Route:
    """The candidate that was chosen, its server, and whether an earlier candidate was passed over."""

    candidate: Candidate
    server: Supervisor
    fallback: bool

    @property
    def is_open(self) -> bool:
        """Whether it still leads to a model that may be asked."""
        return self.server.offers(self.candidate.model_id)


@dataclass(frozen=True)
class Choice:
    """One candidate, and why it cannot be asked now: a sentence, or None where it can."""

    candidate: Candidate
    why_not: str | None


class Router:
    """Chooses by the servers' snapshots; ordered preference is the strategy."""

    def __init__(self, servers: Mapping[str, Supervisor]) -> None:
        self._servers = servers

    def choose(self, plan: Plan, without: Container[str] = ()) -> Route | None:
        """The best route now that names nobody of `without`, or None where no candidate can answer."""
        for index, candidate in enumerate(plan.candidates):
            if candidate.name not in without and self._can_answer(candidate):
                return Route(candidate, self._servers[candidate.server], fallback=index > 0)
        return None

    def choices(self, plan: Plan, without: Container[str] = ()) -> list[Choice]:
        """Every candidate in order, each with why it cannot be asked now; the first one that can be is chosen."""
        return [
            Choice(candidate, _RESTS if candidate.name in without else self._why_not(candidate))
            for candidate in plan.candidates
        ]

    def second(self, plan: Plan) -> Route | None:
        """The way to a task's second reader; None where it has none, or none that can answer now."""
        candidate = plan.second
        if candidate is None or not self._can_answer(candidate):
            return None
        return Route(candidate, self._servers[candidate.server], fallback=False)

    def _can_answer(self, candidate: Candidate) -> bool:
        return self._why_not(candidate) is None

    def _why_not(self, candidate: Candidate) -> str | None:
        server = self._servers.get(candidate.server)  # gone where the configuration changed behind a plan's back
        return _GONE if server is None else server.refusal(candidate.model_id)
