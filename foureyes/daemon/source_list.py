"""What the page shows of the sources: how large and how often, and where each task looks."""

from __future__ import annotations

from typing import Any

from foureyes.daemon.components import source_component
from foureyes.daemon.composition import Composition
from foureyes.frames.frame import Frame
from foureyes.picture import BLOCK_PX, Picture, measured
from foureyes.telemetry.metrics import Metrics
from foureyes.vision.plan import Plan
from foureyes.vision.reading import iso
from foureyes.vision.source_watch import SourceWatch

Size = tuple[int, int]


class SourceList:
    """Reads the running set live."""

    def __init__(self, composition: Composition, metrics: Metrics) -> None:
        self._composition = composition
        self._metrics = metrics

    def documents(self) -> list[dict[str, Any]]:
        """One JSON object a source."""
        masks = {source.id: source.masks for source in self._composition.settings.sources}
        return [
            {**self._document(watch), "masks": [list(mask) for mask in masks.get(name, ())]}
            for name, watch in self._composition.watches.items()
        ]

    def _document(self, watch: SourceWatch) -> dict[str, Any]:
        look, fps = watch.newest_look, self._metrics.fps(watch.id)
        size = None if look is None else _size(look.frame.picture)
        return {
            "id": watch.id,
            **source_component(watch),
            **(_of_frame(look.frame) if look is not None else {"frame_id": None, "captured_at": None}),
            "size": None if size is None else list(size),
            "fps_wanted": watch.fps,
            "fps": None if fps is None else round(fps, 2),
            "tasks": [_task(task.plan, size) for task in watch.tasks],
        }


def _of_frame(frame: Frame) -> dict[str, Any]:
    return {"frame_id": frame.id, "captured_at": iso(frame.captured_at)}


def _size(picture: Picture) -> Size:
    """By the header, where the pixels were not decoded yet."""
    if "pixels" not in vars(picture) and picture.encoded is not None:
        return measured(picture.encoded)
    return picture.width, picture.height


def _task(plan: Plan, size: Size | None) -> dict[str, Any]:
    """A task's pictures: its regions in fractions, and in pixels where they are cut; a field's by its index."""
    boxes = [region.box(*size, BLOCK_PX) for region in plan.regions] if size is not None else []
    return {
        "task": plan.task,
        "regions": [[region.x, region.y, region.width, region.height] for region in plan.regions],
        "boxes": [[box.x, box.y, box.width, box.height] for box in boxes],
        "fields": {name: _field(prop) for name, prop in plan.schema["properties"].items()},
        "latency_target_ms": plan.latency_target_ms,
        "confirm_with": None if plan.second is None else plan.second.name,
    }


def _field(prop: dict[str, Any]) -> dict[str, Any]:
    known = {"picture": prop.get("x-picture", 0), "title": prop.get("title"), "format": prop.get("format")}
    return {**known, "unit": prop.get("x-unit")}
