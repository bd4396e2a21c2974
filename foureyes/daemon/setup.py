"""Set-up by pointing, behind the web: trials on the newest picture, and changes that were seen first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from foureyes.config import Settings
from foureyes.config.digest import config_digest
from foureyes.config.settings import Task
from foureyes.daemon.composition import Composition
from foureyes.daemon.reloads import Reloads
from foureyes.daemon.setup_file import ConfigFile, drafted, why_not_written, written
from foureyes.daemon.setup_trials import Trials
from foureyes.exceptions import UsageError
from foureyes.frames.own_thread import OwnThread
from foureyes.schema.document import fields
from foureyes.telemetry.audit import Audit
from foureyes.vision.taught import Example, TaughtPictures
from foureyes.vision.teaching import field_to_teach
from foureyes.web.intake import Intake
from foureyes.web.setup_questions import (
    AnyChange,
    ApplyQuestion,
    ForgetQuestion,
    ReadQuestion,
    SuggestQuestion,
    TaskQuestion,
    TeachQuestion,
)

_RELOAD_WITHIN_S = 60.0
_MOST_DRAFTS = 4
"""At once; each costs seconds where a file names a thousand sources."""
Document = dict[str, Any]


class Setup:
    """One change after the other; trials go behind the loop, as all single pictures of operators."""

    def __init__(
        self,
        file: ConfigFile,
        composition: Composition,
        trials: Trials,
        reloads: Reloads,
        audit: Audit,
        dropped: Callable[[str, str], None],
    ) -> None:
        self._file = file
        self._composition = composition
        self._trials = trials
        self._reloads = reloads
        self._audit = audit
        self._taught = TaughtPictures(composition.settings.state_dir)
        self._files = OwnThread("set-up")
        self._changing = asyncio.Lock()
        self._drafts = Intake(lambda: _MOST_DRAFTS, 0, dropped, "setup")

    async def document(self) -> Document:
        """What can be pointed at, and the file that is changed."""
        settings = self._composition.settings
        examples = await self._files.run(self._taught.examples)
        return {
            "file": self._file.path.name,
            "why_not_written": why_not_written(self._file),
            "may_teach": settings.capture.keep_frames != "never",
            "sources": [
                {"id": each.id, "tasks": each.tasks or list(settings.tasks), "regions": each.regions}
                for each in settings.sources
            ],
            "tasks": {name: _shown(task, name, settings, examples) for name, task in settings.tasks.items()},
        }

    async def read(self, question: ReadQuestion) -> Document:
        """What is read inside a region of the newest picture."""
        return await self._trials.read(question)

    async def suggest(self, question: SuggestQuestion) -> Document:
        """Regions for the fields that stand on the newest picture."""
        return await self._trials.suggest(question)

    async def try_task(self, question: TaskQuestion) -> Document:
        """The reading of the newest picture with another prompt or schema."""
        return await self._trials.task(question)

    async def edit(self, changes: Sequence[AnyChange]) -> Document:
        """The diff of the file, the digest by which it is approved, and whether the file is in force."""
        with self._drafts.place():
            draft = await self._files.run(lambda: drafted(self._file, changes))
            said = await self._files.run(lambda: self._taught.applied(draft.settings))
        is_in_force = config_digest(said) == config_digest(self._composition.settings)
        return {"file": draft.name, "diff": draft.diff, "digest": draft.digest, "is_in_force": is_in_force}

    async def apply(self, question: ApplyQuestion, who: str) -> Document:
        """Write the file and put it into force; `refused` says why that did not succeed."""
        async with self._changing:
            draft = await self._files.run(lambda: written(self._file, question.changes, question.digest))
            await self._record(who, f"configuration {draft.name}", None, draft.diff)
            return {"file": draft.name, "refused": await self._put_into_force()}

    async def teach(self, question: TeachQuestion, who: str) -> Document:
        """Keep the newest picture as one of a state."""
        settings = self._composition.settings
        field = field_to_teach(settings, question.task, question.field, question.label)
        look = self._trials.newest(question.source)
        example = await self._files.run(
            lambda: self._taught.teach(question.task, field.name, question.label, look.frame.picture.pixels)
        )
        await self._record(who, f"teach {example.task}", [], [_named(example)])
        return {**_named(example), "captured_at": look.frame.captured_at.isoformat(timespec="milliseconds")}

    async def forget(self, question: ForgetQuestion, who: str) -> Document:
        """Forget a picture that was taught."""
        gone = await self._files.run(lambda: self._taught.forget(question.task, None, question.digest))
        if not gone:
            raise UsageError("no such picture was taught")
        await self._record(who, f"teach forget {question.task}", list(map(_named, gone)), [])
        return {"forgotten": list(map(_named, gone))}

    async def _put_into_force(self) -> str | None:
        try:
            async with asyncio.timeout(_RELOAD_WITHIN_S):
                return await self._reloads.reloaded()
        except TimeoutError:
            return "it is written, and its servers and models are still being waited for; see the daemon's log"

    async def _record(self, who: str, what: str, before: object, after: object) -> None:
        await self._files.run(lambda: self._audit.record(who, what, before, after))


def _named(example: Example) -> Document:
    return example.model_dump(mode="json", exclude={"taught_at"})


def _shown(task: Task, name: str, settings: Settings, examples: Sequence[Example]) -> Document:
    """A task as it can be changed: without what the daemon itself adds to its schema."""
    properties = {
        field: {key: value for key, value in prop.items() if key != "x-taught"}
        for field, prop in task.answer["properties"].items()
    }
    return {
        "models": task.models,
        "prompt": task.prompt,
        "model_prompt": settings.models[task.models[0]].prompt,
        "schema": {**task.answer, "properties": properties},
        "regions": task.regions,
        "states": {each.name: list(each.members) for each in fields(task.answer) if each.kind == "enum"},
        "taught": [_named(each) for each in examples if each.task == name],
    }
