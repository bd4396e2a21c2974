"""OBS as a source: a scene or input by name, or whatever is on program now."""

from __future__ import annotations

import base64
import binascii
import io
import random
import time
from collections.abc import Callable
from typing import Any

from PIL import Image, UnidentifiedImageError
from pydantic import SecretStr

from foureyes.config.settings import ObsSource as ObsSettings
from foureyes.exceptions import SourceError, SourceMissingError, SourceUnreadableError
from foureyes.frames.sources.backoff import Backoff
from foureyes.frames.sources.obs_client import ObsConnection, ObsRequestError
from foureyes.picture import Picture

_NOT_FOUND = 600
_PIL_NAMES = {"jpg": "JPEG", "png": "PNG"}


class ObsSource:
    """Pictures from OBS's WebSocket server, one request under way at most.

    Without a scene in the settings the current program scene is asked for at every look (0.3 ms of CPU), so that a
    picture is never of a scene that has gone. Without a size, OBS gives a scene at
    canvas size and an input at its own.
    A failure is followed by a pause of 1 to 30 s (with jitter) in which `grab` raises the last error at once.
    """

    kind = "obs"
    finite = False

    def __init__(
        self,
        settings: ObsSettings,
        *,
        obs_password: str,
        now: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._password = SecretStr(obs_password)
        self._backoff = Backoff(now=now, rng=rng)
        self._connection: ObsConnection | None = None
        self._last: tuple[str, Picture] | None = None

    @property
    def description(self) -> str:
        """What is watched, for people."""
        what = f"scene {self._settings.scene!r}" if self._settings.scene else "the program scene"
        return f"{what} of OBS at {self._settings.host}:{self._settings.port}"

    def grab(self) -> Picture:
        """Return the picture as OBS shows it now, connecting first where needed; equal bytes, the same object.

        Raises SourceRefusedError, SourcePasswordError, SourceMissingError, SourceHungError, SourceLostError or
        SourceUnreadableError.
        """
        self._backoff.check()
        try:
            picture = self._picture(self._connected())
        except SourceMissingError as error:
            self._backoff.succeeded()  # OBS answers: what is missing is looked for again after the shortest pause
            self._backoff.failed(error)
            raise
        except SourceError as error:
            self._hang_up()
            self._backoff.failed(error)
            raise
        self._backoff.succeeded()
        return picture

    def close(self) -> None:
        """Let go of the connection; may be called twice."""
        self._hang_up()

    def _connected(self) -> ObsConnection:
        if self._connection is None:
            settings, password = self._settings, self._password.get_secret_value()
            self._connection = ObsConnection(settings.host, settings.port, password, settings.timeout_s)
        return self._connection

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _picture(self, obs: ObsConnection) -> Picture:
        try:
            name = self._settings.scene or str(obs.ask("GetCurrentProgramScene")["currentProgramSceneName"])
            text = str(obs.ask("GetSourceScreenshot", **self._wanted(name))["imageData"])
        except ObsRequestError as error:
            raise self._refusal(obs, error) from error
        except KeyError as error:
            raise SourceUnreadableError(
                f"{self.description} gave an answer without {error}; update OBS"
            ) from error
        if self._last is None or self._last[0] != text:
            self._last = text, self._checked(text)
        return self._last[1]

    def _wanted(self, name: str) -> dict[str, Any]:
        settings = self._settings
        wanted: dict[str, Any] = {"sourceName": name, "imageFormat": settings.image_format}
        if settings.image_format == "jpg":
            wanted["imageCompressionQuality"] = settings.jpeg_quality
        if settings.size is not None:
            wanted["imageWidth"], wanted["imageHeight"] = settings.size
        return wanted

    def _checked(self, text: str) -> Picture:
        """Return the answer as a picture; it must be of the format that was asked for, and not over the size."""
        try:
            data = base64.b64decode(text.partition(",")[2], validate=True)
            with Image.open(io.BytesIO(data)) as image:
                kind, (width, height) = image.format, image.size
        except (binascii.Error, UnidentifiedImageError, OSError, ValueError) as error:
            raise SourceUnreadableError(f"{self.description} gave something that is no picture") from error
        most_width, most_height = self._settings.size or (width, height)
        if kind != _PIL_NAMES[self._settings.image_format] or width > most_width or height > most_height:
            asked = f"{self._settings.image_format}, at most {most_width}x{most_height}"
            raise SourceUnreadableError(
                f"{self.description} gave a {kind} of {width}x{height} instead of a {asked}; it was discarded"
            )
        return Picture(encoded=data)

    def _refusal(self, obs: ObsConnection, error: ObsRequestError) -> SourceError:
        if error.code != _NOT_FOUND:
            return SourceUnreadableError(f"{self.description} gave no picture: {error}")
        return SourceMissingError(f"OBS has no scene or input called {self._settings.scene!r}; {_known(obs)}")


def _known(obs: ObsConnection) -> str:
    try:
        scenes = [str(scene["sceneName"]) for scene in obs.ask("GetSceneList")["scenes"]]
        inputs = [str(entry["inputName"]) for entry in obs.ask("GetInputList")["inputs"]]
    except (ObsRequestError, KeyError) as error:
        return f"what it has could not be listed ({error})"
    return f"it has {', '.join(repr(name) for name in scenes + inputs)}"
