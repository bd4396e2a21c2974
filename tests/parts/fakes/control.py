"""`/control`: how a test steers a fake while it runs.

One document tells one thing or several:
- `model` (or `*` for any) with `fail`, `times`, `delay_s`, `values`, `turns`, `retry_after_s`; `on` is `chat`, or
  `load`
- `path` (or `*` for all) with `fail`, `times`, `delay_s`: before anything else happens there
- `model` with `loaded` true or false: the model is there, or gone, at once
- `settings`: fields of the kind's settings
What is told about a place replaces what was told before; values stay until others are given. Without `times` it
holds until told otherwise. GET /control says what is loaded and how many requests are under way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parts.fakes.behaviour import Behaviour, Behaviours
from parts.fakes.failures import known
from parts.fakes.kind import Kind
from parts.fakes.reply import Reply, as_json

_BEHAVIOUR = set(Behaviour.__dataclass_fields__)


def control(kind: Kind, behaviours: Behaviours, document: Mapping[str, Any]) -> Reply:
    """Do what a document says; 400 with the reason where it says nothing that can be done."""
    wanted = dict(document)
    place = _place(wanted)
    model = wanted.get("model")
    _settle(kind, wanted.pop("settings", {}))
    if (loaded := wanted.pop("loaded", None)) is not None:
        kind.set_loaded(wanted["model"], loaded)
    told = {name: wanted.pop(name) for name in list(wanted) if name in _BEHAVIOUR}
    wanted.pop("model", None)
    if wanted or not known(told.get("fail"), place, kind.failures):
        return as_json({"error": f"no such thing to control: {wanted or told['fail']}"}, 400)
    if told:
        behaviours.set(place, **told)
    return as_json({"done": True, "model": model})


def _place(wanted: dict[str, Any]) -> str:
    if "path" in wanted:
        return f"path {wanted.pop('path')}"
    return f"{wanted.pop('on', 'chat')} {wanted.get('model', '*')}"


def _settle(kind: Kind, settings: Mapping[str, Any]) -> None:
    for name, value in settings.items():
        before = getattr(kind.settings, name)
        setattr(kind.settings, name, set(value) if isinstance(before, set) else value)
