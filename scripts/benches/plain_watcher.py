#!/usr/bin/env python3
"""What a user would write without FourEyes: grab, four requests, sleep. Run as a script, against any server.

It asks every model about every frame, and remembers nothing but the frame before, which two of the four want.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx


def frames(recording: Path) -> Iterator[bytes]:
    """The pictures of a recording, one after the other."""
    for line in (recording / "index.jsonl").read_text("utf-8").splitlines():
        yield (recording / json.loads(line)["file"]).read_bytes()


def ask(client: httpx.Client, task: Mapping[str, Any], pictures: Sequence[bytes]) -> Any:
    """One chat request; what the model answered."""
    urls = [f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}" for picture in pictures]
    images = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    document = {
        "model": task["model"],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Return JSON."}, *images]}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "reading", "schema": task["schema"]}},
    }
    answer = client.post("/v1/chat/completions", json=document).raise_for_status()
    return json.loads(answer.json()["choices"][0]["message"]["content"])


def watch(url: str, tasks: Mapping[str, Mapping[str, Any]], recording: Path, period_s: float) -> None:
    """Read every frame with every task and print each answer as a line of JSON."""
    previous = None
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        for frame in frames(recording):
            began_s = time.monotonic()
            for name, task in tasks.items():
                pictures = [frame, previous] if task["pair"] and previous else [frame]
                print(json.dumps({"task": name, "values": ask(client, task, pictures)}), flush=True)
            previous = frame
            time.sleep(max(0.0, period_s - (time.monotonic() - began_s)))


if __name__ == "__main__":
    watch(sys.argv[1], json.loads(Path(sys.argv[2]).read_text("utf-8")), Path(sys.argv[3]), float(sys.argv[4]))
