"""A real engine process for tests, asked over HTTP."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import psutil

from foureyes.picture import Pixels, encode_png

CHAT = "/v1/chat/completions"


class ServedEngine:
    """An engine on a free port of loopback; it ends with the pipe to its standard input."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "foureyes.engine", "--parent-pipe"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline()
        self.port = int(json.loads(self.first_line)["port"])
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)

    def ask(self, model: str, schema: Any, pictures: Sequence[Pixels], **more: Any) -> dict[str, Any]:
        """The foureyes remarks of an answer, with its values beside."""
        response = self.post(body(model, schema, [data_url(encode_png(each)) for each in pictures], **more))
        assert response.status_code == 200, response.text
        document = response.json()
        content = json.loads(document["choices"][0]["message"]["content"])
        return {**document["foureyes"], "values": content, "whole": document}

    def post(self, document: Mapping[str, Any]) -> httpx.Response:
        return self.http.post(CHAT, json=document)

    def cpu_s(self) -> float:
        """CPU seconds used so far."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def resident_mb(self) -> float:
        """Resident memory now."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 2**20

    def close(self) -> int:
        """End it by closing its standard input; return its exit code."""
        self.http.close()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            return self.process.wait(20)
        finally:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            self.process.wait()
            self.process.stdout.close()


def body(model: str, schema: Any, urls: Sequence[str], **more: Any) -> dict[str, Any]:
    """A chat request as clients of language models write it."""
    images = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {
        "model": model,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Return JSON."}, *images]}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "reading", "schema": schema}},
        **more,
    }


def data_url(data: bytes, kind: str = "png") -> str:
    """Encoded bytes as a data URL."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
