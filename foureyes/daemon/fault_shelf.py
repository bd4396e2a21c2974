"""The recorded faults for the page, from the spool, which is opened for each question as commands do."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from foureyes.errors import queries
from foureyes.errors.group import Group
from foureyes.errors.pictures import PictureStore
from foureyes.errors.spool import Spool, spool_file
from foureyes.exceptions import UnknownFaultError
from foureyes.forgewright.case import Case
from foureyes.forgewright.cases import Cases

_EVENTS = 5


class FaultShelf:
    """Reads groups, cases and pictures. Slow: keep it off the event loop."""

    def __init__(self, state_dir: Path, pictures: PictureStore) -> None:
        self._file = spool_file(state_dir)
        self._options = ["--state-dir", str(state_dir.absolute())]
        self._pictures = pictures

    def groups(
        self, limit: int, status: str | None, kind: str | None, component: str | None
    ) -> list[dict[str, Any]]:
        """The groups that are wanted, the one seen last first, each with where its case stands."""
        wanted = queries.Filter(status=status, kind=kind, component=component)
        with self._spool() as spool:
            if spool is None:
                return []
            cases = Cases(spool)
            found = queries.groups(spool, wanted, limit)
            return [group.as_document() | _standing(cases.last_of(group.fingerprint)) for group in found]

    def group(self, name: str) -> dict[str, Any]:
        """One group with its newest events, its case, its picture and what to run. Raises UnknownFaultError."""
        with self._spool() as spool:
            if spool is None:
                raise UnknownFaultError(f"no fault is known as '{name}': none was ever recorded")
            group = queries.find_group(spool, name)
            events = queries.events_of(spool, group.fingerprint, _EVENTS)
            case = Cases(spool).last_of(group.fingerprint)
        picture = self._kept(events)
        return {
            "group": group.as_document() | _standing(case),
            "events": events,
            "case": None if case is None else case.model_dump(mode="json"),
            "picture": picture,
            "commands": list(self._commands(group, case, has_picture=picture is not None)),
        }

    def picture(self, digest: str) -> Path | None:
        """The file of a kept picture by its digest; None where there is none."""
        return self._pictures.find(digest)

    def _kept(self, events: list[dict[str, Any]]) -> str | None:
        """The digest of the newest picture that is still kept."""
        digests = (_digest(event["context"]) for event in events)
        return next((each for each in digests if each is not None and self._pictures.find(each)), None)

    def _commands(self, group: Group, case: Case | None, *, has_picture: bool) -> Iterator[dict[str, str]]:
        """What to run, each with what it is for; as text for a shell, quoted."""
        named = [group.fingerprint, *self._options]
        yield _command("read all of it", ["foureyes", "errors", "show", *named])
        if case is not None and case.platform_path is not None:
            yield _command("run the reproduction", case.how_to_run[-1])
        if has_picture:
            yield _command("read its picture again", ["foureyes", "errors", "replay", *named])
        if case is not None:
            yield _command("try a fix", ["foureyes", "forge", "verify", *named, "--patch", "fix.patch"])
        yield _command("once it is mended", ["foureyes", "errors", "resolve", *named])

    @contextmanager
    def _spool(self) -> Iterator[Spool | None]:
        if not self._file.exists():
            yield None
            return
        with Spool(self._file) as spool:
            yield spool


def _standing(case: Case | None) -> dict[str, Any]:
    """Where a group's last case stands, and what its reproduction showed."""
    verdict = None if case is None else case.reproduction
    return {
        "case_state": None if case is None else str(case.state),
        "reproduction": None if verdict is None else str(verdict.outcome),
        "reproduction_reason": None if verdict is None else verdict.reason,
    }


def _command(what: str, words: tuple[str, ...] | list[str]) -> dict[str, str]:
    return {"what": what, "command": shlex.join(words)}


def _digest(context: Any) -> str | None:
    frame = context.get("frame") if isinstance(context, dict) else None
    found = frame.get("digest") if isinstance(frame, dict) else None
    return found if isinstance(found, str) else None
