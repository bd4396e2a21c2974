"""What goes into a support bundle: each part as redacted, bounded bytes, with a word on what it is."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psutil

from foureyes import __version__
from foureyes.cli.daemon_client import asked, read
from foureyes.config import Settings
from foureyes.errors import queries
from foureyes.errors.spool import Spool, spool_file
from foureyes.exceptions import FourEyesError, UsageError
from foureyes.redaction import CUT, REDACTED, hide, is_secret_key, redact, redact_text
from foureyes.telemetry.log import COMBINED, ERRORS
from foureyes.web.token import read_token

_MOST_BYTES = 1_000_000
_MOST_GROUPS = 200
_MOST_PICTURES = 20
_DEEP = 3
"""So many levels are redacted entry by entry: the whole of it may be larger than one redaction's budget."""
_NAMED_SECRET = re.compile(r"FOUREYES_\w*(?:URI|URLS?)$")
_NO_SECRETS = {"PWD", "OLDPWD"}
"""The shell's folders, which are named as passwords are."""


@dataclass(frozen=True)
class Part:
    """One file of the bundle."""

    name: str
    what: str
    data: bytes


def parts(settings: Settings, *, with_pictures: bool) -> Iterator[Part]:
    """Every part. What cannot be had is a part with the reason. Raises UsageError where pictures are forbidden."""
    if with_pictures and settings.capture.keep_frames == "never":
        raise UsageError("capture.keep_frames is never: no picture may be written; leave --pictures out")
    _hide_secrets(settings)
    folder = settings.state_dir
    yield _document("versions.json", "FourEyes, Python, the system and the libraries", _versions)
    yield _document(
        "config.json", "the configuration in force", lambda: settings.model_dump(mode="json", by_alias=True)
    )
    yield _document("environment.json", "names of the FOUREYES_ variables that are set, no values", _environment)
    yield _document("status.json", "what the running daemon says of itself", lambda: read(folder, "/api/status"))
    yield _document("requests.json", "requests to models, 24 hours", lambda: read(folder, "/api/metrics?hours=24"))
    yield _text("metrics.txt", "the metrics of /metrics", lambda: asked(folder, "/metrics").text)
    yield _document(
        "errors.json", f"the last {_MOST_GROUPS} groups of faults, no pictures", lambda: _faults(folder)
    )
    logs = settings.log.folder or folder / "logs"
    for file in (logs / COMBINED, logs / ERRORS, folder / "audit.jsonl"):
        yield _text(f"logs/{file.name}", "its last lines", lambda file=file: _tail(file))  # type: ignore[misc]
    if with_pictures:
        yield from _pictures(folder)


def _hide_secrets(settings: Settings) -> None:
    """What is a secret by its place is hidden wherever it turns up."""
    named = {value for key, value in _leaves(settings.model_dump(mode="json")) if key.endswith("_env")}
    for name, value in os.environ.items():
        if name in named or _NAMED_SECRET.match(name) or (is_secret_key(name) and name not in _NO_SECRETS):
            for secret in (value, *value.split(), *_passwords(value)):
                hide(secret)
    if settings.mongo.uri is not None:
        for secret in _passwords(settings.mongo.uri.get_secret_value()):
            hide(secret)
    try:
        hide(read_token(settings.state_dir))
    except UsageError:
        return  # there is none to hide


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, str(name))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, key)
    elif isinstance(value, str):
        yield key, value


def _passwords(address: str) -> tuple[str, ...]:
    try:
        password = urlsplit(address).password or ""
    except ValueError:
        return ()
    return password, unquote(password)


def _versions() -> dict[str, Any]:
    libraries = sorted({re.split(r"[^\w.-]", each)[0] for each in importlib.metadata.requires("foureyes") or ()})
    return {
        "foureyes": __version__,
        "python": sys.version,
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "libraries": {name: _version(name) for name in libraries},
    }


def _version(library: str) -> str | None:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def _environment() -> list[str]:
    return sorted(name for name in os.environ if name.startswith("FOUREYES_"))


def _faults(folder: Path) -> dict[str, Any]:
    file = spool_file(folder)
    if not file.exists():
        return {"groups": [], "stats": None}
    with Spool(file) as spool:
        groups = [group.as_document() for group in queries.groups(spool, limit=_MOST_GROUPS)]
        return {"groups": groups, "stats": queries.stats(spool)}


def _tail(file: Path) -> str:
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - _MOST_BYTES))
        text = stream.read(_MOST_BYTES).decode("utf-8", "replace")
    whole = file.stat().st_size <= _MOST_BYTES
    return text if whole else text.partition("\n")[2]


def _pictures(folder: Path) -> Iterator[Part]:
    components = read(folder, "/health")["components"]
    sources = [name.removeprefix("source:") for name in components if name.startswith("source:")]
    for source in sources[:_MOST_PICTURES]:
        answer = asked(folder, f"/api/frame?source={source}", timeout_s=30)
        if answer.is_success:
            yield Part(f"pictures/{source}.png", "the newest picture, masks painted", answer.content)


def _document(name: str, what: str, made: Callable[[], Any]) -> Part:
    def written() -> str:
        return json.dumps(_clean(made()), indent=2, ensure_ascii=False, allow_nan=False)

    return Part(name, what, _bounded(_or_why_not(written)))


def _text(name: str, what: str, made: Callable[[], str]) -> Part:
    lines = _or_why_not(made).splitlines()
    return Part(name, what, _bounded("\n".join(map(redact_text, lines))))


def _or_why_not(made: Callable[[], str]) -> str:
    try:
        return made()
    except (FourEyesError, OSError) as error:
        return redact_text(f"not to be had: {error}")


def _bounded(text: str) -> bytes:
    """At most so many bytes, and the home folder without its owner's name."""
    data = text.replace(str(Path.home()), "~").encode()
    return data + b"\n" if len(data) <= _MOST_BYTES else data[:_MOST_BYTES] + f"\n{CUT}\n".encode()


def _clean(value: Any, deep: int = _DEEP) -> Any:
    if deep and isinstance(value, Mapping):
        return {redact_text(str(key)): _behind(str(key), item, deep - 1) for key, item in value.items()}
    if deep and isinstance(value, list):
        return [_clean(item, deep - 1) for item in value]
    return redact(value)


def _behind(key: str, item: Any, deep: int) -> Any:
    is_secret = is_secret_key(key) and item is not None and not isinstance(item, bool)
    return REDACTED if is_secret else _clean(item, deep)
