"""The section `alerts`: what an operator is told of, when, and by which ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from foureyes.config.section import Command, Name, Section, Text, Timeout, WebAddress

Severity = Literal["warning", "critical"]


class RuleSettings(Section):
    """What every rule has. A blip that is over within `hold_s` says nothing."""

    hold_s: float = Field(30.0, ge=0, le=86_400, description="a trouble is told when it has lasted so long")
    recover_s: float = Field(10.0, ge=0, le=86_400, description="well for so long, a trouble is over")
    cooldown_s: float = Field(
        900.0, ge=0, le=604_800, description="least time between two notices of one and the same trouble"
    )
    severity: Severity = "critical"
    channels: list[Name] | None = Field(None, description="who is told; every channel by default")
    only: list[Name] | None = Field(None, description="ids of the sources, servers or tasks; all by default")
    without: list[Name] = Field([], description="ids that it leaves alone, as a source that sleeps by night")


class SourceOffline(RuleSettings):
    """A source gives no new pictures: it is away, hangs or is frozen."""

    when: Literal["source_offline"]


class ServerDown(RuleSettings):
    """A model server does not answer, fails again and again, or lacks a configured model."""

    when: Literal["server_down"]


class BlindTask(RuleSettings):
    """A task is not read."""

    when: Literal["blind_task"]


class Fallback(RuleSettings):
    """A task is read by another model than its first."""

    when: Literal["fallback"]
    hold_s: float = Field(120.0, ge=0, le=86_400, description="a trouble is told when it has lasted so long")
    severity: Severity = "warning"


class Latency(RuleSettings):
    """A task's answers take longer than its target: their p95 over the last `window_s`."""

    when: Literal["latency"]
    hold_s: float = Field(120.0, ge=0, le=86_400, description="a trouble is told when it has lasted so long")
    severity: Severity = "warning"
    window_s: float = Field(300.0, ge=1, le=3600)
    least: int = Field(20, ge=1, le=2000, description="fewer answers in the window tell nothing")
    over: float = Field(1.0, gt=0, le=1000, description="so many times the target is too much")


class ErrorRate(RuleSettings):
    """Requests for a task fail: their share over the last `window_s`."""

    when: Literal["error_rate"]
    severity: Severity = "warning"
    window_s: float = Field(300.0, ge=1, le=3600)
    least: int = Field(20, ge=1, le=2000, description="fewer requests in the window tell nothing")
    above: float = Field(0.1, ge=0, le=1, description="failed requests of all requests")


class Disk(RuleSettings):
    """The disk of the state folder is nearly full."""

    when: Literal["disk"]
    below_mb: int = Field(500, ge=1, le=100_000_000)


class Memory(RuleSettings):
    """The machine or the daemon itself runs out of memory."""

    when: Literal["memory"]
    severity: Severity = "warning"
    below_mb: int = Field(200, ge=1, le=100_000_000, description="less available memory of the machine")


class ReadingMeets(RuleSettings):
    """What is read meets a condition: exactly one of them. A value that is not known meets only `missing`."""

    when: Literal["reading"]
    hold_s: float = Field(0.0, ge=0, le=86_400, description="what is published is confirmed already")
    recover_s: float = Field(0.0, ge=0, le=86_400, description="well for so long, a trouble is over")
    severity: Severity = "warning"
    task: Name
    field: Text
    source: Name | None = Field(None, description="every source by default")
    equals: bool | int | float | Text | None = None
    differs_from: bool | int | float | Text | None = None
    above: float | None = None
    below: float | None = None
    contains: Text | None = Field(None, description="a part of a text, whatever its case")
    missing: Literal[True] | None = Field(None, description="the value is not known")

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        given = [name for name in CONDITIONS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"exactly one of {', '.join(CONDITIONS)}")
        return self


CONDITIONS = ("equals", "differs_from", "above", "below", "contains", "missing")

Rule = SourceOffline | ServerDown | BlindTask | Fallback | Latency | ErrorRate | Disk | Memory | ReadingMeets

_BY_DEFAULT: dict[str, dict[str, Any]] = {
    kind: {"when": kind}
    for kind in (
        "source_offline",
        "server_down",
        "blind_task",
        "fallback",
        "latency",
        "error_rate",
        "disk",
        "memory",
    )
}
"""In force without a line of configuration, each under the name of its kind."""


class ChannelSettings(Section):
    """What every way to an operator has."""

    timeout_s: Timeout = 30.0


class AppriseChannel(ChannelSettings):
    """Mail, chat and push services, by the urls of Apprise; they hold passwords, so the environment has them."""

    kind: Literal["apprise"]
    urls_env: Text = Field(
        "FOUREYES_ALERT_URLS", description="the environment variable with the urls, apart by spaces or lines"
    )


class WebhookChannel(ChannelSettings):
    """A url that notices are posted to as JSON, signed by the rules of standardwebhooks.com."""

    kind: Literal["webhook"]
    url: WebAddress
    secret_env: Text = Field(
        "FOUREYES_WEBHOOK_SECRET", description="the environment variable that holds the secret of the signature"
    )


class CommandChannel(ChannelSettings):
    """A program that gets the notice as JSON on its standard input."""

    kind: Literal["command"]
    command: Command


class MqttChannel(ChannelSettings):
    """The broker of the section `mqtt`: notices go to `<topic>/alert`."""

    kind: Literal["mqtt"]


Channel = AppriseChannel | WebhookChannel | CommandChannel | MqttChannel


class Alerts(Section):
    """What is told, and by which ways; without a channel the log, the page and /api/alerts tell it."""

    rules: dict[Name, Annotated[Rule, Field(discriminator="when")] | None] = Field(
        {},
        validate_default=True,
        description="those of every kind but `reading` are there already, under the kind's name; null: not told",
    )
    channels: dict[Name, Annotated[Channel, Field(discriminator="kind")]] = Field({}, description="by name")
    check_s: float = Field(2.0, ge=0.05, le=300, description="how often the rules look")
    retry_s: float = Field(10.0, ge=0.05, le=3600, description="after the first failure; doubled each time")
    retry_cap_s: float = Field(600.0, ge=0.05, le=86_400, description="longest pause between two attempts")
    keep_s: float = Field(86_400.0, ge=1, le=2_592_000, description="an undelivered notice is given up after that")
    most_waiting: int = Field(100, ge=1, le=10_000, description="undelivered notices of a channel; the oldest go")
    most_an_hour: int = Field(60, ge=1, le=10_000, description="notices; those beyond are logged and counted")

    @field_validator("rules", mode="before")
    @classmethod
    def _over_defaults(cls, given: Any) -> Any:
        """Say of a rule of the defaults only what differs."""
        if not isinstance(given, Mapping):
            return given
        return {**_BY_DEFAULT, **{name: _completed(name, rule) for name, rule in given.items()}}

    @model_validator(mode="after")
    def _known_channels(self) -> Self:
        for name, rule in self.in_force.items():
            if unknown := [each for each in rule.channels or () if each not in self.channels]:
                known = ", ".join(self.channels) or "none is configured"
                raise ValueError(
                    f"rules.{name}.channels: the unknown channel {unknown[0]!r}; known channels: {known}"
                )
        return self

    @property
    def in_force(self) -> dict[str, Rule]:
        """The rules that are not switched off, by their names."""
        return {name: rule for name, rule in self.rules.items() if rule is not None}


def _completed(name: str, rule: Any) -> Any:
    default = _BY_DEFAULT.get(name)
    return {**default, **rule} if default is not None and isinstance(rule, Mapping) else rule
