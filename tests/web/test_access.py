"""Who may do what, asked of a real daemon: without the token, with it, from elsewhere, by another site's page."""

from __future__ import annotations

import http.client
import itertools
import json
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from parts.direct import DIRECT
from parts.faulty import events
from parts.foureyes import foureyes
from parts.watched import Watched, drawn, task, watching

from foureyes.config import load_settings
from foureyes.daemon.entrance import access_rules
from foureyes.errors.spool import spool_file
from foureyes.exceptions import UsageError
from foureyes.picture import encode_png
from foureyes.telemetry.metrics import Metrics
from foureyes.web.token import kept_token, token_file

NAME = "foureyes.example"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - the point


def elsewhere(address: str) -> dict[str, str]:
    """As a proxy on this machine hands on the request of somebody else."""
    return {"X-Forwarded-For": address}


def own_address() -> str | None:
    """An address of this machine that is not loopback's."""
    found = (each for addresses in psutil.net_if_addrs().values() for each in addresses)
    return next(
        (each.address for each in found if each.family == socket.AF_INET and each.address[:4] != "127."), None
    )


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    names = [NAME, *filter(None, [own_address()])]
    folder = tmp_path_factory.mktemp("access")
    settings = {"FOUREYES_WEB__HOST": EVERYWHERE, "FOUREYES_WEB__ALLOWED_HOSTS": json.dumps(names)}
    with watching(folder, {"calm": task()}, ({},), **settings) as running:
        yield running


def ask(watched: Watched, method: str, route: str, url: str | None = None, **options: Any) -> httpx.Response:
    return httpx.request(method, (url or watched.daemon.url) + route, **DIRECT, timeout=10, **options)


def test_loopback_looks_without_a_token(watched: Watched) -> None:
    """On this machine everything may be seen, and a picture of one's own be read, with no token at all."""
    for route in (
        "/",
        "/health",
        "/ready",
        "/metrics",
        "/api/status",
        "/api/readings",
        "/api/frame",
        "/api/pause",
    ):
        assert ask(watched, "GET", route).status_code == 200, route
    headers = {"Content-Type": "image/png"}
    read = ask(watched, "POST", "/api/analyze", content=encode_png(drawn("mine")), headers=headers)
    assert read.status_code == 200


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer wrong", "Basic {token}", "{token}", "Bearer {token}x"])
def test_changing_anything_needs_the_token(watched: Watched, shown: str) -> None:
    """Without it, with another one or otherwise the answer is 401, says what to do, and nothing has changed."""
    token = watched.daemon.proof["Authorization"].removeprefix("Bearer ")
    headers = {"Authorization": shown.format(token=token)} if shown else {}
    for route in ("/api/pause", "/api/resume"):
        refused = ask(watched, "POST", route, json={}, headers=headers)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert "web-token" in refused.json()["error"]["message"]
    assert ask(watched, "DELETE", "/api/session", headers=headers).status_code == 401
    assert watched.daemon.get("/api/pause") == {"sources": {}}


@pytest.mark.parametrize(
    "path",
    ["/api/try/../pause", "/api/try/%2e%2e/pause", "//api/pause", "/static/../api/pause", "/api/analyze/../pause"],
)
def test_no_spelling_of_a_path_goes_round_the_token(watched: Watched, path: str) -> None:
    """What begins like a route that changes nothing is none: the path is never put together anew."""
    url = httpx.URL(watched.daemon.url)
    connection = http.client.HTTPConnection(url.host, url.port or 80, timeout=10)
    connection.request("POST", path, "{}", {"Content-Type": "application/json"})
    assert connection.getresponse().status in {401, 404, 405}
    connection.close()
    assert watched.daemon.get("/api/pause") == {"sources": {}}


def test_a_body_that_is_none_is_called_so(watched: Watched) -> None:
    """A fault of the whole body names the body; one inside it names its place."""
    for document, place in ((None, "the body: "), ({"source": 1}, "source: ")):
        refused = watched.daemon.post("/api/pause", document)
        assert refused.status_code == 400
        assert refused.json()["error"]["message"].startswith(place)


