"""State by what is written and what moves; signs of trouble; each only where there is evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import pytest
from screens import At, draw
from test_layouts import schema

from foureyes.engine import signs, state
from foureyes.engine.alarms import tells_error, tells_lost
from foureyes.engine.answer import Answer
from foureyes.engine.buttons import is_button, is_step
from foureyes.engine.labels import similarity
from foureyes.engine.line import Line
from foureyes.engine.memo import Memo, Memory
from foureyes.engine.motion import motion
from foureyes.engine.ocr import Ocr
from foureyes.engine.page import PageReader
from foureyes.engine.panels import Panel
from foureyes.engine.sight import Sight
from foureyes.engine.taught import Taught
from foureyes.engine.timings import Timings
from foureyes.frames.demo.scene import Scene
from foureyes.picture import Box, Pixels

CUES = {
    "error": {"texts": ["connection lost", "error"]},
    "bonus": {"texts": ["bonus", "free spins"]},
    "spinning": {"motion": "moving"},
    "idle": {"motion": "still"},
}
STATE = schema(state={"enum": [*CUES, None], "x-cues": CUES, "x-motion-region": [0.25, 0.25, 0.5, 0.5]})
SIGNS = schema(
    error_text={"type": ["string", "null"], "x-sign": "error_text"},
    popup={"type": ["boolean", "null"], "x-sign": "dialog"},
    disconnected={"type": ["boolean", "null"], "x-sign": "disconnected"},
    black={"type": ["boolean", "null"], "x-sign": "black"},
)
QUIET = {"error_text": None, "popup": False, "disconnected": False, "black": False}
NONE = Taught(None)
HUD = [At(40, 30, "Balance"), At(200, 30, "$5.00"), At(40, 640, "Ready to play")]


def sight(ocr: Ocr, pixels: Pixels, earlier: Pixels | None = None) -> Sight:
    return PageReader(ocr, Memo()).sight(0, pixels, None, Memory(), Timings(), earlier)


def told(answer: Answer) -> tuple[Any, str | None]:
    return answer.values["state"], answer.withheld.get("state")


def moved(pixels: Pixels) -> Pixels:
    """The same screen with something else in its middle."""
    other = pixels.copy()
    other[250:470, 400:880] = np.random.default_rng(1).integers(0, 255, (220, 480, 3), dtype=np.uint8)
    return other


@pytest.mark.parametrize(
    ("texts", "state_told"),
    [
        ([At(480, 300, "BONUS", 90)], "bonus"),
        ([At(480, 300, "8 FREE SPINS", 60)], "bonus"),
        ([At(480, 300, "B0NUS", 60), At(480, 400, "Connection lost", 40)], "error"),
        ([At(300, 560, "The bonus is paid once a day to all who play", 20)], "idle"),
        ([], "idle"),
    ],
    ids=["headline", "with a count", "stronger cue first", "in running text", "nothing written"],
)
def test_what_is_written_tells_the_state(ocr: Ocr, texts: list[At], state_told: str) -> None:
    """A cue that stands for itself tells, the first of several; a word in a sentence does not."""
    screen = draw([*HUD, *texts])
    assert told(state.tell(STATE, [sight(ocr, screen, screen)], NONE)) == (state_told, None)


def test_motion_tells_the_state_where_nothing_is_written(ocr: Ocr) -> None:
    """A pair that differs in the region is spinning, one that does not is idle; one picture says neither."""
    screen = draw(HUD)
    assert told(state.tell(STATE, [sight(ocr, screen, moved(screen))], NONE)) == ("spinning", None)
    assert told(state.tell(STATE, [sight(ocr, screen, screen)], NONE)) == ("idle", None)
    assert told(state.tell(STATE, [sight(ocr, screen)], NONE)) == (None, "unconfirmed")


def test_motion_counts_only_in_its_region(ocr: Ocr) -> None:
    """A value that ticks outside the region does not spin the reels."""
    screen, ticked = draw(HUD), draw([HUD[0], At(200, 30, "$9.75"), HUD[2]])
    assert told(state.tell(STATE, [sight(ocr, screen, ticked)], NONE)) == ("idle", None)


def test_noise_is_no_motion_and_a_change_of_size_no_pair() -> None:
    """Noise of a camera stays below, and pictures of two sizes cannot be compared."""
    still = np.full((200, 300, 3), 90, np.uint8)
    noisy = (still + np.random.default_rng(2).integers(0, 9, still.shape)).astype(np.uint8)
    seen = motion(still, noisy)
    assert seen is not None
    assert seen.moving is False
    assert motion(still, still[:100]) is None


@pytest.mark.parametrize(("n", "expected"), [(0, QUIET), (40, QUIET)])
def test_a_healthy_screen_shows_no_signs(ocr: Ocr, n: int, expected: Mapping[str, Any]) -> None:
    """The demo while it plays: looked at, and nothing found."""
    scene = Scene(5, 3.0)
    assert scene.truth(n).error_text is None
    assert signs.look_out(SIGNS, [sight(ocr, scene.draw(n))]).values == expected


def test_the_demos_dialog_is_seen_with_its_words(ocr: Ocr) -> None:
    """A dialog over the game is a popup, and its sentence is the error's text."""
    scene = Scene(5, 3.0)
    n = next(n for n in range(400) if scene.truth(n).popup)
    answer = signs.look_out(SIGNS, [sight(ocr, scene.draw(n))])
    assert answer.values == {
        "error_text": scene.truth(n).error_text,
        "popup": True,
        "disconnected": False,
        "black": False,
    }
    assert answer.evidence["popup"]["text"] == "OK"


