"""Every setting, typed, with its unit, range and default: YAML file, environment and command line.

Precedence: command line, environment `FOUREYES_<SECTION>__<FIELD>`, file, default.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import platformdirs
from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from foureyes.config.alerts import Alerts
from foureyes.config.mongo import Mongo
from foureyes.config.mqtt import Mqtt
from foureyes.config.section import (
    Command,
    Fps,
    Interval,
    ModelId,
    Name,
    Rect,
    Section,
    TaskRegions,
    Text,
    Timeout,
    Url,
)
from foureyes.config.triage import Triage
from foureyes.config.web import Web

PORT = "{port}"
"""Stands for the port in the command of a server."""


class SourceSettings(Section):
    """What every source has."""

    id: Name = "main"
    fps: Fps = 3.0
    tasks: list[Name] | None = Field(None, description="the tasks that look at this source; all by default")
    masks: list[Rect] = Field([], description="painted over before anything else sees the frame")
    regions: dict[str, TaskRegions] = Field({}, description="regions of this source by task, over the task's own")


class AutoSource(SourceSettings):
    """OBS where one answers, else the screen where there is one, else the demo."""

    kind: Literal["auto"]


class ObsSource(SourceSettings):
    """A scene or input of OBS by name, or the current program scene; password: FOUREYES_OBS_PASSWORD."""

    kind: Literal["obs"]
    host: str = "127.0.0.1"
    port: int = Field(4455, ge=1, le=65535)
    scene: Text | None = Field(None, description="scene or source by name; the current program scene by default")
    size: tuple[int, int] | None = Field(None, description="width, height in pixels; the canvas size by default")
    image_format: Literal["jpg", "png"] = "jpg"
    jpeg_quality: int = Field(90, ge=1, le=100)
    timeout_s: Timeout = 5.0

    @model_validator(mode="after")
    def _size_in_bounds(self) -> Self:
        if self.size is not None and not all(8 <= side <= 4096 for side in self.size):
            raise ValueError("size: OBS gives pictures of 8 to 4096 pixels a side")
        return self


class ScreenSource(SourceSettings):
    """The screen, through mss: one monitor (1 is the first, 0 all together) or a rectangle in pixels."""

    kind: Literal["screen"]
    monitor: int = Field(1, ge=0, le=64)
    rect: tuple[int, int, int, int] | None = Field(None, description="x, y, width, height in pixels")


class VideoSource(SourceSettings):
    """A video file that OpenCV can open, at its own rate (real time) or every frame as fast as it is asked for."""

    kind: Literal["video"]
    path: Path
    pace: Literal["own", "fast"] = "own"


class ImagesSource(SourceSettings):
    """The pictures of a folder in the order of their names."""

    kind: Literal["images"]
    path: Path


class ReplaySource(SourceSettings):
    """What `foureyes record DIR` kept, at the recorded times or as fast as it is asked for."""

    kind: Literal["replay"]
    path: Path
    pace: Literal["own", "fast"] = "own"


class DemoSource(SourceSettings):
    """A drawn scene with known truth, the same for the same seed."""

    kind: Literal["demo"]
    seed: int = Field(1, ge=0, le=2**32 - 1)


Source = AutoSource | ObsSource | ScreenSource | VideoSource | ImagesSource | ReplaySource | DemoSource


class Restarts(Section):
    """When a server that fails again and again is left in peace for a while."""

    degraded_after: int = Field(3, ge=1, le=100, description="failures in the window that make it degraded")
    most: int = Field(5, ge=1, le=1000, description="restarts in the window")
    window_s: float = Field(600.0, ge=1, le=86_400)
    cap_s: float = Field(300.0, ge=1, le=3600, description="longest pause between two attempts")
    stable_s: float = Field(60.0, ge=1, le=3600, description="ready for so long, its failures are forgiven")


class Recycling(Section):
    """When a server's models are loaded anew although nothing is wrong: their engines leak; off by default."""

    after_images: int | None = Field(None, ge=1)
    above_mb: int | None = Field(None, ge=1, description="resident memory of the server's whole process tree")


class Breaker(Section):
    """When a server that fails is not asked for a while."""

    failures: int = Field(5, ge=1, le=1000, description="in a row")
    open_s: float = Field(30.0, ge=0.1, le=3600)
    probes: int = Field(2, ge=1, le=100, description="successes that close it, and at most so many at once")


