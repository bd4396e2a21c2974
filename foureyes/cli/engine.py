"""`foureyes engine`: the embedded model server alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def engine(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="0 takes a free one and says which.")
    ] = 8485,
    threads: Annotated[int, typer.Option("--threads", min=1, max=64, help="Threads that look for text.")] = 2,
    taught: Annotated[
        Path | None, typer.Option("--taught", help="Folder of pictures that x-taught names by their digests.")
    ] = None,
    parent_pipe: Annotated[bool, typer.Option("--parent-pipe", help="End when stdin is closed.")] = False,
) -> None:
    """Serve the embedded models (ocr, state, animation, signs) on loopback, over the usual chat HTTP."""
    from foureyes.engine.server import serve  # noqa: PLC0415 - only this command pays for the OCR runtime

    serve("127.0.0.1", port, threads, taught=taught, parent_pipe=parent_pipe)