@pytest.mark.parametrize(("said", "is_dialog"), [("The connection was lost", True), ("Your daily offer", False)])
def test_of_two_alike_panels_those_that_tell_trouble_are_dialogs(ocr: Ocr, said: str, *, is_dialog: bool) -> None:
    """Cards stand in a row with the same button, and so may two messages; what they say tells them apart."""
    pixels = draw(
        [*(At(left + 30, 280, said) for left in (100, 700)), *(At(left + 300, 400, "OK") for left in (100, 700))]
    )
    for left in (100, 700):
        cv2.rectangle(pixels, (left, 240), (left + 440, 450), (200, 200, 200), 2)
    assert signs.look_out(SIGNS, [sight(ocr, pixels)]).values["popup"] is is_dialog


def test_a_button_without_a_panel_is_no_dialog(ocr: Ocr) -> None:
    """A lone OK on the page is a button of the page."""
    assert signs.look_out(SIGNS, [sight(ocr, draw([*HUD, At(600, 360, "OK")]))]).values == QUIET


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        *((text, (True, False)) for text in ("OK", "# Cancel", "OYes", "Schließen", "Nao")),
        *((text, (True, True)) for text in ("Continue", "Neu laden", "QK", "Qui")),
        *((text, (False, False)) for text in ("Order", "Quiet", "Back", "Close the door", "Yesterday")),
    ],
    ids=str,
)
def test_what_a_button_says(text: str, tells: tuple[bool, bool]) -> None:
    """Answers and steps are told apart from other words; a mnemonic's line makes an O a Q, an icon one letter."""
    line = written(text, Box(0, 0, 100, 20))
    assert (is_button(line), is_step(line)) == tells


def written(text: str, box: Box) -> Line:
    return Line(text, (0.5,) * len(text), 1.0, box)


def test_what_a_dialog_says_is_given_whole() -> None:
    """A sentence goes on in its next line, also where that was found in two pieces; a word elsewhere is none."""
    button = written("OK", Box(150, 90, 30, 20))
    said = [
        written("Login failed: the password has", Box(40, 10, 300, 21)),
        written("exp", Box(41, 32, 38, 20)),
        written("ired.", Box(80, 33, 40, 16)),
    ]
    panel = Panel(Box(0, 0, 400, 120), (*said, written("Orderdesk", Box(250, 34, 90, 20)), button), button)
    assert list(panel.body) == said


@pytest.mark.parametrize("text", ["0 errors", "No errors found", "Errors: 0"])
def test_the_absence_of_errors_is_no_error(ocr: Ocr, text: str) -> None:
    """A page that says that it has no errors has none."""
    assert signs.look_out(SIGNS, [sight(ocr, draw([*HUD, At(300, 300, text)]))]).values == QUIET


@pytest.mark.parametrize(
    "texts",
    [
        [At(300, 300, "Errors today"), At(300, 340, "3", 36)],
        [At(300, 300, "Errors: 12")],
        [At(300, 300, "Error rate"), At(500, 300, "0.2 %")],
        [At(300, 300, "Failed jobs"), At(520, 300, "4")],
        [At(300, 300, "Login denied"), At(520, 300, "1,204")],
    ],
    ids=lambda texts: texts[0].text,
)
def test_a_counter_of_errors_is_no_error_text(ocr: Ocr, texts: list[At]) -> None:
    """A label that counts errors, or that names a count beside it, tells nothing that went wrong."""
    assert signs.look_out(SIGNS, [sight(ocr, draw([*HUD, *texts]))]).values == QUIET


