"""What every source keeps, whatever its kind: one suite that all of them pass."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from parts.drawing import BLUE, GREEN, RED, plain, write_plain
from parts.filming import write_video
from parts.obs_studio import ObsStudio
from parts.program import free_port
from parts.xvfb import Xvfb

from foureyes.config import settings as config
from foureyes.exceptions import SourceError
from foureyes.frames.camera import Camera
from foureyes.frames.frame import Frame
from foureyes.frames.recording import Recording
from foureyes.frames.source import EndOfSource, Source
from foureyes.frames.sources.opening import open_source
from foureyes.picture import Picture

PASSWORD = "never-to-be-seen"  # noqa: S105 - the tests look for it where it must not be
COLOURS = (RED, RED, GREEN, GREEN, BLUE)


@dataclass(frozen=True)
class Kind:
    """A kind of source: settings that work, settings of something that is not there, and what to expect."""

    works: config.Source
    absent: config.Source | None
    size: tuple[int, int]
    pictures: int | None = None
    password: str = PASSWORD

    def open(self) -> Source:
        return open_source(self.works, obs_password=self.password)


def obs(request: pytest.FixtureRequest, _: Path) -> Kind:
    studio: ObsStudio = request.getfixturevalue("obs_studio")
    works = config.ObsSource(kind="obs", port=studio.port)
    absent = config.ObsSource(kind="obs", port=free_port())
    return Kind(works, absent, (1280, 720), password=studio.password)


def screen(request: pytest.FixtureRequest, _: Path) -> Kind:
    display: Xvfb = request.getfixturevalue("screen")
    request.getfixturevalue("monkeypatch").setenv("DISPLAY", display.display)
    works, absent = (config.ScreenSource(kind="screen", monitor=number) for number in (1, 9))
    return Kind(works, absent, (1280, 720))


def video(_: pytest.FixtureRequest, folder: Path) -> Kind:
    file = write_video(folder / "film.avi", [1, 1, 9, 9, 17], codec="MJPG")
    works, absent = (
        config.VideoSource(kind="video", path=path, pace="fast") for path in (file, folder / "absent.mp4")
    )
    return Kind(works, absent, (160, 120), pictures=5)


def images(_: pytest.FixtureRequest, folder: Path) -> Kind:
    for number, colour in enumerate(COLOURS):
        write_plain(folder / f"{number}.png", colour)
    works, absent = (config.ImagesSource(kind="images", path=path) for path in (folder, folder / "absent"))
    return Kind(works, absent, (64, 48), pictures=5)


def replay(_: pytest.FixtureRequest, folder: Path) -> Kind:
    recording = Recording(folder / "kept")
    for number, colour in enumerate(COLOURS):
        picture = Picture(pixels=plain(colour))
        recording.add_frame(Frame(f"main-{number:06d}", "main", datetime.now(UTC), 10 + number / 3, picture))
    recording.close()
    works, absent = (
        config.ReplaySource(kind="replay", path=folder / name, pace="fast") for name in ("kept", "absent")
    )
    return Kind(works, absent, (64, 48), pictures=5)


def demo(_: pytest.FixtureRequest, __: Path) -> Kind:
    return Kind(config.DemoSource(kind="demo"), None, (1280, 720))


KINDS: list[Callable[[pytest.FixtureRequest, Path], Kind]] = [obs, screen, video, images, replay, demo]


PARAMS = [pytest.param(make, id=make.__name__, marks=[pytest.mark.obs] * (make is obs)) for make in KINDS]


@pytest.fixture(params=PARAMS)
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    return request.param(request, tmp_path)


@pytest.fixture
def source(kind: Kind) -> Iterator[Source]:
    opened = kind.open()
    yield opened
    opened.close()


def pictures(source: Source, most: int = 40) -> list[Picture]:
    """Everything that a finite source gives, or the first 40 pictures of one that does not end."""
    given = []
    try:
        while len(given) < most:
            given.append(source.grab())
    except EndOfSource:
        assert source.finite
    return given


def test_it_gives_pixels_of_the_stated_size(kind: Kind, source: Source) -> None:
    """A picture is BGR, 8 bit, in one piece, of the source's size, and cannot be written to."""
    picture = source.grab()
    assert (picture.width, picture.height) == kind.size
    assert (picture.pixels.dtype, picture.pixels.ndim, picture.pixels.shape[2]) == (np.uint8, 3, 3)
    assert picture.pixels.flags.c_contiguous
    assert not picture.pixels.flags.writeable


def test_equal_pictures_one_after_the_other_are_one_object(source: Source) -> None:
    """`is` tells whether a picture is the last one again: never two objects for equal, nor one for different."""
    given = pictures(source)
    same = [before is after for before, after in pairwise(given)]
    assert same == [np.array_equal(before.pixels, after.pixels) for before, after in pairwise(given)]
    assert any(same)


def test_pictures_that_were_given_stay_as_they_are(source: Source) -> None:
    """A later grab never changes an earlier picture."""
    first = source.grab()
    copy = first.pixels.copy()
    pictures(source)
    assert np.array_equal(first.pixels, copy)


def test_a_finite_source_ends_and_stays_at_its_end(kind: Kind, source: Source) -> None:
    """One that says it is finite gives all it has and then EndOfSource, each time; the others do not end."""
    assert source.finite == (kind.pictures is not None)
    given = pictures(source)
    assert len(given) == (kind.pictures or 40)
    if source.finite:
        for _ in range(2):
            with pytest.raises(EndOfSource):
                source.grab()


def test_it_says_what_it_is_without_secrets(kind: Kind, source: Source) -> None:
    """Kind and description are for people and never change; the password is in neither, nor in repr."""
    for _ in range(2):
        assert source.kind == kind.works.kind
        assert source.description
        assert not any(kind.password in text for text in (source.description, repr(source), str(source)))
        source.grab()


def test_closing_twice_is_fine(kind: Kind) -> None:
    """A source may be closed twice, and before it was ever used."""
    unused, used = kind.open(), kind.open()
    used.grab()
    for opened in (unused, used, unused, used):
        opened.close()


@pytest.mark.parametrize("kind", PARAMS[:-1], indirect=True)  # the demo is always there
def test_what_is_absent_is_told_at_the_grab_and_may_be_asked_for_again(kind: Kind) -> None:
    """Making a source touches nothing; a grab of what is not there is one leaf of SourceError with a sentence."""
    assert kind.absent is not None
    absent = open_source(kind.absent, obs_password=PASSWORD)
    for _ in range(2):
        with pytest.raises(SourceError) as raised:
            absent.grab()
        assert type(raised.value) is not SourceError
        assert not type(raised.value).__subclasses__()
        assert len(str(raised.value)) > 30
        assert PASSWORD not in str(raised.value)
    absent.close()


async def test_a_camera_looks_at_it(kind: Kind) -> None:
    """Every kind works in a camera's thread, from the first look to the close."""
    camera = Camera(kind.open(), "main")
    first = await camera.look()
    second = await camera.look()
    await camera.close()
    assert (first.id, second.id) == ("main-000000", "main-000001")
    assert first.captured_mono_s < second.captured_mono_s
    assert camera.state.frames == 2