@pytest.mark.parametrize("told", [True, False], ids=["length told", "length found out"])
def test_what_is_too_large_is_refused_in_a_sentence_and_no_fault(watched: Watched, *, told: bool) -> None:
    """A body beyond the bound is not taken in, whoever sends it; who may not change anything hears that first."""
    body = b'{"token": "' + b"x" * 300_000 + b'"}'
    headers = {"Content-Type": "application/json"}

    def sent(route: str, **proof: str) -> httpx.Response:
        return ask(watched, "POST", route, content=body if told else iter([body]), headers=headers | proof)

    for refused in (sent("/api/session"), sent("/api/pause", **watched.daemon.proof)):
        assert refused.status_code == 413
        assert "bytes" in refused.json()["error"]["message"]
        assert refused.headers["x-content-type-options"] == "nosniff"
    assert sent("/api/pause").status_code == 401
    assert not events(watched.daemon.state_dir)


def test_any_other_address_needs_the_token(watched: Watched) -> None:
    """From elsewhere nothing is seen but the page itself with nothing on it, until the token is shown."""
    for route in ("/health", "/metrics", "/api/readings", "/api/frame", "/events"):
        assert ask(watched, "GET", route, headers=elsewhere("203.0.113.1")).status_code == 401, route
    for route in ("/", "/static/page.css"):
        assert ask(watched, "GET", route, headers=elsewhere("203.0.113.1")).status_code == 200
    headers = elsewhere("203.0.113.1") | watched.daemon.proof
    assert ask(watched, "GET", "/api/readings", headers=headers).status_code == 200


@pytest.mark.parametrize("name", ["X-Forwarded-Server", "X-Client-IP", "CF-Connecting-IP", "Via"])
def test_whatever_a_proxy_says_of_itself_is_heard(watched: Watched, name: str) -> None:
    """A proxy on this machine does not make its clients local, whichever of its headers it sends."""
    assert ask(watched, "GET", "/health", headers={name: "203.0.113.1"}).status_code == 401


def test_who_asks_by_another_name_than_loopbacks_is_not_on_this_machine(watched: Watched) -> None:
    """A request for a configured name may come through a proxy: it needs the token; another name is refused."""
    assert ask(watched, "GET", "/health", headers={"Host": NAME}).status_code == 401
    assert ask(watched, "GET", "/health", headers={"Host": NAME} | watched.daemon.proof).status_code == 200
    assert (
        ask(watched, "GET", "/health", headers={"Host": "evil.example"} | watched.daemon.proof).status_code == 403
    )


@pytest.mark.skipif(own_address() is None, reason="this machine has no address but loopback's")
def test_a_real_other_address_needs_the_token(watched: Watched) -> None:
    """Over an address that is not loopback's the socket's own peer is what counts."""
    url = f"http://{own_address()}:{httpx.URL(watched.daemon.url).port}"
    assert ask(watched, "GET", "/health", url).status_code == 401
    assert ask(watched, "GET", "/health", url, headers=watched.daemon.proof).status_code == 200


def test_the_token_is_printed_once_and_kept_for_its_owner(watched: Watched) -> None:
    """The console has it once, its file is for the owner alone, and no log has it, however it was shown."""
    token = watched.daemon.proof["Authorization"].removeprefix("Bearer ")
    ask(watched, "GET", "/health", headers={"Authorization": f"Bearer {token}"})
    ask(watched, "GET", f"/api/frame?source={token}")
    watched.daemon.post("/api/pause", {"source": token})
    ask(watched, "GET", "/health", headers={"Authorization": f"Bearer {token}{token}"})
    file = token_file(watched.daemon.state_dir)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert watched.daemon.tail(10_000).count(token) == 1
    assert [file for file, kept in watched.daemon.kept().items() if token.encode() in kept] == []
    assert any("token" in line["message"] for line in watched.events("security.wrong_token"))


def test_a_token_is_made_once_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    """The second start takes the first one's; an empty file lets nobody in with an empty token."""
    first, is_new = kept_token(tmp_path)
    assert is_new
    token_file(tmp_path).chmod(0o644)
    assert kept_token(tmp_path) == (first, False)
    assert stat.S_IMODE(token_file(tmp_path).stat().st_mode) == 0o600
    for text in ("", "\n", "short", "a b c d e f g h i j k l m n", "ü" * 30):
        token_file(tmp_path).write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match="web-token"):
            kept_token(tmp_path)


