"""obsws-python without its traps: an answer belongs to its request, every wait ends, nothing secret is logged."""

from __future__ import annotations

import json
import logging
import socket
import time
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from obsws_python.baseclient import ObsClient
from obsws_python.error import OBSSDKError, OBSSDKRequestError, OBSSDKTimeoutError
from obsws_python.reqs import ReqClient
from websocket import (
    WebSocket,
    WebSocketConnectionClosedException,
    WebSocketException,
    WebSocketTimeoutException,
)

from foureyes.exceptions import (
    SourceError,
    SourceHungError,
    SourceLostError,
    SourcePasswordError,
    SourceRefusedError,
)

PASSWORD_VARIABLE = "FOUREYES_OBS_PASSWORD"  # noqa: S105 - the variable's name, not what it holds
_OP_ANSWER = 7

# The library logs the password in clear when it connects and a traceback for every refused request; what is worth
# telling is in the errors below.
for _name in ("obsws_python", "websocket"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)
    logging.getLogger(_name).propagate = False


class ObsRequestError(Exception):
    """OBS answered that it cannot do what was asked; `code` is its own (600: there is no such thing)."""

    def __init__(self, request: str, code: int, comment: str) -> None:
        self.code, self.comment = code, comment
        super().__init__(f"{request} got code {code}: {comment}")


class _Wire(ObsClient):  # type: ignore[misc] # obsws-python ships no types
    """The library's connection, but one that hands an answer only to its own request."""

    def __init__(self, host: str, port: int, password: str, timeout_s: float) -> None:
        # in place of the library's own, which logs the password and asks the environment's proxy for 127.0.0.1
        self.logger = logging.getLogger("obsws_python.baseclient")
        self.password, self.subs, self.timeout = password, 0, timeout_s
        self.ws = WebSocket()
        with ExitStack() as undo:
            stream = socket.create_connection((host, port), timeout_s)
            undo.callback(stream.close)
            address = f"[{host}]" if ":" in host else host
            url = f"ws://{address}:{port}"
            self.ws.connect(url, socket=stream, redirect_limit=0)  # type: ignore[no-untyped-call] # has no types
            self.server_hello = json.loads(self.ws.recv())
            undo.pop_all()

    def req(self, req_type: str, req_data: Mapping[str, Any] | None = None) -> Any:
        """Send one request and return its answer; events and answers to earlier requests are passed over."""
        request_id = uuid.uuid4().hex
        ends_s = time.monotonic() + self.timeout
        data = {"requestType": req_type, "requestId": request_id, "requestData": req_data or {}}
        self.ws.settimeout(self.timeout)
        self.ws.send(json.dumps({"op": 6, "d": data}))
        while (message := self._next(ends_s))["op"] != _OP_ANSWER or message["d"]["requestId"] != request_id:
            pass
        return message["d"]

    def _next(self, ends_s: float) -> Any:
        remaining_s = ends_s - time.monotonic()
        if remaining_s <= 0:
            raise WebSocketTimeoutException("no answer among the messages that came")
        self.ws.settimeout(remaining_s)
        text = self.ws.recv()
        if not text:  # a close frame
            raise WebSocketConnectionClosedException("closed by OBS")
        return json.loads(text)

    def hang_up(self) -> None:
        """Close the socket without the closing handshake, which a hung OBS would make us wait for."""
        self.ws.shutdown()  # type: ignore[no-untyped-call] # has no types


class _Client(ReqClient):  # type: ignore[misc] # obsws-python ships no types
    def __init__(self, wire: _Wire) -> None:
        self.logger = logging.getLogger("obsws_python.reqs")
        self.base_client = wire

    def __repr__(self) -> str:
        return "_Client()"  # the library's own shows the password


class ObsConnection:
    """One identified connection to OBS, for one thread. After any SourceError it is of no use: `close` it."""

    def __init__(self, host: str, port: int, password: str, timeout_s: float) -> None:
        """Connect and identify. Raises a SourceError: refused, password, hung or lost."""
        self._where = f"{host}:{port}"
        self._timeout_s = timeout_s
        self.answered: dict[str, Mapping[str, Any]] = {}
        """The last answer to each kind of request: what a reproduction replays."""
        self._client = self._connect(host, port, password)

    def _connect(self, host: str, port: int, password: str) -> _Client:
        try:
            wire = _Wire(host, port, password, self._timeout_s)
        except (WebSocketTimeoutException, TimeoutError) as error:
            raise self._hung() from error
        except OSError as error:
            raise SourceRefusedError(
                f"nobody answers at {self._where}; start OBS and enable its WebSocket server (Tools menu, "
                "WebSocket Server Settings), or correct host and port of the source"
            ) from error
        except (WebSocketException, ValueError) as error:
            raise self._stranger() from error
        try:
            self._identify(wire)
        except BaseException:
            wire.hang_up()
            raise
        return _Client(wire)

    def _identify(self, wire: _Wire) -> None:
        guarded = "authentication" in self._hello(wire)
        try:
            wire.authenticate()
        except WebSocketTimeoutException as error:
            raise self._hung() from error
        except (OSError, WebSocketException) as error:
            raise self._lost() from error
        except (OBSSDKError, KeyError, TypeError, ValueError) as error:
            raise self._locked(given=bool(wire.password)) if guarded else self._stranger() from error

    def _hello(self, wire: _Wire) -> Mapping[str, Any]:
        hello = wire.server_hello.get("d") if isinstance(wire.server_hello, dict) else None
        if not isinstance(hello, dict):
            raise self._stranger()
        return hello

    def ask(self, request: str, **data: Any) -> Mapping[str, Any]:
        """Return the answer's data. Raises ObsRequestError where OBS refuses, SourceError where nothing came."""
        try:
            answer = self.answered[request] = self._client.send(request, data, raw=True) or {}
        except OBSSDKRequestError as error:
            raise ObsRequestError(request, error.code, str(error).partition("With message: ")[2]) from error
        except (OBSSDKTimeoutError, WebSocketTimeoutException, TimeoutError) as error:
            raise self._hung() from error
        except (OSError, WebSocketException, OBSSDKError, KeyError, TypeError, ValueError) as error:
            raise self._lost() from error
        return answer

    def close(self) -> None:
        """Let go of the connection; may be called twice."""
        self._client.base_client.hang_up()

    def _hung(self) -> SourceError:
        return SourceHungError(
            f"OBS at {self._where} did not answer within {self._timeout_s:g} s; a new connection is tried"
        )

    def _lost(self) -> SourceError:
        return SourceLostError(f"the connection to OBS at {self._where} broke; a new one is tried")

    def _stranger(self) -> SourceError:
        return SourceRefusedError(
            f"what answers at {self._where} is not the WebSocket server of OBS; correct the source's address"
        )

    def _locked(self, *, given: bool) -> SourceError:
        what = "refuses the password that" if given else "wants a password, and none is given;"
        then = f"{PASSWORD_VARIABLE} holds; set it to" if given else f"set {PASSWORD_VARIABLE} to"
        return SourcePasswordError(f"OBS at {self._where} {what} {then} the one in its WebSocket Server Settings")
