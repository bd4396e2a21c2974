"""The read side of the API: everything that the page shows beside health, readings and events."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI

from foureyes.web.faults_route import Faults, add_faults
from foureyes.web.frame import Pictures, add_frame
from foureyes.web.frames import Frames, add_frames
from foureyes.web.history import History, add_history
from foureyes.web.log import LogLines, add_log
from foureyes.web.sources import Sources, add_sources
from foureyes.web.words import add_words


@dataclass(frozen=True)
class Reads:
    """Where each of these is to be had."""

    pictures: Pictures
    sources: Sources
    history: History
    frames: Frames
    faults: Faults
    log: LogLines


def add_reads(app: FastAPI, reads: Reads) -> None:
    """Add all of its routes to an application."""
    add_frame(app, reads.pictures)
    add_sources(app, reads.sources)
    add_history(app, reads.history)
    add_frames(app, reads.frames)
    add_faults(app, reads.faults)
    add_log(app, reads.log)
    add_words(app)
