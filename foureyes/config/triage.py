"""The section `triage`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from foureyes.config.section import Command, Section, Text, Timeout, WebAddress


class Webhook(Section):
    """A url that cases are posted to, signed by the rules of standardwebhooks.com."""

    url: WebAddress
    secret_env: Text = Field(
        "FOUREYES_WEBHOOK_SECRET", description="the environment variable that holds the secret of the signature"
    )
    timeout_s: Timeout = 10.0
    attempts: int = Field(4, ge=1, le=20)
    first_wait_s: float = Field(1.0, ge=0.01, le=60, description="before the second attempt; doubled each time")


class Reproduction(Section):
    """Tests that are made of recorded faults, and run to see whether they show them."""

    enabled: bool = True
    most_an_hour: int = Field(60, ge=0, le=10_000, description="reproductions that are made in an hour")
    timeout_s: float = Field(30.0, ge=1, le=3600, description="what one run may take before it is killed")
    memory_mb: int = Field(4000, ge=256, le=1_000_000, description="memory that one run may reserve")
    hand_over_after_s: float = Field(
        60.0, ge=0, le=86_400, description="a case waits so long for its reproduction, then goes without it"
    )
    keep_days: float = Field(30.0, gt=0, le=3650)
    max_mb: int = Field(500, ge=1, le=100_000, description="of the reproductions, and of recorded arguments")


class Triage(Section):
    """Which recorded faults become cases, and to whom a case is handed: any of a command, a webhook, a folder."""

    command: Command | None = Field(None, description="argument list; the path of the case file is put behind it")
    command_timeout_s: float = Field(600.0, ge=1, le=86_400)
    webhook: Webhook | None = None
    folder: Path | None = Field(None, description="each case is written there as <id>.json")
    reproduction: Reproduction = Reproduction()
    window_s: float = Field(300.0, ge=1, le=86_400)
    failures: int = Field(3, ge=2, le=1_000_000, description="alike faults in the window that make a case")
    recurring: int = Field(10, ge=2, le=1_000_000, description="alike faults over more than one window likewise")
    components: int = Field(3, ge=2, le=1000, description="components with the same kind of fault likewise")
    cooldown_s: float = Field(
        86_400.0, ge=0, le=31_536_000, description="least time between two cases of a group that came back"
    )
    most_a_day: int = Field(10, ge=0, le=10_000, description="hand-overs in 24 hours")
    attempts: int = Field(5, ge=1, le=100, description="hand-overs of one case that may fail")
    retry_s: float = Field(60.0, ge=0.1, le=86_400, description="after the first failure; doubled each time")
    keep_days: float = Field(
        30.0, gt=0, le=3650, description="a case's files are kept so long, and a fix is looked for"
    )
    check_s: float = Field(5.0, ge=0.1, le=300)
    project: Path | None = Field(
        None, description="the source tree that fixes are for; without it the tree that FourEyes runs from"
    )
    project_max_mb: int = Field(
        500, ge=1, le=100_000, description="a larger project is not copied for verification"
    )
    verify_command: Command | None = Field(
        None,
        description="argument list of the project's tests, run in a copy with the fix; its exit code 0 is wanted",
    )
    verify_timeout_s: float = Field(1800.0, ge=1, le=86_400)
