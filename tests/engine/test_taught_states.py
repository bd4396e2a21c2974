"""States by taught pictures: what is told, what stays unknown, and which of cues, pictures and motion tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parts.state_screens import KINDS, captured, screen

from foureyes.engine import state
from foureyes.engine.line import Line, Text, line_of
from foureyes.engine.sight import Sight
from foureyes.engine.taught import Taught
from foureyes.exceptions import BadPictureError, UsageError
from foureyes.picture import BLOCK_PX, Box, Pixels, digest, encode_png

THEME = 31
GAME = ("menu", "play", "over")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures of each state of every kind."""
    folder = tmp_path_factory.mktemp("pictures")
    for kind, states in KINDS.items():
        for name in states:
            for moment in range(3):
                kept(folder, screen(kind, name, THEME, moment))
    return folder


@pytest.fixture(scope="module")
def taught(folder: Path) -> Taught:
    return Taught(folder)


def kept(folder: Path, pixels: Pixels) -> str:
    (folder / f"{digest(pixels)}.png").write_bytes(encode_png(pixels))
    return digest(pixels)


def pictures(kind: str, names: Sequence[str], count: int = 3) -> dict[str, list[str]]:
    return {name: [digest(screen(kind, name, THEME, moment)) for moment in range(count)] for name in names}


def asked(
    x_taught: Mapping[str, Sequence[str]], cues: Mapping[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    members = [*x_taught, *(cues or {}), None]
    field = {"enum": list(dict.fromkeys(members)), "x-taught": dict(x_taught), **more}
    field |= {"x-cues": cues} if cues else {}
    return {"type": "object", "properties": {"state": field}, "required": ["state"]}


def sight(pixels: Pixels, lines: Sequence[Line] = (), earlier: Pixels | None = None) -> Sight:
    def refused(box: Box) -> Line:
        raise AssertionError(f"looked at {box}")

    return Sight(0, pixels, tuple(lines), complete=True, look=refused, again=refused, earlier=earlier)


def told(schema: Mapping[str, Any], seen: Sight, taught: Taught) -> tuple[Any, str | None]:
    answer = state.tell(schema, [seen], taught)
    return answer.values["state"], answer.withheld.get("state")


@pytest.mark.parametrize("kind", KINDS)
def test_states_are_told_in_other_moments_and_captures(taught: Taught, kind: str) -> None:
    """Other numbers, rows and sprites, moved, scaled and compressed, are the state; untaught it is unknown."""
    names = list(KINDS[kind])
    right = 0
    for number, name in enumerate(names):
        seen = sight(captured(screen(kind, name, THEME, 50 + number), number))
        value, reason = told(asked(pictures(kind, names)), seen, taught)
        right += value == name
        assert (value, reason) in {(name, None), (None, "absent")}
        others = [other for other in names if other != name]
        assert told(asked(pictures(kind, others)), seen, taught) == (None, "absent")
    assert right >= len(names) - 1


def test_one_taught_state_is_not_everything(taught: Taught) -> None:
    """With one state taught, by one picture, everything else is unknown."""
    schema = asked(pictures("game", ["menu"], count=1))
    assert told(schema, sight(screen("game", "menu", THEME, 9)), taught) == ("menu", None)
    for kind, name in (("game", "play"), ("game", "over"), ("application", "login"), ("wizard", "done")):
        assert told(schema, sight(screen(kind, name, THEME, 9)), taught) == (None, "absent")


def test_what_is_written_comes_before_what_was_taught(taught: Taught) -> None:
    """A cue that is written tells, whatever the picture looks like."""
    schema = asked(pictures("game", GAME), {"frozen": {"texts": ["server lost"]}})
    line = line_of(Text("Server lost", tuple(np.linspace(0.1, 0.9, 11)), 0.99), Box(400, 300, 300, 40))
    seen = screen("game", "menu", THEME, 4)
    assert told(schema, sight(seen, [line]), taught) == ("frozen", None)
    assert told(schema, sight(seen), taught) == ("menu", None)


def test_motion_tells_what_the_pictures_leave_open(taught: Taught) -> None:
    """Of a screen that is like no taught one, motion tells only states that were never taught by pictures."""
    strange = screen("application", "report", THEME, 1)
    moved = np.roll(strange, 40, axis=1)
    rest = {"spinning": {"motion": "moving"}, "menu": {"motion": "still"}}
    schema = asked(pictures("game", ["menu"]), rest)
    region = {"x-motion-region": [0.4, 0.3, 0.3, 0.3]}
    schema["properties"]["state"] |= region
    assert told(schema, sight(strange, earlier=moved), taught) in {("spinning", None), (None, "ambiguous")}
    assert told(schema, sight(strange, earlier=strange), taught) == (None, "ambiguous")


def test_a_region_is_compared_with_the_same_place(taught: Taught) -> None:
    """Taught pictures are whole; a task that looks at a part of the screen is compared with that part of them."""
    region = [0.3, 0.2, 0.4, 0.7]
    schema = asked(pictures("game", GAME), **{"x-taught-region": region})
    for name in GAME:
        whole = screen("game", name, THEME, 6)
        part = Box.of_fractions(region, whole.shape[1], whole.shape[0], BLOCK_PX).cut(whole)
        assert told(schema, sight(np.ascontiguousarray(part)), taught)[0] == name


def test_a_picture_that_is_not_as_it_was_taught_is_a_fault(tmp_path: Path) -> None:
    """One that is not there, another one under its name, and an engine without a folder are told in words."""
    shown = screen("game", "menu", THEME, 0)
    name = kept(tmp_path, shown)
    seen = sight(shown)
    with pytest.raises(UsageError, match="without a folder"):
        told(asked({"menu": [name]}), seen, Taught(None))
    with pytest.raises(UsageError, match="cannot be read"):
        told(asked({"menu": ["0" * 32]}), seen, Taught(tmp_path))
    (tmp_path / f"{name}.png").write_bytes(encode_png(screen("game", "over", THEME, 0)))
    with pytest.raises(BadPictureError, match="another one now"):
        told(asked({"menu": [name]}), seen, Taught(tmp_path))


def test_what_is_too_small_is_not_compared(taught: Taught) -> None:
    """A picture of a few pixels looks like anything."""
    schema = asked(pictures("game", GAME))
    assert told(schema, sight(np.zeros((40, 400, 3), np.uint8)), taught) == (None, "too_small")
