"""The way in to a daemon's web: its token, told once, and the names under which it answers."""

from __future__ import annotations

import ipaddress
import os
import sys

from foureyes.config import Settings
from foureyes.redaction import hide
from foureyes.telemetry.log import event
from foureyes.telemetry.metrics import Metrics
from foureyes.web.access import AccessRules
from foureyes.web.token import kept_token, token_file


def access_rules(settings: Settings, metrics: Metrics) -> AccessRules:
    """The rules of a daemon's web; a token that is made now is printed, and is in no log ever.

    Raises UsageError where the token is damaged.
    """
    token, is_new = kept_token(settings.state_dir)
    hide(token)
    file = token_file(settings.state_dir)
    if is_new:
        event("web.token_made", f"a token for the web was made; it is in {file}", file=str(file))
        _print(token)
    if not settings.web.is_loopback:
        text = (
            f"other machines can reach {settings.web.host}: they need the token in {file}, and send it unencrypted"
        )
        event("web.open", text, level="warning")
    return AccessRules(token, settings.web, metrics.dropped)


def reachable(host: str) -> str:
    """The address by which commands on this machine reach a server that listens on a host."""
    address = ipaddress.ip_address(host)
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


def _print(token: str) -> None:
    """To whoever started us; the journal of a service manager is a log."""
    if "JOURNAL_STREAM" not in os.environ:
        sys.stderr.write(f"To change anything on the page, or to look from elsewhere, the token is: {token}\n")
        sys.stderr.flush()
