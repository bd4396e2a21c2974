"""The section `mqtt`: a broker that gets readings, states and notices."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from foureyes.config.section import Section, Text, Timeout

Topic = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,7}$")]
"""The first levels of a topic: no wildcards, no empty level."""


class Mqtt(Section):
    """The broker; without a host nothing is published."""

    host: Text | None = Field(None, description="the broker's name or address")
    port: int | None = Field(None, ge=1, le=65535, description="1883, with tls 8883")
    tls: bool = Field(False, description="encrypted, the broker's certificate is checked")
    ca_file: Text | None = Field(None, description="the certificates to check with; the system's by default")
    username: Text | None = None
    password_env: Text = Field("FOUREYES_MQTT_PASSWORD", description="the environment variable with the password")
    topic: Topic = Field("foureyes", description="every topic begins with it")
    discovery: Topic | None = Field(
        "homeassistant", description="the topic of Home Assistant's discovery; null: no"
    )
    readings_on: Literal["look", "change"] = "change"
    refresh_s: float = Field(30.0, ge=1, le=3600, description="an unchanged reading is published again so often")
    qos: Literal[0, 1] = 1
    keepalive_s: int = Field(15, ge=5, le=600, description="after 1.5 times that the broker says that we are gone")
    timeout_s: Timeout = 10.0
    reconnect_s: float = Field(1.0, ge=0.05, le=60, description="after the first failure; doubled each time")
    reconnect_cap_s: float = Field(60.0, ge=0.05, le=3600)
    most_waiting: int = Field(2000, ge=10, le=100_000, description="topics whose newest message waits")

    @property
    def port_in_use(self) -> int:
        """The port of the settings, else the protocol's own."""
        return self.port or (8883 if self.tls else 1883)
