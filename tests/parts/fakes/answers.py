"""Good answers to a chat request, and answers that are no good in all the ways that the facts file names."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Completion = dict[str, Any]
_CHARACTERS_PER_TOKEN, _PIXELS_PER_TOKEN = 4, 28 * 28  # 6, "Per model": one token per 28x28 px


@dataclass(frozen=True)
class Asked:
    """What the answer is made from."""

    body: Mapping[str, Any]
    schema: Mapping[str, Any] | None
    values: Mapping[str, Any]
    indent: int | None = None

    @property
    def content(self) -> str:
        """JSON where the server knows the schema, else prose as any model writes it."""
        if self.schema is None:
            return "The picture shows a window."
        return json.dumps(filled(self.schema, self.values), indent=self.indent)

    @property
    def is_repair(self) -> bool:
        return any(message.get("role") == "assistant" for message in self.body.get("messages", []))


def filled(schema: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """An object that keeps to a schema: the values that were given, else null where null is allowed."""
    return {name: _value(name, rule, values) for name, rule in schema.get("properties", {}).items()}


def _value(name: str, rule: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    if "properties" in rule:
        inner = values.get(name)
        return filled(rule, inner if isinstance(inner, Mapping) else values)
    return values[name] if name in values else _plainest(rule)


def _types(rule: Mapping[str, Any]) -> list[str]:
    types = rule.get("type", [])
    return [types] if isinstance(types, str) else list(types)


def _choices(rule: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*rule.get("anyOf", []), *rule.get("oneOf", [])]


def _nullable(rule: Mapping[str, Any]) -> bool:
    types, choices = _types(rule), _choices(rule)
    untold = not types and not choices and "enum" not in rule and "const" not in rule
    return untold or "null" in types or None in rule.get("enum", [0]) or any(map(_nullable, choices))


def _plainest(rule: Mapping[str, Any]) -> Any:
    if _nullable(rule):
        return None
    if choices := _choices(rule):
        return _plainest(choices[0])
    if fixed := rule.get("enum") or ([rule["const"]] if "const" in rule else []):
        return fixed[0]
    least = rule.get("minimum", 0)
    text = "x" * rule.get("minLength", 0)
    return {"boolean": True, "string": text, "array": [], "object": {}, "integer": least, "number": least}[
        _types(rule)[0]
    ]


def prompt_tokens(body: Mapping[str, Any], pixels: int) -> int:
    """About what the request takes of the context."""
    contents = [message.get("content") or "" for message in body.get("messages", [])]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    texts = [content for content in contents if isinstance(content, str)]
    texts += [part["text"] for part in parts if part.get("type") == "text"]
    return sum(map(len, texts)) // _CHARACTERS_PER_TOKEN + pixels // _PIXELS_PER_TOKEN + 1


def completion(model: str, content: str, tokens: int) -> Completion:
    """A reply in OpenAI's shape (1.7, 3, 4)."""
    written = len(content) // _CHARACTERS_PER_TOKEN + 1
    message = {"role": "assistant", "content": content}
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": tokens, "completion_tokens": written, "total_tokens": tokens + written},
    }


def _with_content(good: Completion, content: str) -> Completion:
    good["choices"][0]["message"]["content"] = content
    return good


def _wrong_model(good: Completion, _asked: Asked) -> Completion:
    """1.7: another model answers under its own name."""
    return {**good, "model": "another/model"}


def _reasoning(good: Completion, asked: Asked) -> Completion:
    """1.7, structured output: content is empty, the JSON stands in `reasoning_content`, finish_reason "stop"."""
    good["choices"][0]["message"]["reasoning_content"] = asked.content
    return _with_content(good, "")


def _fenced(good: Completion, asked: Asked) -> Completion:
    """6: JSON in a Markdown fence."""
    return _with_content(good, f"```json\n{asked.content}\n```")


def _prose(good: Completion, asked: Asked) -> Completion:
    """6: prose around the JSON, with braces of its own."""
    return _with_content(good, f"Sure {{as asked}}, here it is:\n{asked.content}\nAnything else?")


def _broken(good: Completion, asked: Asked) -> Completion:
    """6: JSON that is cut off and cannot be parsed."""
    return _with_content(good, asked.content[:-1] + ', "')


def _broken_until_repair(good: Completion, asked: Asked) -> Completion:
    """6: broken, but for a request that shows the model its own words again."""
    return good if asked.is_repair else _broken(good, asked)


def _violating(rule: Mapping[str, Any]) -> Any:
    if "properties" in rule:
        return {name: _violating(inner) for name, inner in rule["properties"].items()}
    if "maximum" in rule:
        return rule["maximum"] + 1
    if "minimum" in rule:
        return rule["minimum"] - 1
    return "no such word" if "enum" in rule or "number" in _types(rule) or "integer" in _types(rule) else 7


def _schema_violation(good: Completion, asked: Asked) -> Completion:
    """9: valid JSON, outside of what the schema allows: grammars do not enforce minimum and maximum."""
    return _with_content(good, json.dumps(_violating(asked.schema or {"properties": {}})))


def _violating_until_repair(good: Completion, asked: Asked) -> Completion:
    """9: outside of the schema, but for a request that shows the model its own words again."""
    return good if asked.is_repair else _schema_violation(good, asked)


def _nan(good: Completion, asked: Asked) -> Completion:
    """Not in the facts file: every value is NaN, which Python's own parser takes for a number."""
    nothing = {name: float("nan") for name in (asked.schema or {}).get("properties", {})}
    return _with_content(good, json.dumps(nothing))


def _infinity(good: Completion, asked: Asked) -> Completion:
    """Not in the facts file: every value is a number that no float can hold."""
    pairs = ", ".join(f"{json.dumps(name)}: 1e999" for name in (asked.schema or {}).get("properties", {}))
    return _with_content(good, f"{{{pairs}}}")


def _deep(good: Completion, _asked: Asked) -> Completion:
    """Not in the facts file: deeper than a parser likes."""
    return _with_content(good, "[" * 200_000)


def _length(good: Completion, asked: Asked) -> Completion:
    """6: cut off by max_tokens; here the content is whole by luck, finish_reason alone tells."""
    good["choices"][0]["finish_reason"] = "length"
    return _with_content(good, asked.content)


def _silent(good: Completion, _asked: Asked) -> Completion:
    """1.7, streaming: no content and no finish_reason is a failure."""
    good["choices"][0]["finish_reason"] = None
    return _with_content(good, "")


def _empty_content(good: Completion, _asked: Asked) -> Completion:
    """2.5, BT#204: an empty reply that looks like a success."""
    return _with_content(good, "")


def _empty_choices(good: Completion, _asked: Asked) -> Completion:
    """1.10, vault-operator#73: a success without any text."""
    return {**good, "choices": []}


ANSWERS: Mapping[str, Callable[[Completion, Asked], Completion]] = {
    "wrong_model": _wrong_model,
    "reasoning": _reasoning,
    "fenced": _fenced,
    "prose": _prose,
    "broken": _broken,
    "broken_until_repair": _broken_until_repair,
    "schema_violation": _schema_violation,
    "violating_until_repair": _violating_until_repair,
    "nan": _nan,
    "infinity": _infinity,
    "deep": _deep,
    "length": _length,
    "silent": _silent,
    "empty_content": _empty_content,
    "empty_choices": _empty_choices,
    "burn": lambda good, _asked: good,
}
"""Failures whose reply is a completion; "burn" is a good one after `delay_s` seconds of real CPU work."""
