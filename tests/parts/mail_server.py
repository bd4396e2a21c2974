"""A real SMTP server that asks for a password, as a process, and the mails that it took."""

from __future__ import annotations

import json
import sys
from email import message_from_string
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Self

from parts import mail_taker
from parts.program import Program, free_port, wait_until

USER, PASSWORD = "operator", "m41l-s3cret"


class MailServer(Program):
    """Listens on a port of its own; refuses the first `busy` mails for now."""

    def __init__(self, folder: Path, *, busy: int = 0) -> None:
        self._file, self.port = folder / "mails.jsonl", free_port()
        flags = ["--port", str(self.port), "--file", str(self._file), "--busy", str(busy)]
        secret = ["--user", USER, "--password", PASSWORD]
        super().__init__([sys.executable, str(Path(mail_taker.__file__)), *flags, *secret], folder / "mail.log")
        wait_until(lambda: '"listening"' in self.tail(), 60, "the mail server listens")

    @property
    def url(self) -> str:
        """As Apprise takes it."""
        address = f"{USER}:{PASSWORD}@127.0.0.1:{self.port}"
        return f"mailto://{address}/?from=eyes@example.org&to=night@example.org&mode=insecure"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def mails(self) -> list[EmailMessage]:
        """What it took so far."""
        lines = self._file.read_text("utf-8").splitlines() if self._file.exists() else []
        return [message_from_string(json.loads(line), policy=default) for line in lines]
