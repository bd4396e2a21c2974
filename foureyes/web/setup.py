"""Set-up by pointing: /api/try/... reads the live picture and changes nothing, /api/setup/... makes changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from foureyes.exceptions import FourEyesError
from foureyes.telemetry.report import Report
from foureyes.web.analyze import answered, refused, status_of
from foureyes.web.setup_questions import (
    AnyChange,
    ApplyQuestion,
    EditQuestion,
    ForgetQuestion,
    ReadQuestion,
    SuggestQuestion,
    TaskQuestion,
    TeachQuestion,
)

_CLIENT_GONE, _OURS = 499, 500
Document = dict[str, Any]


class Setup(Protocol):
    """What stands behind the routes. Each raises a FourEyesError with a sentence for the person who pointed."""

    async def document(self) -> Document:
        """What can be pointed at: sources, tasks with their fields and states, and the file that is changed."""
        ...

    async def read(self, question: ReadQuestion) -> Document:
        """What is read inside a region of the newest picture."""
        ...

    async def suggest(self, question: SuggestQuestion) -> Document:
        """Regions for the fields that stand on the newest picture."""
        ...

    async def try_task(self, question: TaskQuestion) -> Document:
        """The reading of the newest picture with another prompt or schema."""
        ...

    async def edit(self, changes: Sequence[AnyChange]) -> Document:
        """The diff of the configuration file, and the digest by which it is approved."""
        ...

    async def apply(self, question: ApplyQuestion, who: str) -> Document:
        """Write the file and put it into force; what came of it."""
        ...

    async def teach(self, question: TeachQuestion, who: str) -> Document:
        """Keep the newest picture as one of a state."""
        ...

    async def forget(self, question: ForgetQuestion, who: str) -> Document:
        """Forget a picture that was taught."""
        ...


def add_setup(app: FastAPI, setup: Setup, report: Report) -> None:
    """Add the routes to an application; `report` gets what is no fault of the client's."""
    _add_refusals(app, report)
    _add_trials(app, setup)
    _add_changes(app, setup)

    @app.get("/api/setup")
    async def document() -> Document:
        return await setup.document()


def _add_trials(app: FastAPI, setup: Setup) -> None:
    @app.post("/api/try/read")
    async def read(request: Request, question: ReadQuestion) -> Response:
        return await answered(request, setup.read(question))

    @app.post("/api/try/suggest")
    async def suggest(request: Request, question: SuggestQuestion) -> Response:
        return await answered(request, setup.suggest(question))

    @app.post("/api/try/task")
    async def try_task(request: Request, question: TaskQuestion) -> Response:
        return await answered(request, setup.try_task(question))

    @app.post("/api/try/edit")
    async def edit(question: EditQuestion) -> Document:
        return await setup.edit(question.changes)


def _add_changes(app: FastAPI, setup: Setup) -> None:
    """What is begun here is done, also where the client leaves."""

    @app.post("/api/setup/apply")
    async def apply(request: Request, question: ApplyQuestion) -> Document:
        return await setup.apply(question, request.state.who)

    @app.post("/api/setup/teach")
    async def teach(request: Request, question: TeachQuestion) -> Document:
        return await setup.teach(question, request.state.who)

    @app.post("/api/setup/forget")
    async def forget(request: Request, question: ForgetQuestion) -> Document:
        return await setup.forget(question, request.state.who)


def _add_refusals(app: FastAPI, report: Report) -> None:
    @app.exception_handler(FourEyesError)
    async def refuse(request: Request, error: FourEyesError) -> Response:
        if status_of(error) >= _OURS:
            report(error, "web", method=request.method, route=request.url.path)
        return refused(error)

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=_CLIENT_GONE)
