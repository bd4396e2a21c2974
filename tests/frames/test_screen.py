"""The screen as a source, on a real X server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from parts.program import Program, find, wait_until
from parts.xvfb import Xvfb

from foureyes.config.settings import ScreenSource as ScreenSettings
from foureyes.exceptions import SourceMissingError
from foureyes.frames.sources.screen import ScreenSource


@pytest.fixture
def on_screen(screen: Xvfb, monkeypatch: pytest.MonkeyPatch) -> Xvfb:
    monkeypatch.setenv("DISPLAY", screen.display)
    return screen


@pytest.fixture
def window(on_screen: Xvfb, tmp_path: Path) -> Iterator[Program]:
    """A blue-green window of some 240x130 pixels in the upper left corner."""
    look = ["-geometry", "40x10+0+0", "-bg", "#2080c0", "-fg", "#2080c0", "-cr", "#2080c0", "-b", "0", "-bw", "0"]
    program = Program([find("xterm", "xterm"), *look, "-e", "cat"], tmp_path / "log", on_screen.env())
    yield program
    program.end()


def watch(**settings: object) -> ScreenSource:
    return ScreenSource(ScreenSettings.model_validate({"kind": "screen", **settings}))


def test_pixels_are_blue_green_red(window: Program) -> None:
    """A colour on the screen arrives in OpenCV's order, without the fourth channel."""
    source = watch()
    wait_until(lambda: tuple(source.grab().pixels[60, 100]) == (0xC0, 0x80, 0x20), 60, "the window")
    assert window.running
    assert source.grab().pixels.flags.c_contiguous
    source.close()


def test_a_change_is_another_picture_and_none_the_same(window: Program) -> None:
    """Equal pixels are the very same object; when the window goes, it is another picture."""
    source = watch()
    wait_until(lambda: tuple(source.grab().pixels[60, 100]) == (0xC0, 0x80, 0x20), 60, "the window")
    wait_until(lambda: source.grab() is source.grab(), 60, "the screen to be still")
    shown = source.grab()
    window.end()
    wait_until(lambda: tuple(source.grab().pixels[60, 100]) == (0, 0, 0), 60, "the window to go")
    assert source.grab() is not shown
    source.close()


def test_a_rectangle_is_cut_out(window: Program) -> None:
    """A rectangle in pixels gives that part of the screen."""
    whole, part = watch(), watch(rect=(10, 20, 300, 100))
    wait_until(lambda: tuple(whole.grab().pixels[60, 100]) == (0xC0, 0x80, 0x20), 60, "the window")
    assert window.running
    assert part.grab().pixels.tolist() == whole.grab().pixels[20:120, 10:310].tolist()
    whole.close()
    part.close()


@pytest.mark.usefixtures("on_screen")
@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"monitor": 7}, "there is no monitor 7; there are 1"),
        ({"rect": (1200, 0, 100, 100)}, "not inside the screen, which has 1280x720"),
        ({"rect": (0, 700, 100, 100)}, "not inside"),
        ({"rect": (-1, 0, 100, 100)}, "not inside"),
        ({"rect": (0, 0, 0, 100)}, "not inside"),
    ],
)
def test_what_is_not_on_the_screen_is_told(settings: dict[str, object], told: str) -> None:
    """A monitor that is not there and a rectangle outside say what there is."""
    with pytest.raises(SourceMissingError, match=told):
        watch(**settings).grab()


@pytest.mark.parametrize("display", [":9999", None])
def test_no_display_is_told(monkeypatch: pytest.MonkeyPatch, display: str | None) -> None:
    """Without a display the error says so, and which variable names one."""
    if display is None:
        monkeypatch.delenv("DISPLAY", raising=False)
    else:
        monkeypatch.setenv("DISPLAY", display)
    with pytest.raises(SourceMissingError, match="set DISPLAY"):
        watch().grab()


def test_a_display_that_comes_back_is_found(monkeypatch: pytest.MonkeyPatch, screen: Xvfb) -> None:
    """A source that had no display takes it up as soon as there is one."""
    monkeypatch.delenv("DISPLAY", raising=False)
    source = watch()
    with pytest.raises(SourceMissingError):
        source.grab()
    monkeypatch.setenv("DISPLAY", screen.display)
    assert (source.grab().width, source.grab().height) == (1280, 720)
    source.close()


def test_a_display_that_ends_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The X server goes away in the middle: an error of the source, not a crash."""
    with Xvfb(320, 240) as mortal:
        monkeypatch.setenv("DISPLAY", mortal.display)
        source = watch()
        assert source.grab().width == 320
        mortal.stop()
        with pytest.raises(SourceMissingError):
            source.grab()
    source.close()
