"""Sources as they are written on the command line."""

from pathlib import Path

import pytest

from foureyes.exceptions import UsageError
from foureyes.frames.sources.grammar import parse_source


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", {"kind": "auto"}),
        ("obs", {"kind": "obs", "scene": None}),
        ("obs:Game: Part 2", {"kind": "obs", "scene": "Game: Part 2"}),
        ("screen", {"kind": "screen", "monitor": 1, "rect": None}),
        ("screen:0", {"kind": "screen", "monitor": 0}),
        ("screen:10,20,640,480", {"kind": "screen", "rect": (10, 20, 640, 480)}),
        ("video:a/b.mp4", {"kind": "video", "path": Path("a/b.mp4"), "pace": "own"}),
        ("video:C:\\clips\\b.mp4", {"kind": "video", "path": Path("C:\\clips\\b.mp4")}),
        ("images:~/shots", {"kind": "images", "path": Path("~/shots").expanduser()}),
        ("replay:run1", {"kind": "replay", "path": Path("run1"), "pace": "own"}),
        ("demo", {"kind": "demo", "seed": 1}),
        ("demo:42", {"kind": "demo", "seed": 42}),
    ],
)
def test_what_the_grammar_allows(text: str, expected: dict[str, object]) -> None:
    """Each form gives the settings it names, with the id main."""
    settings = parse_source(text).model_dump()
    assert {key: settings[key] for key in expected} == expected
    assert settings["id"] == "main"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "camera",
        "OBS",
        "auto:1",
        "obs:",
        "screen:first",
        "screen:1,2,3",
        "screen:1,2,3,4,5",
        "screen:-1",
        "screen:65",
        "video",
        "video:",
        "images",
        "replay:",
        "demo:seven",
        "demo:-1",
        "demo:4294967296",
    ],
)
def test_everything_else_is_answered_with_the_grammar(text: str) -> None:
    """What names no source is told in one sentence that has the whole grammar."""
    with pytest.raises(UsageError) as raised:
        parse_source(text)
    told = str(raised.value)
    assert told.startswith(f"{text!r} names no source")
    assert "obs[:NAME], screen[:N|:X,Y,W,H], video:FILE" in told
    assert "\n" not in told
