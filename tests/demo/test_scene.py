"""The demo's story and truth, asked of the scene itself."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from foureyes.frames.demo import Scene, Truth
from foureyes.picture import Pixels

FPS = 3.0
MINUTE = range(180)
SEEDS = (0, 1, 2, 7, 99, 2**32 - 1)


def amounts(truth: Truth) -> list[Decimal]:
    return [Decimal(amount) for amount in (truth.grand, truth.major, truth.minor, truth.mini) if amount]


def situation(truth: Truth) -> str:
    return "lost" if truth.disconnected else "dialog" if truth.popup else truth.state


def reel_area(pixels: Pixels) -> Pixels:
    return pixels[216:540, 256:1024]


def still_pairs(scene: Scene, state: str) -> list[tuple[int, int]]:
    """Neighbouring pictures of the first minute that are both in this state."""
    return [(a, b) for a, b in pairwise(MINUTE) if scene.truth(a).state == scene.truth(b).state == state]


def test_the_same_seed_gives_the_same_pixels_and_truth_in_any_order() -> None:
    """Picture n is a function of seed and n alone, whatever was asked before."""
    one, other = Scene(5, FPS), Scene(5, FPS)
    forward = [(one.truth(n), one.draw(n)) for n in range(0, 400, 7)]
    backward = [(other.truth(n), other.draw(n)) for n in reversed(range(0, 400, 7))]
    for (truth, pixels), (again, pixels_again) in zip(forward, reversed(backward), strict=True):
        assert truth == again
        assert np.array_equal(pixels, pixels_again)


def test_different_seeds_differ() -> None:
    """Another seed shows other amounts at other moments."""
    assert len({Scene(seed, FPS).truth(0) for seed in SEEDS}) == len(SEEDS)
    starts = {tuple(Scene(seed, FPS).truth(n).state for n in MINUTE) for seed in SEEDS}
    assert len(starts) == len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_situation_is_seen_for_seconds_within_the_first_minute(seed: int) -> None:
    """Each situation of the demo comes within 60 s and stays for at least two seconds at a stretch."""
    shown = [situation(Scene(seed, FPS).truth(n)) for n in MINUTE]
    for wanted in ("idle", "spinning", "bonus", "dialog", "lost"):
        stretches = "".join("x" if name == wanted else " " for name in shown).split()
        assert stretches, f"{wanted} is never seen"
        assert min(len(stretch) for stretch in stretches) >= 2 * FPS or wanted == "spinning"
        assert max(len(stretch) for stretch in stretches) >= 2 * FPS


@pytest.mark.parametrize("seed", SEEDS)
def test_jackpots_are_in_order_and_only_grow(seed: int) -> None:
    """Grand >= Major >= Minor >= Mini always, and within ten minutes none of them falls."""
    seen = [amounts(Scene(seed, FPS).truth(n)) for n in range(1800)]
    shown = [values for values in seen if values]
    assert all(values == sorted(values, reverse=True) for values in shown)
    assert all(new >= old for before, after in pairwise(shown) for old, new in zip(before, after, strict=True))
    assert all(len({values[index] for values in shown[:180]}) >= 6 for index in range(4))


def test_jackpots_stay_in_order_over_days() -> None:
    """Also after they were won and started anew."""
    scene = Scene(3, FPS)
    for n in range(0, int(2 * 86_400 * FPS), 997):
        values = amounts(scene.truth(n))
        assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_balance_changes_with_each_spin_and_at_no_other_time(seed: int) -> None:
    """Over ten minutes the balance has a new value exactly when the reels have come to rest."""
    truths = [Scene(seed, FPS).truth(n) for n in range(1800)]
    known = [truth for truth in truths if truth.balance is not None]
    for before, after in pairwise(known):
        stopped = before.state == "spinning" and after.state != "spinning"
        assert (before.balance != after.balance) == stopped


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_hidden_is_none(seed: int) -> None:
    """A lost connection hides every amount and the reels; the bonus hides the reels alone."""
    for n in MINUTE:
        truth = Scene(seed, FPS).truth(n)
        values = [truth.grand, truth.major, truth.minor, truth.mini, truth.balance]
        assert all(value is None for value in values) == truth.disconnected
        assert (truth.reels is None) == (truth.disconnected or truth.state == "bonus")
        assert (truth.reels == "spinning") == (truth.state == "spinning")
        assert (truth.error_text is not None) == (truth.state == "error") == (truth.popup or truth.disconnected)


@pytest.mark.parametrize("fps", [1.0, 3.0, 5.0, 10.0])
def test_spinning_reels_differ_clearly_from_one_picture_to_the_next(fps: float) -> None:
    """A tenth of the reel area and more changes by 30 levels and more while the reels turn."""
    scene = Scene(1, fps)
    minute = range(int(60 * fps))
    pairs = [(a, b) for a, b in pairwise(minute) if scene.truth(a).reels == scene.truth(b).reels == "spinning"]
    for before, after in pairs:
        change = np.abs(reel_area(scene.draw(before)).astype(int) - reel_area(scene.draw(after)))
        assert np.mean(change.max(axis=2) >= 30) > 0.1


def test_stopped_reels_stand_perfectly_still() -> None:
    """While idle no pixel of the reels changes, whatever ticks elsewhere."""
    scene = Scene(1, FPS)
    for before, after in still_pairs(scene, "idle"):
        assert np.array_equal(reel_area(scene.draw(before)), reel_area(scene.draw(after)))


def test_a_changed_amount_changes_only_its_own_card() -> None:
    """Where only Grand ticks, every changed pixel lies in Grand's card."""
    scene = Scene(1, FPS)
    before, after = next(
        (a, b)
        for a, b in still_pairs(scene, "idle")
        if scene.truth(a).grand != scene.truth(b).grand
        and amounts(scene.truth(a))[1:] == amounts(scene.truth(b))[1:]
    )
    rows, columns = np.nonzero((scene.draw(before) != scene.draw(after)).any(axis=2))
    assert len(rows) > 0
    assert 40 <= columns.min() <= columns.max() < 320
    assert 36 <= rows.min() <= rows.max() < 152