@pytest.mark.parametrize(
    "text",
    [
        "Error: no space left on device",
        "Payment failed",
        "Error 404",
        "Build failed with 3 errors",
        "Session expired",
    ],
)
def test_a_message_that_something_went_wrong_is_an_error_text(ocr: Ocr, text: str) -> None:
    """What tells a failure is given as it is written."""
    found = signs.look_out(SIGNS, [sight(ocr, draw([*HUD, At(300, 300, text)]))]).values["error_text"]
    assert similarity(text, found) == 1.0


def test_a_field_that_no_model_knows_is_absent(ocr: Ocr) -> None:
    """A field without the annotation that a model needs is null, with the reason."""
    seen = sight(ocr, draw(HUD))
    assert told(state.tell(schema(state={"enum": ["a", None]}), [seen], NONE)) == (None, "absent")
    assert told(signs.look_out(schema(state={"type": ["boolean", "null"]}), [seen])) == (None, "absent")


@pytest.mark.parametrize(
    ("label", "text", "alike"),
    [
        ("Grand", "GRAND", True),
        ("Major", "MAJ0R", True),
        ("Balance", "Ba1ance:", True),
        ("Balance", "Balanse", True),
        ("Temperature", "Temperatuse", True),
        ("Guthaben", "GUTHABEN", True),
        ("Mini", "Minor", False),
        ("Win", "Bin", False),
        ("Load average", "Load", False),
        ("Balance", "", False),
    ],
)
def test_likeness_of_labels(label: str, text: str, *, alike: bool) -> None:
    """Slips of an OCR are forgiven by the length of the label; other words are other words."""
    assert (similarity(label, text) > 0) is alike


def test_a_page_that_was_not_read_whole_says_so() -> None:
    """Where text was left unread nothing is denied: what was not seen is unreadable, not absent."""

    def look(box: Box) -> Line:
        pytest.fail(f"looked at {box}")

    part = Sight(0, draw([]), (), complete=False, look=look, again=look)
    assert signs.look_out(SIGNS, [part]).values == {**dict.fromkeys(QUIET), "black": False}
    assert told(state.tell(STATE, [part], NONE)) == (None, "unreadable")


@pytest.mark.parametrize(
    ("width", "height", "small"),
    [(1, 1, set(QUIET)), (63, 31, {"popup", "black"}), (640, 16, {"popup", "black"}), (64, 32, set())],
)
def test_what_a_picture_is_too_small_for_is_not_denied(ocr: Ocr, width: int, height: int, small: set[str]) -> None:
    """Where no dialog, screen or legible word fits, none is said to be absent; a status line can hold words."""
    answer = signs.look_out(SIGNS, [sight(ocr, np.full((height, width, 3), 90, np.uint8))])
    assert answer.values == {**QUIET, **dict.fromkeys(small)}
    assert {name for name, reason in answer.withheld.items() if reason == "too_small"} == small


@pytest.mark.parametrize(
    "text",
    [
        *("Connection lost", "The connection to the server was lost.", "No internet", "Reconnecting..."),
        *("Verbindung verloren", "Die Verbindung zum Server wurde unterbrochen.", "Keine Verbindung"),
        *("Connexion perdue", "La connexion au serveur a été interrompue", "Vous êtes hors ligne"),
        *("Conexión perdida", "Se perdió la conexión con el servidor", "Sin conexión a internet"),
        *("Conexão perdida", "A conexão com o servidor foi perdida", "Sem conexão com a internet"),
    ],
)
def test_a_lost_connection_is_understood_in_five_languages(text: str) -> None:
    """As programs say it, in English, German, French, Spanish and Portuguese."""
    assert tells_lost(text)


@pytest.mark.parametrize(
    "text",
    [
        *("Connection settings", "Connected to the server", "Die Verbindung zum Server steht", "Lost and found"),
        *("Connexion au serveur réussie", "Conexión con el servidor establecida", "404 items", "Lost: 3"),
        *("Keine Fehler", "Errors: 0", "Error log", "502 points"),
    ],
)
def test_ordinary_words_tell_no_fault(text: str) -> None:
    """Words around connections and errors that say that all is well, or nothing."""
    assert not tells_lost(text)
    assert not tells_error(text)


@pytest.mark.parametrize(
    ("shade", "texts", "blank"),
    [(0, [], True), (128, [], True), (255, [], True), (128, [At(600, 340, "Loading", 16)], False)],
    ids=["black", "grey", "white", "one word"],
)
def test_a_single_coloured_picture_is_blank(shade: int, texts: list[At], *, blank: bool) -> None:
    """One colour all over, whichever; one small word is no blank screen."""
    pixels = draw(texts, background=(shade, shade, shade))
    looked = Sight(0, pixels, (), complete=True, look=pytest.fail, again=pytest.fail)
    asked = schema(blank={"type": ["boolean", "null"], "x-sign": "blank"})
    assert signs.look_out(asked, [looked]).values == {"blank": blank}
