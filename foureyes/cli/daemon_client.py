"""Telling a running daemon to change something, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from foureyes.cli.credentials import headers
from foureyes.daemon.state_folder import running
from foureyes.exceptions import NotRunningError, UsageError

_TIMEOUT_S = 30.0


def told(state_dir: Path, route: str, document: Mapping[str, Any]) -> Any:
    """Post a document to the daemon of a state folder, and return its answer.

    Raises NotRunningError where none answers, UsageError with the daemon's own words where it refuses.
    """
    daemon = running(state_dir)
    if daemon is None:
        raise NotRunningError(f"no daemon runs in {state_dir}; start one with `foureyes run`")
    proof = headers(state_dir)
    try:
        answer = httpx.post(
            daemon["url"] + route, json=document, headers=proof, timeout=_TIMEOUT_S, trust_env=False
        )
        found = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise NotRunningError(
            f"the daemon at {daemon['url']} (process {daemon['pid']}) does not answer: {error}; see its log"
        ) from error
    if not answer.is_success:
        raise UsageError(found["error"]["message"])
    return found
