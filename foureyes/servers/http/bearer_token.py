"""The bearer token of a server: from the environment, sent with each request, written nowhere."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from foureyes.exceptions import UnauthorisedError
from foureyes.redaction import hide


@dataclass(frozen=True)
class BearerToken:
    """A token, or none, and the environment variable that it comes from."""

    variable: str | None = None
    value: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls, variable: str | None, environment: Mapping[str, str] = os.environ) -> BearerToken:
        """Read it anew; a variable that is not set is no token.

        Raises UnauthorisedError where no HTTP header can hold what is in it.
        """
        value = environment.get(variable, "").strip() if variable else ""
        hide(value)
        if not (value.isascii() and value.isprintable()):
            raise UnauthorisedError(f"what is in {variable} cannot be a token: put a valid token into it")
        return cls(variable, value)

    @property
    def headers(self) -> dict[str, str]:
        """What goes with each request."""
        return {"Authorization": f"Bearer {self.value}"} if self.value else {}

    @property
    def advice(self) -> str:
        """What to do where the server wants another one."""
        if self.variable is None:
            return "name the environment variable that holds its token (token_env)"
        return f"put a {'valid ' if self.value else ''}token into {self.variable}"
