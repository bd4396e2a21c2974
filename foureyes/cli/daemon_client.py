"""Asking a running daemon, telling it to change something, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from foureyes.cli.credentials import headers
from foureyes.daemon.state_folder import running
from foureyes.exceptions import NotRunningError, UsageError

_TIMEOUT_S = 30.0


def asked(state_dir: Path, route: str, *, timeout_s: float = 5.0) -> httpx.Response:
    """What the daemon of a state folder answers to a GET, whatever its status. Raises NotRunningError."""
    return _answer(state_dir, "GET", route, None, timeout_s)


def read(state_dir: Path, route: str) -> Any:
    """The document that it answers. Raises NotRunningError where none answers, UsageError where it refuses."""
    return _document(asked(state_dir, route))


def told(state_dir: Path, route: str, document: Mapping[str, Any]) -> Any:
    """Post a document to the daemon of a state folder, and return its answer.

    Raises NotRunningError where none answers, UsageError with the daemon's own words where it refuses.
    """
    return _document(_answer(state_dir, "POST", route, document, _TIMEOUT_S))


def _document(answer: httpx.Response) -> Any:
    try:
        found = answer.json()
    except ValueError as error:
        raise NotRunningError(f"{answer.url} answers no JSON: {error}; is it the daemon?") from error
    if answer.is_error and "error" in found:  # a failing daemon's /health is a 503, and no refusal
        raise UsageError(found["error"]["message"])
    return found


def _answer(
    state_dir: Path, method: str, route: str, document: Mapping[str, Any] | None, timeout_s: float
) -> httpx.Response:
    daemon = running(state_dir)
    if daemon is None:
        raise NotRunningError(f"no daemon runs in {state_dir}; start one with `foureyes run`")
    url, proof = daemon["url"] + route, headers(state_dir)
    try:
        return httpx.request(method, url, json=document, headers=proof, timeout=timeout_s, trust_env=False)
    except httpx.HTTPError as error:
        raise NotRunningError(
            f"the daemon at {daemon['url']} (process {daemon['pid']}) does not answer: {error}; see its log"
        ) from error
