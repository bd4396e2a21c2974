"""The camera: frames of one source with their times, masks painted, and how it stands."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from parts.drawing import BLUE, GREEN, RED, plain, write_plain
from parts.hand_clock import HandClock
from parts.program import wait_until

from foureyes.config.settings import ImagesSource as ImagesSettings
from foureyes.exceptions import SourceMissingError, SourceUnreadableError
from foureyes.frames.camera import Camera
from foureyes.frames.frame import Frame
from foureyes.frames.region import Region
from foureyes.frames.source import EndOfSource
from foureyes.frames.sources.images import ImagesSource
from foureyes.frames.stall import CameraState, stall
from foureyes.picture import encode_png


def folder_source(folder: Path, *names: str) -> ImagesSource:
    """A real source of pictures, each named by its colour."""
    colours = {"red": RED, "green": GREEN, "blue": BLUE}
    for at, name in enumerate(names):
        write_plain(folder / f"{at}.png", colours[name])
    return ImagesSource(ImagesSettings(kind="images", path=folder))


class SlowFolder:
    """A folder whose one picture is a pipe: reading it blocks, as a library that hangs does, until `answer`."""

    def __init__(self, folder: Path) -> None:
        self._pipe = folder / "1.png"
        os.mkfifo(self._pipe)
        self.source = ImagesSource(ImagesSettings(kind="images", path=folder))

    def answer(self) -> None:
        self._pipe.write_bytes(encode_png(plain(RED)))


async def asked(camera: Camera) -> asyncio.Task[Frame]:
    """Begin a look, and return once the source has been asked."""
    look = asyncio.create_task(camera.look())
    await asyncio.to_thread(wait_until, lambda: camera.state.grabbing_since_mono_s is not None, 60, "the look")
    return look


async def test_frames_are_stamped_with_the_time_of_asking(tmp_path: Path) -> None:
    """However long the source takes, a frame carries the times at which it was asked: it is at least as new."""
    clock, at = HandClock(50.0), datetime(2026, 11, 21, tzinfo=UTC)
    slow = SlowFolder(tmp_path)
    camera = Camera(slow.source, "main", now=clock, utcnow=lambda: at)
    look = await asked(camera)
    clock.move(0.25)
    slow.answer()
    frame = await look
    await camera.close()
    assert (frame.captured_mono_s, frame.captured_at, frame.source) == (50.0, at, "main")
    assert camera.state.progress_mono_s == 50.25


async def test_frames_are_numbered(tmp_path: Path) -> None:
    """A frame's id is its source's and the number of the look, from 0."""
    camera = Camera(folder_source(tmp_path, "red", "green"), "main")
    assert [(await camera.look()).id for _ in range(2)] == ["main-000000", "main-000001"]
    await camera.close()


async def test_the_number_counts_successful_looks(tmp_path: Path) -> None:
    """A look that fails takes no number, and is remembered until one succeeds."""
    camera = Camera(ImagesSource(ImagesSettings(kind="images", path=tmp_path)), "main")
    with pytest.raises(SourceMissingError):
        await camera.look()
    assert (camera.state.frames, camera.state.error_cause) == (0, "missing")
    write_plain(tmp_path / "1.png", RED)
    assert (await camera.look()).id == "main-000000"
    assert (camera.state.frames, camera.state.error) == (1, None)
    with pytest.raises(EndOfSource):
        await camera.look()
    await camera.close()


async def test_masks_are_black_and_everything_else_is_untouched(tmp_path: Path) -> None:
    """A mask is painted over, in pixels at least as far as its fractions say, and nothing beside it changes."""
    camera = Camera(folder_source(tmp_path, "red"), "main", [Region(0.25, 0.5, 0.5, 0.25)])
    frame = await camera.look()
    await camera.close()
    expected = plain(RED)
    expected[24:36, 16:48] = 0
    assert np.array_equal(frame.picture.pixels, expected)


async def test_what_is_masked_reaches_nobody(tmp_path: Path) -> None:
    """Pictures that differ under the mask alone are one and the same: nothing tells them apart."""
    for at, secret in enumerate((17, 230, 230)):
        pixels = plain(GREEN)
        pixels[:24, :32] = secret
        (tmp_path / f"{at}.png").write_bytes(encode_png(pixels))
    clock = HandClock()
    source = ImagesSource(ImagesSettings(kind="images", path=tmp_path))
    camera = Camera(source, "main", [Region(0.0, 0.0, 0.5, 0.5)], now=clock)
    first = await camera.look()
    clock.move(5)
    second, third = await camera.look(), await camera.look()
    await camera.close()
    assert first.picture is second.picture is third.picture
    assert first.picture.encoded is None
    assert camera.state.since_change_s(clock()) == 5


@pytest.mark.parametrize("masks", [[], [Region(0, 0, 0.5, 0.5)]], ids=["plain", "masked"])
async def test_an_equal_picture_is_the_very_same_object(tmp_path: Path, masks: list[Region]) -> None:
    """The same picture again is the same object, with masks too, so that nothing is painted or decoded anew."""
    camera = Camera(folder_source(tmp_path, "red", "red", "green"), "main", masks)
    first, second, third = [await camera.look() for _ in range(3)]
    await camera.close()
    assert first.picture is second.picture
    assert first.picture is not third.picture


async def test_a_picture_over_the_bounds_is_told(tmp_path: Path) -> None:
    """A picture that is too large for the engine is an error of the source, with the bounds in the sentence."""
    write_plain(tmp_path / "1.png", RED, 9000, 10)
    camera = Camera(ImagesSource(ImagesSettings(kind="images", path=tmp_path)), "main")
    with pytest.raises(SourceUnreadableError, match="at most 8192 pixels a side"):
        await camera.look()
    await camera.close()


async def test_close_does_not_wait_for_a_source_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A camera whose source hangs is closed in bounded time, and the call is left behind."""
    monkeypatch.setattr("foureyes.frames.camera._CLOSE_WITHIN_S", 0.05)
    slow = SlowFolder(tmp_path)
    camera = Camera(slow.source, "main")
    look = await asked(camera)
    await camera.close()
    assert not look.done()
    await asyncio.to_thread(slow.answer)
    await look