def test_the_token_is_not_printed_into_a_journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a service manager the console is a log: there only the file has it."""
    monkeypatch.setenv("JOURNAL_STREAM", "8:12345")
    rules = access_rules(load_settings(overrides={"state_dir": tmp_path}), Metrics())
    assert rules.is_token(token_file(tmp_path).read_text("ascii").strip())
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def page(watched: Watched) -> Iterator[httpx.Client]:
    """A browser that was given the token: it has a cookie."""
    with httpx.Client(base_url=watched.daemon.url, **DIRECT, timeout=10) as client:
        token = watched.daemon.proof["Authorization"].removeprefix("Bearer ")
        begun = client.post("/api/session", json={"token": token})
        assert begun.status_code == 200
        cookie = begun.headers["set-cookie"].lower()
        assert {"httponly", "samesite=strict", "path=/"} <= set(cookie.split("; "))
        assert token not in cookie
        yield client


def cookie_name(watched: Watched) -> str:
    """Each daemon's own, by its port: a browser sends all of a host's cookies to each of its ports."""
    return f"foureyes_session_{httpx.URL(watched.daemon.url).port}"


def test_a_wrong_token_begins_no_session(watched: Watched) -> None:
    """No cookie for another token, for none, and for what is no text."""
    for token in ("wrong", "", 7, None):
        refused = ask(watched, "POST", "/api/session", json={"token": token})
        assert refused.status_code in {400, 401}
        assert "set-cookie" not in refused.headers
    for cookie in ("", "{name}=", "{name}=made-up"):
        headers = {"Cookie": cookie.format(name=cookie_name(watched))}
        assert ask(watched, "POST", "/api/pause", json={}, headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "{url}"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "{url}"}, 200),
        ({}, 403),
        ({"Origin": "http://127.0.0.1:9"}, 403),  # another port of this machine is the same site for SameSite
        ({"Sec-Fetch-Site": "same-site", "Origin": "{url}"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_another_sites_page_cannot_use_the_cookie(
    watched: Watched, page: httpx.Client, headers: dict[str, str], status: int
) -> None:
    """The cookie changes something only for a page of the very same origin."""
    sent = {name: value.format(url=watched.daemon.url) for name, value in headers.items()}
    assert page.post("/api/resume", json={}, headers=sent).status_code == status


def test_a_session_is_ended_for_good(watched: Watched, page: httpx.Client) -> None:
    """After DELETE the cookie that somebody kept opens nothing any more."""
    name = cookie_name(watched)
    kept, origin = page.cookies[name], {"Origin": watched.daemon.url}
    assert page.delete("/api/session", headers=origin).status_code == 200
    headers = origin | {"Cookie": f"{name}={kept}"}
    assert ask(watched, "POST", "/api/resume", json={}, headers=headers).status_code == 401


def test_every_change_is_one_line_of_the_audit(watched: Watched, page: httpx.Client) -> None:
    """By page, API and command alike: who, what, before and after, in a file of the owner's and in the log."""
    since = len(watched.daemon.audited())
    assert page.post("/api/pause", json={}, headers={"Origin": watched.daemon.url}).status_code == 200
    assert watched.daemon.post("/api/resume", {}).status_code == 200
    state_dir = str(watched.daemon.state_dir)
    for verb in ("pause", "resume"):
        done = foureyes(verb, "--state-dir", state_dir, USER="somebody", LOGNAME="somebody")
        assert done.returncode == 0, done.stderr
    lines = watched.daemon.audited()[since:]
    assert [line["who"] for line in lines] == ["page", "api 127.0.0.1", *["command somebody"] * 2]
    assert [line["what"] for line in lines] == ["pause main", "resume main"] * 2
    for line in lines:
        paused, looked_at = (
            (line["after"], line["before"]) if line["what"][0] == "p" else (line["before"], line["after"])
        )
        assert looked_at == {}
        assert list(paused) == ["main"]
    assert stat.S_IMODE((watched.daemon.state_dir / "audit.jsonl").stat().st_mode) == 0o600
    logged = watched.events("audit.change")[-4:]
    assert [(each["who"], each["what"]) for each in logged] == [(each["who"], each["what"]) for each in lines]


