"""What may be taught: a state of a task's enum field, where pictures may be kept at all."""

from __future__ import annotations

from foureyes.config import Settings
from foureyes.exceptions import UsageError
from foureyes.schema.document import Field, fields


def field_to_teach(settings: Settings, task: str, name: str | None, label: str) -> Field:
    """The enum field that the label is a member of; `name` says which, where the task has several.

    Raises UsageError that names what there is, or that no picture may be kept.
    """
    if settings.capture.keep_frames == "never":
        raise UsageError("capture.keep_frames is 'never' in the configuration, so no picture may be taught")
    if task not in settings.tasks:
        raise UsageError(f"no task {task!r} in the configuration; known tasks: {', '.join(settings.tasks)}")
    enums = {each.name: each for each in fields(settings.tasks[task].answer) if each.kind == "enum"}
    if not enums:
        raise UsageError(f"task '{task}' has no field with an enum, so there is no state to teach")
    if name is None and len(enums) > 1:
        raise UsageError(f"task '{task}' tells several: choose one with --field: {', '.join(enums)}")
    if (found := enums.get(name or next(iter(enums)))) is None:
        raise UsageError(f"task '{task}' has no enum field {name!r}; it has {', '.join(enums)}")
    if label not in found.members:
        members = ", ".join(found.members)
        raise UsageError(f"{label!r} is no state of field '{found.name}' of task '{task}'; its states: {members}")
    return found
