"""Loading models: into memory, then proven by a small inference, with progress that a person can follow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from foureyes.config.settings import ServerSettings
from foureyes.exceptions import BadRequestError, ModelCrashedError, ModelMissingError
from foureyes.servers.instance import Instance
from foureyes.telemetry.log import event

CANNOT_SERVE = (ModelMissingError, BadRequestError, ModelCrashedError)
"""What is wrong with one model and not with its server."""


async def load(instance: Instance, model_id: str, settings: ServerSettings, place: str = "") -> None:
    """Have a model loaded and its probe answered. Raises a ServerError leaf."""
    event("model.loading", f"loading {model_id}{place}", level="debug", server=settings.id, model=model_id)
    load_s = await instance.server.load(model_id)
    latency_ms = await instance.probe(model_id, settings.load_timeout_s)
    event(
        "model.loaded",
        f"model {model_id} is loaded and answered its probe{place}",
        server=settings.id,
        model=model_id,
        duration_ms=round(load_s * 1000, 1),
        probe_ms=round(latency_ms, 1),
        outcome="ok",
    )


async def load_each(
    instance: Instance,
    models: Sequence[str],
    settings: ServerSettings,
    loaded: Callable[[str], Awaitable[None]],
    missing: Callable[[str, str], None],
) -> None:
    """Load models one after the other, each told at once. Raises what is wrong with the server itself."""
    for number, model_id in enumerate(models, 1):
        try:
            await load(instance, model_id, settings, f" ({number} of {len(models)})")
        except CANNOT_SERVE as error:
            event("model.missing", str(error), level="error", server=settings.id, model=model_id)
            missing(model_id, str(error))
        else:
            await loaded(model_id)
