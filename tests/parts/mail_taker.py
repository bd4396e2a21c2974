"""A program that takes mails by SMTP from who knows the password, and keeps them; see parts.mail_server."""

from __future__ import annotations

import argparse
import asyncio
import json
import warnings
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Taker:
    """Refuses the first `busy` mails for now, and keeps the others as JSON lines."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.seen = 0

    def authenticated(
        self, _server: object, _session: Session, _envelope: Envelope, _mechanism: str, data: object
    ) -> AuthResult:
        """Whether who sends knows the password."""
        assert isinstance(data, LoginPassword)
        given = [data.login.decode(), data.password.decode()]
        return AuthResult(success=given == [self.options.user, self.options.password])

    async def handle_DATA(self, _server: object, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Called by the server for each mail."""
        self.seen += 1
        if self.seen <= self.options.busy:
            return "451 come again later"
        assert isinstance(envelope.content, bytes)
        with self.options.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(envelope.content.decode("utf-8", "replace")) + "\n")
        return "250 taken"


async def serve(options: argparse.Namespace) -> None:
    taker = Taker(options)

    def made() -> SMTP:
        return SMTP(taker, authenticator=taker.authenticated, auth_required=True, auth_require_tls=False)

    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", options.port)
    print(json.dumps({"event": "listening"}), flush=True)  # noqa: T201 - what the test waits for
    await server.serve_forever()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--busy", type=int, required=True)
    warnings.simplefilter("ignore")  # a password without TLS, on loopback
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
