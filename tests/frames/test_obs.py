"""OBS as a source, against a real OBS Studio."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from parts.drawing import BLUE, GREEN, RED, shows, write_plain
from parts.hand_clock import HandClock
from parts.obs_studio import ObsStudio
from parts.program import free_port, wait_until

from foureyes.config.settings import ObsSource as ObsSettings
from foureyes.exceptions import (
    SourceError,
    SourceHungError,
    SourceLostError,
    SourceMissingError,
    SourcePasswordError,
    SourceRefusedError,
)
from foureyes.frames.sources.obs import ObsSource

pytestmark = pytest.mark.obs

Watch = Callable[..., ObsSource]


@pytest.fixture(scope="module")
def picture(obs_studio: ObsStudio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A red picture that fills `Scene`; beside it is the empty scene `Other`."""
    file = write_plain(tmp_path_factory.mktemp("obs") / "picture.png", RED, 1280, 720)
    obs_studio.show_image(file)
    obs_studio.add_scene("Other")
    return file


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def watch(obs_studio: ObsStudio, clock: HandClock) -> Iterator[Watch]:
    """Make sources of the OBS; the pauses after failures are as long as the test says."""
    sources = []

    def make(*, obs_password: str = obs_studio.password, **settings: object) -> ObsSource:
        wanted = {"kind": "obs", "port": obs_studio.port, "timeout_s": 15, **settings}
        sources.append(ObsSource(ObsSettings.model_validate(wanted), obs_password=obs_password, now=clock))
        return sources[-1]

    yield make
    for source in sources:
        source.close()


def shows_soon(source: ObsSource, colour: tuple[int, int, int]) -> None:
    wait_until(lambda: shows(source.grab().pixels, colour, 640, 360), 60, f"the source to show {colour}")


@pytest.mark.usefixtures("picture")
@pytest.mark.parametrize("image_format", ["jpg", "png"])
def test_r18_encoded_bytes_become_pixels(watch: Watch, image_format: str) -> None:
    """R18: PNG and JPEG bytes are decoded: the pixels have the canvas's shape and the scene's colour."""
    source = watch(scene="Scene", image_format=image_format)
    shows_soon(source, RED)
    assert source.grab().pixels.shape == (720, 1280, 3)


@pytest.mark.usefixtures("picture")
def test_r21_with_the_password_it_is_let_in(watch: Watch) -> None:
    """R21: the authentication of obs-websocket 5 works with the right password."""
    assert watch().grab().width == 1280


@pytest.mark.parametrize(("given", "told"), [("wrong", "refuses the password"), ("", "none is given")])
def test_r21_wrong_or_no_password_is_told(watch: Watch, given: str, told: str) -> None:
    """R21: a wrong password and a missing one are told apart, with the variable to set."""
    with pytest.raises(SourcePasswordError, match=told) as raised:
        watch(obs_password=given).grab()
    assert "FOUREYES_OBS_PASSWORD" in str(raised.value)


@pytest.mark.usefixtures("picture")
def test_size_and_quality_are_as_configured(watch: Watch) -> None:
    """The picture has the size that was asked for, and a lower quality gives fewer bytes."""
    small, rough = watch(size=(640, 360)).grab(), watch(size=(640, 360), jpeg_quality=10).grab()
    assert (small.width, small.height) == (640, 360)
    assert len(rough.encoded or b"") < len(small.encoded or b"")


@pytest.mark.usefixtures("picture")
def test_a_still_scene_is_one_picture(watch: Watch) -> None:
    """Nothing moves, so every look gives the very same object."""
    source = watch(scene="Scene")
    shows_soon(source, RED)
    assert source.grab() is source.grab()


def test_a_changed_scene_is_another_picture(watch: Watch, picture: Path) -> None:
    """What changes in OBS is seen, and what changes back too."""
    source = watch(scene="Scene")
    for colour in (GREEN, RED):
        write_plain(picture, colour, 1280, 720)
        shows_soon(source, colour)


