"""The engine as a process: it listens on loopback, says so, serves, and ends with its parent or by a signal."""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
from pathlib import Path

import cv2
import uvicorn

from foureyes.engine.app import create_app
from foureyes.engine.models import Models
from foureyes.exceptions import PortTakenError
from foureyes.telemetry.footprint import keep_small

_GRACE_S = 5
_BIG_BYTES = 22_000_000
"""A layer of the detector takes 21.6 MB for 1280x720: returned after each, they cost a third of its CPU time."""


def serve(host: str, port: int, threads: int, *, taught: Path | None = None, parent_pipe: bool = False) -> None:
    """Serve until SIGTERM, SIGINT or, with `parent_pipe`, the end of standard input. Port 0 takes any free one.

    `taught` is the folder of the pictures that `x-taught` names.

    Raises PortTakenError. When it listens, one JSON line on standard output says on which port.
    """
    keep_small(_BIG_BYTES)
    cv2.setNumThreads(1)  # its small steps gain nothing from more
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    listening = _listen(host, port)
    models = Models(threads, taught)
    config = uvicorn.Config(
        create_app(models),
        log_config=None,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_GRACE_S,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    if parent_pipe:
        threading.Thread(target=_end_with_parent, args=(server,), name="parent-pipe", daemon=True).start()
    _say_listening(listening)
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:  # uvicorn hands the signal on once it has ended cleanly
        logging.getLogger("foureyes.engine").info("stopped by the keyboard")
    finally:
        models.close()


def _listen(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise PortTakenError(
            f"the engine cannot listen on {host}:{port} ({error.strerror}); choose another port, or 0 for any"
        ) from error
    return listening


def _say_listening(listening: socket.socket) -> None:
    line = json.dumps({"event": "listening", "port": listening.getsockname()[1]})
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _end_with_parent(server: uvicorn.Server) -> None:
    """Wait for the end of standard input: the parent holds its other end, and its death closes it."""
    while sys.stdin.buffer.read(4096):
        pass
    server.should_exit = True