@pytest.fixture(scope="module")
def kept(watched: Watched) -> str:
    """The digest of a picture that is kept; another lies in a folder that begins alike, and behind a link."""
    folder = spool_file(watched.daemon.state_dir).with_name("frames")
    beside = folder.with_name("frames-evil")
    name = "0" * 32
    for place, text in ((folder, "kept"), (beside, "SECRET")):
        place.mkdir(exist_ok=True)
        (place / f"{name}.png").write_bytes(encode_png(drawn(text)) + text.encode())
    (folder / f"{'1' * 32}.png").symlink_to(beside / f"{name}.png")
    (folder / f"{'2' * 32}.png").mkdir()
    return name


@pytest.mark.parametrize(
    "name",
    [
        "../frames-evil/{kept}",
        "..%2fframes-evil%2f{kept}",
        "%2e%2e%2fframes-evil%2f{kept}",
        "..%5cframes-evil%5c{kept}",
        "%2e%2e/%2e%2e/web-token",
        "..%2f..%2fweb-token",
        "%2fetc%2fpasswd",
        "{kept}.png",
        "{kept}%00",
        "{kept}%0a",
        "1" * 32,
        "2" * 32,
        "0" * 10_000,
        "%c2%b2" * 32,
    ],
    ids=itertools.count(),
)
def test_r9_a_file_is_proven_inside_its_folder(watched: Watched, kept: str, name: str) -> None:
    """R9: neither a way out, nor a folder whose name begins alike, nor a link leads to what is not kept there."""
    url = httpx.URL(watched.daemon.url)
    for route in ("/api/errors/pictures/", "/static/", "/api/frames/", "/api/errors/"):
        connection = http.client.HTTPConnection(url.host, url.port or 80, timeout=10)
        connection.request("GET", route + name.format(kept=kept))
        answer = connection.getresponse()
        assert answer.status in {400, 404}, f"{answer.status} for {route}{name[:80]}"
        assert b"SECRET" not in answer.read()
        connection.close()
    assert ask(watched, "GET", f"/api/errors/pictures/{kept}").content.endswith(b"kept")


def refused_after(watched: Watched, most: int, headers: dict[str, str]) -> int:
    """How many requests of a client are answered before one is told to come later."""
    with httpx.Client(base_url=watched.daemon.url, headers=headers, **DIRECT, timeout=10) as client:
        for number in range(most + 1):
            answer = client.get("/ready")
            if answer.status_code == 429:
                assert int(answer.headers["retry-after"]) in range(1, 62)
                return number
    return most + 1


def test_r17_the_sixty_first_request_of_a_minute_is_refused(watched: Watched) -> None:
    """R17: a foreign client gets sixty answers a minute, whatever they say; others go on being answered."""
    dropped = watched.dropped("web", "rate_limited")
    assert refused_after(watched, 70, elsewhere("203.0.113.61")) == 60
    assert refused_after(watched, 1, elsewhere("::ffff:203.0.113.61")) == 0, "the same address, written otherwise"
    assert refused_after(watched, 3, elsewhere("203.0.113.62")) == 4
    assert watched.dropped("web", "rate_limited") == dropped + 2
    said = [each for each in watched.events("security.rate_limited") if each["client"] == "203.0.113.61"]
    assert len(said) == 1, "a violation is logged once a minute, not once a request"
    assert refused_after(watched, 200, {}) == 201, "loopback has a larger pool"
    part = ask(watched, "GET", "/static/page.css", headers=elsewhere("203.0.113.61"))
    assert part.status_code == 200, "the page's own files are many, and count apart"


def test_a_stream_that_showed_the_token_counts_once(watched: Watched) -> None:
    """An operator elsewhere has the events, and what the page looks at meanwhile, for one of the sixty."""
    token = watched.daemon.proof["Authorization"].removeprefix("Bearer ")
    over_tls = elsewhere("203.0.113.71") | {"X-Forwarded-Proto": "https"}
    begun = ask(watched, "POST", "/api/session", json={"token": token}, headers=over_tls)
    assert "secure" in begun.headers["set-cookie"].lower()
    name = cookie_name(watched)
    headers = elsewhere("203.0.113.71") | {"Cookie": f"{name}={begun.cookies[name]}"}
    client = httpx.Client(base_url=watched.daemon.url, headers=headers, **DIRECT, timeout=10)
    with client, client.stream("GET", "/events") as events:
        assert events.status_code == 200
        assert {client.get(route).status_code for route in ("/api/frame", "/health") * 40} == {200}
    watched.daemon.wait(lambda: watched.daemon.get("/health")["connections"] == 0, "the stream has ended")
    assert refused_after(watched, 70, headers) == 59
