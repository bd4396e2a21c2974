"""What goes to /v1/chat/completions, and what comes back: the model that wrote it, its text, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field, NonNegativeInt, ValidationError

from foureyes.exceptions import AnswerCutError, ServerReplyError, WrongModelError
from foureyes.servers.server import ChatRequest, Usage

ROUTE = "/v1/chat/completions"


@dataclass(frozen=True)
class Asked:
    """The model that is asked: its name in the request, and whether a name in the answer is the same model's."""

    name: str
    is_same: Callable[[str], bool]


@dataclass(frozen=True)
class Completion:
    """One answer of a model."""

    text: str
    usage: Usage | None


class _Message(BaseModel):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None

    def text(self) -> str:
        """Of a model that thinks, the answer may stand where its thoughts should be, and nothing in its place."""
        given = (self.content, self.reasoning_content, self.reasoning)
        return next((text for text in given if text and text.strip()), "")


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Document(BaseModel):
    choices: list[_Choice] = Field(min_length=1)


class _Tokens(BaseModel):
    prompt_tokens: NonNegativeInt
    completion_tokens: NonNegativeInt


def question(
    request: ChatRequest, asked: Asked, messages: Sequence[Mapping[str, Any]], schema: Any
) -> dict[str, Any]:
    """The body of a request. The schema is nested as OpenAI has it: the one form that every server reads."""
    return {
        "model": asked.name,
        "messages": list(messages),
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reading", "strict": True, "schema": schema},
        },
    }


def check_same(server: str, document: Mapping[str, Any], asked: Asked) -> None:
    """Raise WrongModelError where another model answered: some servers take the one they have."""
    model = document.get("model")
    if not isinstance(model, str) or not asked.is_same(model):
        raise WrongModelError(
            f"server '{server}' answered with model {model!r}, not {asked.name!r}; load the one that is asked for"
        )


def completion(server: str, document: Mapping[str, Any], asked: Asked) -> Completion:
    """Take a reply apart.

    Raises WrongModelError, AnswerCutError where it ended at max_tokens, ServerReplyError where it is no answer.
    """
    check_same(server, document, asked)
    try:
        said = _Document.model_validate(document)
    except ValidationError as error:
        raise ServerReplyError(f"server '{server}' answered without choices: {str(document)[:200]}") from error
    choice = said.choices[0]
    if choice.finish_reason == "length":
        raise AnswerCutError(f"server '{server}' cut its answer at max_tokens; raise max_tokens of the task")
    text = choice.message.text()
    if not text:
        raise ServerReplyError(_nothing(server, choice.finish_reason))
    return Completion(text, _usage(document.get("usage")))


def _nothing(server: str, finish_reason: str | None) -> str:
    if finish_reason is None:
        return f"server '{server}' broke off without a word: no content and no finish_reason; see its log"
    return f"server '{server}' answered nothing (finish_reason {finish_reason}); see its log"


def _usage(said: Any) -> Usage | None:
    """What it counted; a figure that makes no sense is none, and no reason to lose the answer."""
    try:
        tokens = _Tokens.model_validate(said)
    except ValidationError:
        return None
    return Usage(tokens.prompt_tokens, tokens.completion_tokens)