def test_a_hanging_source_does_not_hold_up_the_exit_of_the_program() -> None:
    """The interpreter ends although a call of a source never returns."""
    program = """
import asyncio, threading
from foureyes.frames.own_thread import OwnThread
async def main():
    thread, entered = OwnThread("eye"), threading.Event()
    def hang():
        entered.set()
        threading.Event().wait()
    task = asyncio.create_task(thread.run(hang))
    while not entered.is_set():
        await asyncio.sleep(0.01)
    task.cancel()
    print("over")
asyncio.run(main())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "over\n", "")


def state(**changes: object) -> CameraState:
    """A camera that was made at 100 s and got its last, then new, picture at 200 s."""
    standing = {
        "kind": "obs",
        "description": "the program scene",
        "finite": False,
        "frames": 300,
        "last_frame_at": datetime(2026, 11, 21, tzinfo=UTC),
        "progress_mono_s": 200.0,
        "changed_mono_s": 200.0,
        "grabbing_since_mono_s": None,
        "error": None,
        "error_cause": None,
    }
    return CameraState(**{**standing, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "loop_late", "cause"),
    [
        ({"error": "nobody answers", "error_cause": "away"}, False, "away"),
        ({"error": "wrong password", "error_cause": "password"}, False, "password"),
        ({"error": "no such scene", "error_cause": "missing"}, False, "missing"),
        ({"error": "did not answer", "error_cause": "hung"}, False, "hung"),
        ({"grabbing_since_mono_s": 201.0}, False, "hung"),
        ({"grabbing_since_mono_s": 209.9, "error": "nobody answers", "error_cause": "away"}, False, "away"),
        ({}, True, "loop_late"),
        ({}, False, "away"),
        ({"frames": 0, "error": "nobody answers", "error_cause": "away"}, True, "away"),
    ],
)
def test_a_stall_is_named_by_its_cause(changes: dict[str, object], *, loop_late: bool, cause: str) -> None:
    """Without a picture for the stall time, the cause is what hindered the last progress."""
    found = stall(state(**changes), 212.0, stall_s=10, frozen_after_s=None, loop_late=loop_late)
    assert found is not None
    assert found.cause == cause
    assert found.text


@pytest.mark.parametrize("changes", [{}, {"error": "broke"}, {"grabbing_since_mono_s": 201}])
def test_progress_within_the_time_is_no_stall(changes: dict[str, object]) -> None:
    """Neither an error nor a call under way is a stall while the last picture is young enough."""
    assert stall(state(**changes), 209.9, stall_s=10, frozen_after_s=None, loop_late=True) is None


def test_attempts_do_not_hide_a_stall() -> None:
    """A source that fails afresh at every look stalls all the same: attempts are no progress."""
    failing = state(error="broke", error_cause="away", grabbing_since_mono_s=211.99)
    found = stall(failing, 212.0, stall_s=10, frozen_after_s=None, loop_late=False)
    assert found is not None
    assert found.cause == "away"


async def test_r30_a_frozen_source_is_detected(tmp_path: Path) -> None:
    """R30: a source that answers with the same picture for too long is frozen, and no longer once it changes."""
    clock = HandClock()
    camera = Camera(folder_source(tmp_path, *["red"] * 40, "blue"), "main", now=clock)

    async def cause_after(looks: int) -> str | None:
        for _ in range(looks):
            await camera.look()
            clock.move(1)
        found = stall(camera.state, clock(), stall_s=10, frozen_after_s=30, loop_late=False)
        return found.cause if found else None

    assert await cause_after(29) is None
    assert await cause_after(11) == "frozen"
    assert await cause_after(1) is None
    await camera.close()


async def test_r30_a_quiet_source_is_not_called_frozen_by_default(tmp_path: Path) -> None:
    """R30: without a bound a picture may stand for ever: quiet is not frozen."""
    clock = HandClock()
    camera = Camera(folder_source(tmp_path, *["red"] * 40), "main", now=clock)
    for _ in range(40):
        await camera.look()
        clock.move(60)
    clock.move(-55)
    assert stall(camera.state, clock(), stall_s=10, frozen_after_s=None, loop_late=False) is None
    await camera.close()
