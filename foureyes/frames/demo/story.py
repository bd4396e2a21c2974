"""What happens in the demo, and when: a pure function of a seed and a time, so that any moment can be asked for.

Time is cut into acts of a minute. An act is rounds of idle, spinning and sometimes something special; the first
act has each special once. The jackpots tick on clocks of their own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Situation = Literal["idle", "spinning", "bonus", "dialog", "lost"]

ACT_S = 60.0
REELS = 5
SYMBOLS = 7
STRIP = (0, 4, 1, 5, 2, 6, 3, 0, 5, 1, 6, 4, 2, 3)
"""Symbols of a reel from top to bottom, round and round; no two neighbours are alike."""
BET = 200
"""Cents a spin."""
ERROR_TEXTS = (
    "An error occurred: the spin was refused.",
    "An error occurred: the session has expired.",
    "Error 1042: the server did not answer in time.",
    "Error 2203: this game is not available now.",
)

_ROUNDS = 5
_SPECIALS: tuple[Situation | None, ...] = ("bonus", "dialog", "lost", None, None)


@dataclass(frozen=True)
class Jackpot:
    """How one jackpot grows: cents at the start (lowest, highest), mean cents a tick, seconds a tick."""

    lowest: int
    highest: int
    step: int
    every_s: float


JACKPOTS: Mapping[str, Jackpot] = {
    "grand": Jackpot(1_200_000, 6_000_000, 1_100, 4.3),
    "major": Jackpot(200_000, 780_000, 290, 5.3),
    "minor": Jackpot(98_600, 99_900, 60, 6.1),
    "mini": Jackpot(8_000, 9_900, 10, 7.7),
}
_TICKS_UNTIL_WON = 400
"""Then a jackpot is won and starts anew; small enough for Grand >= Major >= Minor >= Mini at any time."""


@dataclass(frozen=True)
class Moment:
    """All that is to be seen at one time, in cents; None where it is hidden. Equal moments look the same."""

    situation: Situation
    jackpots: tuple[int, ...] | None
    """Grand, Major, Minor, Mini."""
    balance: int | None
    last_win: int | None
    reels: tuple[float, ...] | None
    """How far each reel is turned, in symbols."""
    error_text: str | None = None
    free_spins: int | None = None


@dataclass(frozen=True)
class Phase:
    """A stretch of an act; the amounts and the reels' rest are those after its last finished spin."""

    situation: Situation
    end_s: float
    balance: int
    last_win: int
    rest: tuple[float, ...]
    detail: int
    """Which error text, or how many free spins."""


def moment(seed: int, time_s: float) -> Moment:
    """Return what is to be seen `time_s` seconds after the start."""
    phase = _phase(seed, time_s)
    if phase.situation == "lost":
        return Moment("lost", None, None, None, None, "Connection lost")
    return Moment(
        situation=phase.situation,
        jackpots=tuple(jackpot_cents(seed, name, time_s) for name in JACKPOTS),
        balance=phase.balance,
        last_win=phase.last_win,
        reels=_turned(phase, time_s),
        error_text=ERROR_TEXTS[phase.detail % len(ERROR_TEXTS)] if phase.situation == "dialog" else None,
        free_spins=5 + phase.detail if phase.situation == "bonus" else None,
    )


def _turned(phase: Phase, time_s: float) -> tuple[float, ...] | None:
    if phase.situation == "bonus":
        return None
    if phase.situation != "spinning":
        return phase.rest
    return tuple((7.3 + 0.6 * reel) * time_s % len(STRIP) for reel in range(REELS))


def jackpot_cents(seed: int, name: str, time_s: float) -> int:
    """Return a jackpot in cents: each of its ticks adds something, at its own moment."""
    jackpot = JACKPOTS[name]
    slot = int(time_s / jackpot.every_s)
    ticked = time_s >= (slot + _rng(seed, name, slot).uniform(0.1, 0.9)) * jackpot.every_s
    ticks = (slot + ticked) % _TICKS_UNTIL_WON
    start = _rng(seed, name, "start").randint(jackpot.lowest, jackpot.highest)
    return start + ticks * jackpot.step + _rng(seed, name, "tick", ticks).randrange(jackpot.step)


def _phase(seed: int, time_s: float) -> Phase:
    act, in_act_s = divmod(time_s, ACT_S)
    phases = _phases(seed, int(act))
    return next((phase for phase in phases if in_act_s < phase.end_s), phases[-1])


@lru_cache(maxsize=8)
def _phases(seed: int, act: int) -> tuple[Phase, ...]:
    """Return the phases of an act; together they fill it exactly."""
    rng = _rng(seed, "act", act)
    plan = list(_plan(rng, act))
    scale = ACT_S / sum(seconds for _, seconds in plan)
    now_s, spins, phases = 0.0, 0, []
    for situation, seconds in plan:
        now_s += seconds * scale
        phases.append(Phase(situation, now_s, *_result(seed, act, spins), rng.randrange(16)))
        spins += situation == "spinning"
    return tuple(phases)


def _plan(rng: random.Random, act: int) -> Iterator[tuple[Situation, float]]:
    """Yield situation and length; the spin ends a round, so that a special follows its result."""
    specials = list(_SPECIALS)
    rng.shuffle(specials)
    for special in specials if act == 0 else rng.choices(_SPECIALS, k=_ROUNDS):
        yield "idle", rng.uniform(4.0, 6.0)
        yield "spinning", rng.uniform(2.5, 4.0)
        if special:
            yield special, rng.uniform(4.5, 6.5)


def _result(seed: int, act: int, spins: int) -> tuple[int, int, tuple[float, ...]]:
    """Return balance, last win and where the reels stand after so many spins of an act."""
    if spins == 0 and act > 0:
        act, spins = act - 1, _ROUNDS
    rng = _rng(seed, "rest", act, spins)
    rest = tuple(float(rng.randrange(len(STRIP))) for _ in range(REELS))
    balances = _balances(seed, act)
    win = max(0, balances[spins] - balances[spins - 1] + BET) if spins else 0
    return balances[spins], win, rest


def _balances(seed: int, act: int) -> list[int]:
    """Return the balance in cents before the first spin and after each; acts join without a jump."""
    rng = _rng(seed, "balance", act)
    balances = [_first_balance(seed, act)]
    for _ in range(_ROUNDS - 1):
        balances.append(balances[-1] + rng.choice((-BET, -BET, 125, 480, 1_250, 3_775)))
    return [*balances, _first_balance(seed, act + 1)]


def _first_balance(seed: int, act: int) -> int:
    base = _rng(seed, "balance").randrange(120_000, 480_000, 10)
    cent = 3 if act % 2 else 7  # so that the last spin of an act changes the balance, whatever the others did
    return base + _rng(seed, "first", act).randrange(0, 3_000, 10) + cent


def _rng(*key: object) -> random.Random:
    return random.Random("/".join(str(part) for part in key))  # noqa: S311 - a drawing, no secret
