"""Choosing a source where none is configured, with the real things there or not."""

import pytest
from parts.obs_studio import ObsStudio
from parts.program import free_port
from parts.xvfb import Xvfb

from foureyes.config.settings import AutoSource
from foureyes.frames.sources.auto import choose

SETTINGS = AutoSource.model_validate(
    {"kind": "auto", "id": "hall", "fps": 5, "tasks": ["vision_ocr"], "masks": [[0, 0, 0.5, 0.5]]}
)


@pytest.mark.obs
def test_obs_comes_first(obs_studio: ObsStudio, screen: Xvfb, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an OBS answers it is taken, and what was set for the source stays set."""
    monkeypatch.setenv("DISPLAY", screen.display)
    choice = choose(SETTINGS, obs_password=obs_studio.password, obs_port=obs_studio.port)
    assert choice.settings.kind == "obs"
    assert choice.settings.model_dump(exclude={"kind"}).items() >= SETTINGS.model_dump(exclude={"kind"}).items()
    assert "OBS answers" in choice.why


@pytest.mark.obs
@pytest.mark.parametrize("given", ["", "wrong"])
def test_an_obs_with_a_password_names_the_variable(
    obs_studio: ObsStudio, screen: Xvfb, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """An OBS that wants another password is passed over, and the sentence says which variable to set."""
    monkeypatch.setenv("DISPLAY", screen.display)
    choice = choose(SETTINGS, obs_password=given, obs_port=obs_studio.port)
    assert choice.settings.kind == "screen"
    assert "FOUREYES_OBS_PASSWORD" in choice.why


def test_the_screen_comes_second(screen: Xvfb, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an OBS the screen is taken where one can really be read, and both are said."""
    monkeypatch.setenv("DISPLAY", screen.display)
    choice = choose(SETTINGS, obs_password="", obs_port=free_port())
    assert (choice.settings.kind, choice.settings.id, choice.settings.fps) == ("screen", "hall", 5)
    assert choice.why.startswith("no OBS (nobody answers at 127.0.0.1:")
    assert "the screen is watched" in choice.why


@pytest.mark.parametrize("display", ["", ":9999"])
def test_the_demo_is_always_there(monkeypatch: pytest.MonkeyPatch, display: str) -> None:
    """Without an OBS and without a screen the demo is taken, and the sentence says what is missing."""
    monkeypatch.setenv("DISPLAY", display)
    choice = choose(SETTINGS, obs_password="", obs_port=free_port())
    assert (choice.settings.kind, choice.settings.id, choice.settings.fps) == ("demo", "hall", 5)
    assert "no OBS" in choice.why
    assert "no screen" in choice.why
