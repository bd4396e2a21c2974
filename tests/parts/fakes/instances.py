"""The models that an LM Studio has downloaded and the instances of them that are loaded."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from parts.fakes.journal import Journal

EMBEDDING = "text-embedding-nomic-embed-text-v1.5"
"""LM Studio brings an embedding model along: the list holds what cannot chat."""


@dataclass(frozen=True)
class Instance:
    """One loaded copy of a model."""

    id: str
    key: str
    context_length: int
    jit: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)


class Instances:
    """Which instances are loaded, in the order in which they came."""

    def __init__(self, journal: Journal, on_unload: Callable[[], None]) -> None:
        self._journal, self._on_unload, self._lock = journal, on_unload, threading.Lock()
        self._loaded: list[Instance] = []

    def all(self) -> list[Instance]:
        with self._lock:
            return list(self._loaded)

    def of(self, key: str) -> list[Instance]:
        return [each for each in self.all() if each.key == key]

    def named(self, name: str) -> Instance | None:
        """1.3: both ids of a double load answer; the bare key is the first of them."""
        exact = [each for each in self.all() if each.id == name]
        return next(iter([*exact, *self.of(name)]), None)

    def load(
        self,
        key: str,
        context_length: int,
        config: Mapping[str, Any] | None = None,
        *,
        jit: bool = False,
        name: str | None = None,
    ) -> Instance:
        """1.3: not idempotent, the second instance of a key is called `key:2`."""
        with self._lock:
            instance = Instance(self._free(name or key), key, context_length, jit, config or {})
            self._loaded.append(instance)
        self._journal.event("loaded", instance=instance.id, jit=jit)
        return instance

    def _free(self, name: str) -> str:
        taken = {each.id for each in self._loaded}
        numbered = (name if number == 1 else f"{name}:{number}" for number in itertools.count(1))
        return next(each for each in numbered if each not in taken)

    def unload(self, instance_id: str) -> bool:
        """Whether there was one."""
        with self._lock:
            kept = [each for each in self._loaded if each.id != instance_id]
            gone = len(kept) < len(self._loaded)
            self._loaded = kept
        if gone:
            self._on_unload()
            self._journal.event("unloaded", instance=instance_id)
        return gone

    def unload_all(self, key: str) -> None:
        for instance in self.of(key):
            self.unload(instance.id)

    def evict_jit(self) -> None:
        """1.8, "Only Keep Last JIT Loaded Model": explicitly loaded ones are not touched."""
        for instance in self.all():
            if instance.jit:
                self.unload(instance.id)
