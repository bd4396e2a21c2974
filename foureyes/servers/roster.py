"""The models of one server: which are wanted, which answer, and why the others do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from foureyes.config.settings import ServerSettings
from foureyes.exceptions import BadRequestError, ModelCrashedError, ModelMissingError, ServerError
from foureyes.servers.instance import Instance
from foureyes.telemetry.log import event

_MISSING_AGAIN_S = 60.0
_CANNOT_SERVE = (ModelMissingError, BadRequestError, ModelCrashedError)
"""What is wrong with one model and not with its server."""


class Roster:
    """Loads what is wanted, one model at a time, and proves each by a small inference; tells every change at once.

    A model that cannot be served stops nothing: its reason is kept, and it is tried again now and then.
    """

    def __init__(
        self,
        settings: ServerSettings,
        models: Sequence[str],
        changed: Callable[[], None],
        now: Callable[[], float],
    ) -> None:
        self.loaded: tuple[str, ...] = ()
        """Models that answered their probe, and that may be asked."""
        self.missing: Mapping[str, str] = {}
        """Why each other model is not among them."""
        self.sizes: Mapping[str, int] = {}
        """Bytes of the loaded models, where the server tells."""
        self._settings = settings
        self._models = tuple(models)
        self._parked: frozenset[str] = frozenset()
        self._crashed: frozenset[str] = frozenset()
        self._changed = changed
        self._now = now
        self._tried_mono_s = now()

    @property
    def wanted(self) -> list[str]:
        """The models that are to be loaded now."""
        return [model_id for model_id in self._models if model_id not in self._parked]

    @property
    def due(self) -> list[str]:
        """The wanted models of which nothing is known yet."""
        return [model_id for model_id in self.wanted if model_id not in {*self.loaded, *self.missing}]

    @property
    def is_well(self) -> bool:
        """Whether models answer, and none that is wanted is missing because it crashed."""
        return bool(self.loaded) and self._crashed.isdisjoint(self.wanted)

    def want(self, models: Sequence[str]) -> None:
        """These models are wanted from now on."""
        self._models = tuple(models)

    def park(self, models: Iterable[str]) -> None:
        """Do without these models for now."""
        self._parked = frozenset(models)

    def clear(self) -> None:
        """The server has ended: nothing is loaded, and nothing is known of it."""
        self.loaded, self.missing, self.sizes, self._crashed = (), {}, {}, frozenset()

    async def settle(self, instance: Instance) -> None:
        """Unload what is not wanted, then load what is. Raises what is wrong with the server itself."""
        for model_id in set(self.loaded) - set(self.wanted):
            await self._drop(instance, model_id)
        again = self._now() - self._tried_mono_s >= _MISSING_AGAIN_S
        if due := [model_id for model_id in self.wanted if model_id not in self.loaded] if again else self.due:
            self._tried_mono_s = self._now()
        for number, model_id in enumerate(due, 1):
            await self._try(instance, model_id, f" ({number} of {len(due)})")

    async def reload(self, instance: Instance, model_id: str, reason: str) -> None:
        """Load one model anew while the others go on answering. Raises what may be wrong with the server."""
        self.loaded = tuple(name for name in self.loaded if name != model_id)
        self._miss(instance, model_id, f"model {model_id} is being loaded again: {reason}")
        await instance.server.unload(model_id)
        try:
            await self._load(instance, model_id)
        except ModelMissingError as error:  # no restart brings it
            self._do_without(instance, model_id, error)

    async def _try(self, instance: Instance, model_id: str, place: str) -> None:
        try:
            await self._load(instance, model_id, place)
        except _CANNOT_SERVE as error:
            self._do_without(instance, model_id, error)

    def _do_without(self, instance: Instance, model_id: str, error: ServerError) -> None:
        level = "debug" if self.missing.get(model_id) == str(error) else "error"
        event("model.missing", str(error), level=level, server=self._settings.id, model=model_id)
        if isinstance(error, ModelCrashedError):
            self._crashed |= {model_id}
        self._miss(instance, model_id, str(error))

    async def _load(self, instance: Instance, model_id: str, place: str = "") -> None:
        await load(instance, model_id, self._settings, place, "debug" if model_id in self.missing else "info")
        entry = await instance.server.entry(model_id)
        if entry is not None and entry.size_bytes:
            self.sizes = {**self.sizes, model_id: entry.size_bytes}
        self.loaded = (*self.loaded, model_id)
        self._crashed -= {model_id}
        self.missing = {name: why for name, why in self.missing.items() if name != model_id}
        self._changed()

    async def _drop(self, instance: Instance, model_id: str) -> None:
        self.loaded = tuple(name for name in self.loaded if name != model_id)
        self._changed()  # first, so that nobody asks it any more
        instance.answered.pop(model_id, None)
        if instance.server.can_unload:
            await instance.server.unload(model_id)
        event("model.parked", f"model {model_id} is not used for now", server=self._settings.id, model=model_id)

    def _miss(self, instance: Instance, model_id: str, reason: str) -> None:
        instance.answered.pop(model_id, None)  # what is not there need not be probed
        self.missing = {**self.missing, model_id: reason}
        self._changed()


async def load(
    instance: Instance, model_id: str, settings: ServerSettings, place: str = "", level: str = "info"
) -> None:
    """Have a model loaded and its probe answered, told at `level`. Raises a ServerError leaf."""
    event("model.loading", f"loading {model_id}{place}", level=level, server=settings.id, model=model_id)
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
