"""The demo as a sequence of numbered pictures, each with its truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from foureyes.frames.demo.painter import paint
from foureyes.frames.demo.story import JACKPOTS, Moment, Situation, moment
from foureyes.picture import Pixels

State = Literal["idle", "spinning", "bonus", "error"]

_STATES: dict[Situation, State] = {"dialog": "error", "lost": "error"}


@dataclass(frozen=True)
class Truth:
    """What a perfect reader would say of one picture. Amounts are plain decimals; None is hidden."""

    grand: str | None
    major: str | None
    minor: str | None
    mini: str | None
    balance: str | None
    state: State
    reels: Literal["spinning", "stopped"] | None
    error_text: str | None
    popup: bool
    disconnected: bool


class Scene:
    """The demo of one seed at `fps` pictures a second: picture number n shows the time n / fps."""

    def __init__(self, seed: int, fps: float) -> None:
        self.seed = seed
        self.fps = fps

    def moment(self, n: int) -> Moment:
        """Return all that picture n shows; equal moments are equal pictures."""
        return moment(self.seed, n / self.fps)

    def truth(self, n: int) -> Truth:
        """Return what a perfect reader would say of picture n."""
        return truth_of(self.moment(n))

    def draw(self, n: int) -> Pixels:
        """Return picture n: BGR, 1280x720."""
        return paint(self.moment(n))


def truth_of(shown: Moment) -> Truth:
    """Return what a perfect reader would say of a moment."""
    jackpots = shown.jackpots or (None,) * len(JACKPOTS)
    grand, major, minor, mini = (_decimal(cents) for cents in jackpots)
    return Truth(
        grand=grand,
        major=major,
        minor=minor,
        mini=mini,
        balance=_decimal(shown.balance),
        state=_STATES.get(shown.situation, shown.situation),  # type: ignore[arg-type]  # only the others are left
        reels=None if shown.reels is None else "spinning" if shown.situation == "spinning" else "stopped",
        error_text=shown.error_text,
        popup=shown.situation == "dialog",
        disconnected=shown.situation == "lost",
    )


def _decimal(cents: int | None) -> str | None:
    return None if cents is None else f"{cents // 100}.{cents % 100:02d}"
