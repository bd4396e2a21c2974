"""Fifteen plausible bugs, one a room, each put into a copy of the package: what triage must make a test of.

They were chosen by what breaks in programs of this kind before it was known what triage can reproduce. How each is
met from outside: `seeded_world.py`.
"""

from __future__ import annotations

import difflib
import shutil
from dataclasses import dataclass
from pathlib import Path

import foureyes

PACKAGE = Path(foureyes.__file__).parent


@dataclass(frozen=True)
class Seed:
    """One bug: `right` stands in the file, `wrong` in the seeded copy; the exception that it then raises."""

    name: str
    room: str
    """What it is about, in a word or two."""
    file: str
    """Below the package."""
    right: str
    wrong: str
    type: str
    """The exception that is recorded; what the engine raises reaches the daemon as a refusal."""
    place: str
    """The function of ours that raises it."""

    def planted(self, folder: Path) -> Path:
        """A copy of the package with the bug in it, in a folder of its own; the folder."""
        shutil.copytree(PACKAGE, folder / "foureyes", ignore=shutil.ignore_patterns("__pycache__"))
        config = PACKAGE.parent / "config"
        if config.is_dir():
            shutil.copytree(config, folder / "config")
        file = folder / "foureyes" / self.file
        file.write_text(self._seeded(file.read_text("utf-8")), encoding="utf-8")
        return folder

    def _seeded(self, text: str) -> str:
        assert text.count(self.right) == 1, f"{self.file} has changed: seed '{self.name}' must be written anew"
        return text.replace(self.right, self.wrong)

    def fix(self) -> str:
        """The unified diff, to be applied in the seeded copy, that takes the bug out."""
        text = (PACKAGE / self.file).read_text("utf-8")
        return _diff(f"foureyes/{self.file}", self._seeded(text), text)


def unrelated() -> str:
    """A unified diff that changes what no seed is about."""
    text = (PACKAGE / "backoff.py").read_text("utf-8")
    return _diff("foureyes/backoff.py", text, f"{text}\n\n_UNRELATED = True\n")


def _diff(file: str, before: str, after: str) -> str:
    lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return "".join(difflib.unified_diff(*lines, f"a/{file}", f"b/{file}"))


def environment(copy: Path) -> dict[str, str]:
    """What has Python take the package from a copy, also in the processes that are started from there."""
    return {"PYTHONPATH": str(copy), "PYTHONSAFEPATH": "1"}


SEEDS = (
    Seed(
        name="reply-usage",
        room="reply parsing",
        file="servers/chat/completion.py",
        right="""    try:
        tokens = _Tokens.model_validate(said)
    except ValidationError:
        return None
    return Usage(tokens.prompt_tokens, tokens.completion_tokens)
""",
        wrong="""    return Usage(said["prompt_tokens"], said["completion_tokens"])
""",
        type="TypeError",
        place="_usage",
    ),
    Seed(
        name="schema-path",
        room="schema",
        file="schema/document.py",
        right='where = str(error.absolute_path[0]) if error.absolute_path else ""',
        wrong="where = str(error.absolute_path[0])",
        type="IndexError",
        place="check_answer",
    ),
    Seed(
        name="timeout-class",
        room="timeout",
        file="servers/http/server_http.py",
        right="except (TimeoutError, httpx.TimeoutException) as error:",
        wrong="except httpx.TimeoutException as error:",
        type="TimeoutError",
        place="ServerHttp.exchange",
    ),
    Seed(
        name="retry-after-overflow",
        room="date overflow",
        file="servers/http/refusals.py",
        right="(when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC))",
        wrong="(when.astimezone(UTC) - datetime.now(UTC))",
        type="OverflowError",
        place="_until_s",
    ),
    Seed(
        name="damaged-png",
        room="decode",
        file="picture.py",
        right="""    if pixels is None:
        raise BadPictureError("the picture's data is damaged; send a whole PNG or JPEG")
""",
        wrong="",
        type="TypeError",
        place="decode",
    ),
    Seed(
        name="obs-answer",
        room="OBS",
        file="frames/sources/obs.py",
        right="""        except KeyError as error:
            raise SourceUnreadableError(
                f"{self.description} gave an answer without {error}; update OBS"
            ) from error
""",
        wrong="",
        type="KeyError",
        place="ObsSource._picture",
    ),
    Seed(
        name="exif-jpeg",
        room="engine request",
        file="servers/kinds/engine.py",
        right='return data_url("png" if data.startswith(_PNG_MAGIC) else "jpeg", data)',
        wrong=r'return data_url({_PNG_MAGIC: "png", b"\xff\xd8\xff\xe0": "jpeg"}[data[:4]], data)',
        type="KeyError",
        place="_picture",
    ),
    Seed(
        name="engine-date",
        room="value parsing",
        file="schema/moments.py",
        right="""    with suppress(ValueError):
        yield date(int(year), int(month), int(day))
""",
        wrong="""    yield date(int(year), int(month), int(day))
""",
        type="InferenceError",
        place="_valid",
    ),
    Seed(
        name="forget-unkept",
        room="cache",
        file="vision/cache.py",
        right="self._answers.pop(key, None)",
        wrong="del self._answers[key]",
        type="KeyError",
        place="AnswerCache.forget",
    ),
    Seed(
        name="config-key",
        room="config reading",
        file="config/document.py",
        right="""        if not isinstance(key, Hashable):
            raise yaml.constructor.ConstructorError(None, None, "a key that is no text", key_node.start_mark)
""",
        wrong="",
        type="TypeError",
        place="_mapping_without_doubles",
    ),
    Seed(
        name="recording-line",
        room="replay",
        file="frames/recording.py",
        right="""            yield _ENTRY.validate_json(line)
        except ValidationError as error:
""",
        wrong="""            yield Entry(**json.loads(line))
        except ValueError as error:
""",
        type="TypeError",
        place="_entries",
    ),
    Seed(
        name="size-change",
        room="motion",
        file="vision/change.py",
        right="""        if current.shape == previous.shape:
            self._learn(_by_tile(current, previous))
""",
        wrong="""        self._learn(_by_tile(current, previous))
""",
        type="cv2.error",
        place="difference",
    ),
    Seed(
        name="health-time",
        room="formatting",
        file="daemon/components.py",
        right="camera.last_frame_at.isoformat() if camera.last_frame_at else None",
        wrong="camera.last_frame_at.isoformat()",
        type="AttributeError",
        place="source_component",
    ),
    Seed(
        name="huge-confidence",
        room="number overflow",
        file="vision/inference.py",
        right="""    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    return float(value)
""",
        wrong="""    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= float(value) <= 1 else None
""",
        type="OverflowError",
        place="_fraction",
    ),
    Seed(
        name="listing-meta",
        room="server listing",
        file="servers/kinds/llama_server.py",
        right="return model.meta.size if model.meta else None",
        wrong="return model.meta.size",
        type="AttributeError",
        place="_size",
    ),
)
BY_NAME = {seed.name: seed for seed in SEEDS}