@pytest.mark.usefixtures("picture")
def test_the_program_scene_is_followed_at_once(watch: Watch, obs_studio: ObsStudio) -> None:
    """Without a scene in the settings, the next look after a switch is of the new program scene."""
    source = watch()
    shows_soon(source, RED)
    obs_studio.switch_to("Other")
    switched = source.grab()
    obs_studio.switch_to("Scene")
    assert shows(switched.pixels, (0, 0, 0), 640, 360)
    shows_soon(source, RED)


@pytest.mark.usefixtures("picture")
def test_a_missing_source_is_told_with_those_that_are_there(watch: Watch) -> None:
    """The error for an unknown name lists what OBS has."""
    with pytest.raises(SourceMissingError, match=r"called 'Nope'; it has .*'Scene'.*'Picture'"):
        watch(scene="Nope").grab()


@pytest.mark.usefixtures("picture")
def test_a_source_that_appears_is_found(watch: Watch, clock: HandClock, obs_studio: ObsStudio) -> None:
    """A missing scene is looked for again, and found once it is there."""
    source = watch(scene="Late")
    with pytest.raises(SourceMissingError):
        source.grab()
    obs_studio.add_scene("Late")
    clock.move(1.3)
    assert source.grab().width == 1280


def test_a_refused_connection_says_where_and_what_to_do(watch: Watch) -> None:
    """Nobody at the port: the error names host and port, and what to switch on."""
    port = free_port()
    with pytest.raises(SourceRefusedError, match=f"127.0.0.1:{port}; start OBS and enable its WebSocket server"):
        watch(port=port).grab()


def test_a_hung_obs_and_no_old_picture_afterwards(
    watch: Watch, clock: HandClock, picture: Path, obs_studio: ObsStudio
) -> None:
    """OBS stops, shows another picture when it goes on, and the first look then is of that one."""
    source, witness = watch(scene="Scene", timeout_s=1), watch(scene="Scene")
    shows_soon(source, RED)
    obs_studio.pause()
    try:
        with pytest.raises(SourceHungError, match="did not answer within 1 s"):
            source.grab()
        clock.move(31)
        with pytest.raises(SourceHungError):  # also where a new connection is not answered
            source.grab()
        write_plain(picture, BLUE, 1280, 720)
    finally:
        obs_studio.resume()
    shows_soon(witness, BLUE)
    clock.move(31)
    for _ in range(5):
        assert shows(source.grab().pixels, BLUE, 640, 360)
    write_plain(picture, RED, 1280, 720)
    shows_soon(source, RED)


def test_nothing_secret_or_noisy_is_written(
    watch: Watch, obs_studio: ObsStudio, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither logs nor stderr nor any repr get the password, nor a traceback of what was refused."""
    with caplog.at_level(logging.DEBUG):
        source = watch()
        source.grab()
        wrong = "wrong"
        for failing in (watch(scene="Nope"), watch(obs_password=wrong), watch(port=free_port())):
            with pytest.raises(SourceError):
                failing.grab()
    out, err = capfd.readouterr()
    assert (out, err, caplog.text) == ("", "", "")
    connection = source._connection
    assert connection is not None
    parts = [source, source.__dict__, source.description, connection, connection._client]
    assert not any(obs_studio.password in text for part in parts for text in (repr(part), str(part)))


@pytest.mark.usefixtures("picture")
def test_it_comes_back_by_itself_after_a_crash(watch: Watch, clock: HandClock, obs_studio: ObsStudio) -> None:
    """OBS is killed and started again: lost, then refused, then pictures again, with nobody's help."""
    source = watch()
    source.grab()
    obs_studio.kill()
    with pytest.raises(SourceLostError):
        source.grab()
    clock.move(31)
    with pytest.raises(SourceRefusedError):
        source.grab()
    obs_studio.start()
    clock.move(31)
    assert source.grab().width == 1280