class ServerSettings(Section):
    """What every model server has."""

    id: Name = "engine"
    start_timeout_s: Timeout = 30.0
    load_timeout_s: float = Field(
        300.0, ge=1, le=3600, description="for one model, and for a start that makes progress"
    )
    check_s: Interval = 10.0
    probe_s: Interval = Field(60.0, description="without a real answer for so long, a model is probed")
    max_requests: int = Field(10, ge=1, le=1000, description="requests at once")
    restarts: Restarts = Restarts()
    recycling: Recycling = Recycling()
    breaker: Breaker = Breaker()


class EngineServer(ServerSettings):
    """The engine that ships with FourEyes, started as a child; with a url it is one that runs already."""

    kind: Literal["engine"] = "engine"
    url: Url | None = None
    threads: int = Field(2, ge=1, le=64, description="threads that look for text")


class LanguageServer(ServerSettings):
    """What the servers of language models have in common."""

    url: Url
    token_env: str | None = Field(None, description="the environment variable that holds the bearer token")
    max_edge_px: int = Field(1024, ge=64, le=8192, description="longest side of a picture that is sent")
    command: Command | None = Field(
        None, description="argument list that starts it; {port} is the url's port or a free one"
    )

    @property
    def takes_any_port(self) -> bool:
        """Whether its command is told the port, so that another one will do."""
        return any(PORT in word for word in self.command or ())


class LmStudioServer(LanguageServer):
    """LM Studio: attached, its background service steered by `lms` (own: daemon), or a command of yours."""

    kind: Literal["lmstudio"]
    url: Url = "http://127.0.0.1:1234"
    token_env: str | None = "LM_API_TOKEN"  # noqa: S105 - the name of a variable
    own: Literal["attached", "daemon"] = "attached"
    lms: str = Field("lms", description="the command line tool of LM Studio")
    context_length: int | None = Field(8192, ge=512, description="asked for when a model is loaded")

    @model_validator(mode="after")
    def _one_owner(self) -> Self:
        if self.own == "daemon" and self.command is not None:
            raise ValueError("own: daemon steers LM Studio by lms, and command starts it: choose one")
        return self


class LlamaServer(LanguageServer):
    """llama.cpp's llama-server, with one model or as a router: attached, or a command of yours."""

    kind: Literal["llama-server"]
    url: Url = "http://127.0.0.1:8080"


class OpenAiServer(LanguageServer):
    """Anything that speaks OpenAI's routes: Ollama, vLLM, llama-swap and others."""

    kind: Literal["openai"]


class AutoServer(LanguageServer):
    """Whatever answers at the url: found out by its body."""

    kind: Literal["auto"]


Server = EngineServer | LmStudioServer | LlamaServer | OpenAiServer | AutoServer


class Model(Section):
    """One model: which server serves it, and under which id."""

    model_id: ModelId
    server: Name = "engine"
    size: Text | None = Field(None, description="a label for people; the server knows the real size")
    latency_target_ms: float | None = Field(None, gt=0)
    device: Text | None = None
    prompt: Text | None = None


class Task(Section):
    """Something to read: the models in order of preference, a prompt and the JSON Schema of the answer."""

    models: list[Name] = Field(min_length=1)
    answer: dict[str, Any] = Field(alias="schema")
    confirm_with: Name | None = Field(
        None, description="a model that reads the same pictures beside the clock: what it reads otherwise is null"
    )
    reads: Literal[1, 2] = Field(
        2,
        description="a changed number, amount or time is read twice by a language model, the second time from a "
        "padded picture: up to two requests a change. 1: one request, and what it misreads is published",
    )
    agree_within_s: float = Field(
        1.0, ge=0, le=60, description="the last value stands so long while a changed one is in doubt; then null"
    )
    accept_step_after_s: float | None = Field(
        10.0, ge=0, le=3600, description="a value beyond x-max-step that stands so long is no slip; null: never"
    )
    prompt: Text | None = Field(None, description="the model's own prompt by default")
    latency_target_ms: float | None = Field(None, gt=0)
    regions: TaskRegions = Field({}, description="rectangles by field; `*` is the whole task")
    fps: Fps | None = Field(None, description="looks a second; every frame by default")
    timeout_s: Timeout = 30.0
    attempts: int = Field(3, ge=1, le=10)
    temperature: float = Field(0.1, ge=0, le=2)
    max_tokens: int = Field(500, ge=1, le=1_000_000)
    min_confidence: float = Field(0.5, ge=0, le=1, description="answers below are not cached")
    reread_s: float = Field(60.0, ge=1, le=3600, description="a held field is really read again this often")
    check_regions_s: float | None = Field(
        300.0,
        ge=1,
        le=86_400,
        description="what has regions is read on the whole picture so often; null: never",
    )
    max_age_s: float = Field(30.0, ge=1, le=600, description="an answer older than this is not published")
    combine: bool = Field(False, description="go as one request with other tasks of the same picture and model")


class Capture(Section):
    """What happens to captured pictures."""

    keep_frames: Literal["allowed", "never"] = Field(
        "allowed", description="never: no picture is written to disk, and `foureyes record` refuses"
    )
    stall_s: float = Field(10.0, ge=1, le=300, description="no progress for this long is a stall")
    frozen_after_s: float | None = Field(
        None, ge=1, le=3600, description="identical pictures for this long are a frozen source; off by default"
    )
    still_s: float = Field(
        5.0,
        ge=1,
        le=600,
        description="frozen too: identical pictures for this long while what is read says moving, or an x-clock "
        "that stands this long after it should have gone on",
    )


class Cache(Section):
    """Answers kept by the digest of what was looked at."""

    ttl_s: float = Field(5.0, ge=0, le=600)
    max_entries: int = Field(100, ge=1, le=100_000)


LogLevel = Literal["debug", "info", "warning", "error"]


class Log(Section):
    """What the console shows, and the log files, which have each request too."""

    level: LogLevel = "info"
    file_level: LogLevel = "debug"
    folder: Path | None = Field(None, description="`logs` in the state folder by default")
    max_bytes: int = Field(10_000_000, ge=10_000)
    keep: int = Field(5, ge=1, le=1000)
    keep_errors: int = Field(10, ge=1, le=1000)


class Errors(Section):
    """Recorded faults: how they are grouped, and how much of them is kept in the state folder."""

    window_s: float = Field(
        300.0, ge=1, le=86_400, description="alike faults closer than this are one storm: most of them only count"
    )
    keep_days: float = Field(14.0, gt=0, le=3650)
    max_mb: int = Field(200, ge=1, le=100_000)
    keep_pictures_days: float = Field(7.0, gt=0, le=3650)
    max_pictures_mb: int = Field(500, ge=1, le=100_000)
    breadcrumbs: int = Field(30, ge=0, le=200, description="lines of the log that are kept with a fault")


class Resources(Section):
    """The daemon's own use of the machine, and what it does when the machine runs short."""

    check_s: Interval = 30.0
    memory_limit_mb: int = Field(
        2048, ge=128, description="the daemon's own memory: a warning at 80 %, caches are let go at 90 %"
    )
    sample_s: Interval = Field(5.0, description="how often the machine's memory and processors are looked at")
    available_mb: int = Field(500, ge=0, description="less available memory is pressure")
    cpu_percent: float = Field(90.0, ge=1, le=100, description="busier processors are pressure")
    dwell_s: float = Field(30.0, ge=1, le=3600, description="least time between two steps of degrading")
    max_waiting: int = Field(100, ge=1, le=10_000, description="requests of operators waiting for one server")
    client_idle_s: float = Field(600.0, ge=1, le=86_400, description="an unused connection pool is closed")


def default_state_dir() -> Path:
    """Where state lives: systemd's StateDirectory, else the user's state folder."""
    given = os.environ.get("STATE_DIRECTORY")
    return Path(given.split(":")[0]) if given else Path(platformdirs.user_state_dir("foureyes", appauthor=False))


class Settings(BaseSettings):
    """The whole configuration of one daemon."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="FOUREYES_", env_nested_delimiter="__", env_ignore_empty=True
    )

    sources: list[Annotated[Source, Field(discriminator="kind")]] = Field(
        [AutoSource(kind="auto")], min_length=1, description="what is watched; each has a clock of its own"
    )
    servers: list[Annotated[Server, Field(discriminator="kind")]] = Field(
        [EngineServer()], description="what serves models; the engine alone by default"
    )
    models: dict[Name, Model]
    tasks: dict[Name, Task] = Field(min_length=1)
    state_dir: Path = Field(
        default_factory=default_state_dir,
        description="where lock, logs, faults and all that is kept lie; the user's state folder by default, of a "
        "service systemd's StateDirectory",
    )
    capture: Capture = Capture()
    cache: Cache = Cache()
    web: Web = Web()
    log: Log = Log()
    resources: Resources = Resources()
    errors: Errors = Errors()
    mongo: Mongo = Mongo()
    triage: Triage = Triage()
    alerts: Alerts = Alerts()
    mqtt: Mqtt = Mqtt()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the base class's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line before environment; the file comes in through `settings.load`."""
        return init_settings, env_settings


def obs_password() -> str:
    """The OBS password; it comes from the environment and from nowhere else."""
    return os.environ.get("FOUREYES_OBS_PASSWORD", "")
