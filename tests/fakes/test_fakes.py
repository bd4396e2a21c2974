"""The fakes keep to the facts file: section numbers in the docstrings are its."""

from __future__ import annotations

import base64
import io
import json
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from parts.fakes.steering import FakeLms, FakeServer, alive, command
from parts.program import free_port, wait_until
from PIL import Image

DIRECT: dict[str, Any] = {"trust_env": False, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
"""No proxy, and one context for all: to make one takes longer than most of these requests."""
NUMBER = {"type": ["number", "null"]}
LIMITED = {"type": "object", "properties": {"share": {"type": "number", "minimum": 0, "maximum": 1}}}


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def picture(format_: str = "PNG", size: tuple[int, int] = (64, 48)) -> str:
    """A data URL."""
    file = io.BytesIO()
    Image.new("L", size).save(file, format_)
    return f"data:image/{format_.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"


def request(model: str, wanted: Mapping[str, Any] | None = None, url: str | None = None) -> dict[str, Any]:
    """A chat request as every server reads it."""
    parts: list[dict[str, Any]] = [{"type": "text", "text": "Read it."}]
    parts += [{"type": "image_url", "image_url": {"url": url}}] if url else []
    shape = {"name": "reading", "strict": True, "schema": wanted or schema(amount=NUMBER)}
    form = {"type": "json_schema", "json_schema": shape}
    return {"model": model, "messages": [{"role": "user", "content": parts}], "response_format": form}


def get(server: FakeServer, path: str) -> httpx.Response:
    return httpx.get(server.url + path, **DIRECT)


def post(server: FakeServer, path: str, body: Any, **headers: str) -> httpx.Response:
    return httpx.post(server.url + path, json=body, headers=headers, **DIRECT)


def chat(server: FakeServer, body: Mapping[str, Any]) -> httpx.Response:
    return post(server, "/v1/chat/completions", body)


def content(answer: httpx.Response) -> str:
    return str(answer.json()["choices"][0]["message"]["content"])


@pytest.fixture(scope="module")
def shared_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeServer]:
    with FakeServer.lmstudio(tmp_path_factory.mktemp("studio"), "a/one", "b/two", "c/three") as server:
        yield server


@pytest.fixture
def studio(shared_studio: FakeServer) -> FakeServer:
    """An LM Studio with nothing loaded and no fault."""
    for model in ("a/one", "b/two", "c/three"):
        shared_studio.control(model=model, loaded=False, fail=None, values={})
    shared_studio.control(settings={"jit": True, "token": "", "text_only": []})
    return shared_studio


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeServer]:
    with FakeServer.llama(tmp_path_factory.mktemp("llama"), "--model-path", "/models/vl.gguf") as server:
        yield server


def test_an_unknown_route_of_lm_studio_answers_200_and_is_written_down(studio: FakeServer) -> None:
    """1.10: an unknown route answers 200 with an error in the body, and the log of unlisted routes names it."""
    health = get(studio, "/health")
    load = post(studio, "/v1/models/load", {"model": "a/one"})
    assert (health.status_code, load.status_code) == (200, 200)
    assert health.json() == {"error": "Unexpected endpoint or method. (GET /health)"}
    assert [each["path"] for each in studio.unlisted()[-2:]] == ["/health", "/v1/models/load"]
    assert studio.loaded() == []


def test_the_greeting_is_lm_studios_sign_of_life(studio: FakeServer) -> None:
    """1.10: the greeting says that this is LM Studio."""
    assert get(studio, "/lmstudio-greeting").json() == {"lmstudio": True}


def test_the_native_list_says_what_is_loaded_and_what_can_see(studio: FakeServer) -> None:
    """1.2: the list has `models`, of type llm with a vision capability, and an embedding model without any."""
    studio.control(settings={"text_only": ["b/two"]})
    post(studio, "/api/v1/models/load", {"model": "a/one", "context_length": 8192})
    one, two, _, embedding = get(studio, "/api/v1/models").json()["models"]
    assert one["loaded_instances"][0]["id"] == "a/one"
    assert one["loaded_instances"][0]["config"]["context_length"] == 8192
    assert (one["type"], one["capabilities"]["vision"], two["capabilities"]["vision"]) == ("llm", True, False)
    assert embedding["type"] == "embedding"
    assert "capabilities" not in embedding


def test_loading_a_loaded_model_makes_a_second_instance(studio: FakeServer) -> None:
    """1.3: a load is not idempotent, and both instances can be unloaded by their ids (1.4)."""
    answers = [post(studio, "/api/v1/models/load", {"model": "a/one"}).json() for _ in range(2)]
    assert [each["instance_id"] for each in answers] == ["a/one", "a/one:2"]
    assert studio.loaded() == ["a/one", "a/one:2"]
    post(studio, "/api/v1/models/unload", {"instance_id": "a/one"})
    assert studio.loaded() == ["a/one:2"]


def test_a_native_load_takes_documented_keys_alone(studio: FakeServer) -> None:
    """1.3: a key that is not documented is refused by its name."""
    answer = post(studio, "/api/v1/models/load", {"model": "a/one", "ttl": 60})
    assert "Unrecognized key(s) in object: 'ttl'" in answer.json()["error"]["message"]
    assert studio.loaded() == []


def test_a_just_in_time_load_evicts_the_one_before_it_and_no_explicit_one(studio: FakeServer) -> None:
    """1.8: at most one model stays that a request loaded; an explicitly loaded one is not touched."""
    post(studio, "/api/v1/models/load", {"model": "a/one"})
    chat(studio, request("b/two"))
    chat(studio, request("c/three"))
    assert studio.loaded() == ["a/one", "c/three"]


def test_without_just_in_time_loading_v1_lists_what_is_loaded(studio: FakeServer) -> None:
    """1.7: /v1/models lists every model with JIT on and only loaded ones with JIT off."""
    studio.control(model="a/one", loaded=True)
    assert len(get(studio, "/v1/models").json()["data"]) == 4
    studio.control(settings={"jit": False})
    assert [each["id"] for each in get(studio, "/v1/models").json()["data"]] == ["a/one"]


def test_a_wrong_name_is_answered_by_the_only_model(studio: FakeServer) -> None:
    """1.7: with one model loaded it answers whatever the name; with several it is model_not_found."""
    studio.control(model="a/one", loaded=True)
    assert chat(studio, request("no/such")).json()["model"] == "a/one"
    studio.control(model="b/two", loaded=True)
    refused = chat(studio, request("no/such"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "model_not_found")


def test_a_token_is_wanted_everywhere_but_at_the_greeting(studio: FakeServer) -> None:
    """1.9: without the token 401 with invalid_api_key; the greeting stays open."""
    studio.control(settings={"token": "sk-lm-secret"})
    refused = get(studio, "/api/v1/models")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "invalid_api_key")
    assert get(studio, "/lmstudio-greeting").is_success
    body = {"model": "a/one"}
    assert post(studio, "/api/v1/models/load", body, Authorization="Bearer sk-lm-secret").is_success
    assert studio.requests("/api/v1/models/load")[-1]["authorization"] is True


@pytest.mark.parametrize(
    "url",
    [picture("WEBP"), "http://127.0.0.1/a.png", picture().replace("png", "jpeg"), picture(size=(5121, 5120))],
    ids=["webp", "remote", "mistyped", "large"],
)
def test_lm_studio_takes_png_and_jpeg_of_a_bounded_size(studio: FakeServer, url: str) -> None:
    """1.7: WebP, a remote address, a false media type and too many pixels are 400 with a string."""
    refused = chat(studio, request("a/one", url=url))
    assert refused.status_code == 400
    assert isinstance(refused.json()["error"], str)
    assert chat(studio, request("a/one", url=picture())).is_success


def test_lm_studio_refuses_json_object(studio: FakeServer) -> None:
    """1.7: response_format json_object is 400 with a string that names the field."""
    refused = chat(studio, {**request("a/one"), "response_format": {"type": "json_object"}})
    assert refused.status_code == 400
    assert "response_format.type" in refused.json()["error"]


def test_a_crashed_model_is_not_loaded_any_more(studio: FakeServer) -> None:
    """1.11, 2.5: the reply gives the exit code, and the listing has no instance after that."""
    post(studio, "/api/v1/models/load", {"model": "a/one"})
    studio.control(model="a/one", fail="crash", times=1)
    answer = chat(studio, request("a/one"))
    assert answer.status_code == 400
    assert "The model has crashed" in answer.json()["error"]
    assert studio.loaded() == []


@pytest.mark.parametrize(("level", "lists"), [("v0", ["/api/v0/models"]), ("openai", [])])
def test_older_levels_answer_newer_routes_as_unexpected(tmp_path: Path, level: str, lists: list[str]) -> None:
    """1.1: which API there is shows in the body alone; asking for it is listed, loading without it is not."""
    with FakeServer.lmstudio(tmp_path, "--level", level, "--loaded", "a/one", "a/one") as server:
        asked = ["/api/v1/models", "/api/v0/models"]
        assert [path for path in asked if "error" not in get(server, path).json()] == lists
        assert server.unlisted() == []
        post(server, "/api/v1/models/load", {"model": "a/one"})
        assert [each["path"] for each in server.unlisted()] == ["/api/v1/models/load"]


def test_a_good_answer_keeps_to_the_schema(studio: FakeServer) -> None:
    """Null or the given value for each property, nested for several tasks, whose values may be given flat."""
    studio.control(model="a/one", values={"amount": 4.5, "second": {"amount": 6}})
    wanted = schema(
        first=schema(amount=NUMBER), second=schema(amount=NUMBER), other=NUMBER, sure={"enum": ["yes"]}
    )
    answer = chat(studio, request("a/one", wanted))
    values = json.loads(content(answer))
    assert values == {"first": {"amount": 4.5}, "second": {"amount": 6}, "other": None, "sure": "yes"}
    assert answer.json()["usage"]["total_tokens"] > 0


def test_a_request_is_written_down_without_its_picture(studio: FakeServer) -> None:
    """The log has what a picture is, by its own bytes, in the place of the bytes."""
    chat(studio, request("a/one", url=picture("JPEG", (80, 60))))
    noted = studio.chats("a/one")[-1]
    (seen,) = noted["pictures"]
    assert (seen["media_type"], seen["width"], seen["height"]) == ("image/jpeg", 80, 60)
    assert noted["body"]["messages"][0]["content"][1]["image_url"]["url"] == seen
    assert Image.open(io.BytesIO(studio.picture(seen["digest"]))).size == (80, 60)


@pytest.mark.parametrize(
    "fail", ["reasoning", "fenced", "prose", "broken", "length", "silent", "empty_choices", "nan", "wrong_model"]
)
def test_a_failure_holds_as_often_as_it_was_told(studio: FakeServer, fail: str) -> None:
    """`times` requests fail, the one after them is good."""
    good = chat(studio, request("a/one")).json()
    studio.control(model="a/one", fail=fail, times=1)
    bad = chat(studio, request("a/one")).json()
    assert (bad["choices"], bad["model"]) != (good["choices"], good["model"])
    assert chat(studio, request("a/one")).json()["choices"] == good["choices"]


def test_broken_json_is_mended_for_a_request_that_shows_it(studio: FakeServer) -> None:
    """6: a repair, which holds the model's own words, is answered well."""
    studio.control(model="a/one", fail="broken_until_repair")
    asked = request("a/one")
    with pytest.raises(json.JSONDecodeError):
        json.loads(content(chat(studio, asked)))
    asked["messages"] += [{"role": "assistant", "content": "{"}, {"role": "user", "content": "Once more."}]
    assert json.loads(content(chat(studio, asked))) == {"amount": None}


def test_a_violation_is_json_outside_of_the_schema(studio: FakeServer) -> None:
    """9: grammars do not enforce minimum and maximum."""
    studio.control(model="a/one", fail="schema_violation")
    assert json.loads(content(chat(studio, request("a/one", LIMITED)))) == {"share": 2}


def test_a_client_that_goes_away_is_written_down(studio: FakeServer) -> None:
    """A hanging request ends when its client has gone, which the log of events shows."""
    studio.control(model="a/one", fail="hang")
    before = len(studio.events("gone"))
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{studio.url}/v1/chat/completions", json=request("a/one"), **DIRECT, timeout=0.2)
    wait_until(lambda: len(studio.events("gone")) > before, 5, "the fake to see that its client has gone")


def test_burning_is_work_and_not_waiting(studio: FakeServer) -> None:
    """A busy generation takes processor time, so that slow can be told from hung."""
    process = psutil.Process(studio.process.pid)
    before = process.cpu_times()
    studio.control(model="a/one", fail="burn", delay_s=0.5, times=1)
    assert chat(studio, request("a/one")).is_success
    after = process.cpu_times()
    assert after.user + after.system - before.user - before.system > 0.2


def test_a_whole_server_can_fail(studio: FakeServer) -> None:
    """What is told about a path comes before anything else happens there, and 429 says when to come again."""
    studio.control(path="*", fail="429", times=1, retry_after_s=2)
    refused = get(studio, "/api/v1/models")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")
    assert get(studio, "/api/v1/models").is_success


def test_a_failure_that_does_not_exist_is_refused(studio: FakeServer) -> None:
    """A test that misspells a failure does not pass by luck."""
    answer = post(studio, "/control", {"model": "a/one", "fail": "no such failure"})
    assert answer.status_code == 400


def test_llama_server_is_unavailable_until_its_model_is_loaded(tmp_path: Path) -> None:
    """3: /health is 503 "Loading model" first, and the listing has no `meta` then."""
    with FakeServer.llama(tmp_path, "--loading-s", "60", "--alias", "vl") as server:
        assert get(server, "/health").json()["error"]["message"] == "Loading model"
        assert chat(server, request("vl")).status_code == 503
        assert get(server, "/v1/models").json()["data"][0]["meta"] is None
        server.control(model="vl", loaded=True)
        assert get(server, "/health").json() == {"status": "ok"}
        assert chat(server, request("another name")).json()["model"] == "vl"


def test_llama_server_lists_its_path_twice_and_answers_under_it(llama: FakeServer) -> None:
    """9: `models` and `data`, the id is the path, and the JSON has white space in it."""
    listing = get(llama, "/v1/models").json()
    assert listing["models"][0]["model"] == listing["data"][0]["id"] == "/models/vl.gguf"
    assert listing["data"][0]["architecture"]["input_modalities"] == ["text", "image"]
    answer = chat(llama, request("vl", url=picture()))
    assert answer.json()["model"] == "/models/vl.gguf"
    assert "\n" in content(answer)
    assert llama.unlisted() == []


def test_llama_server_ignores_the_flat_schema(llama: FakeServer) -> None:
    """3: the flat form is not read, so the answer is any text."""
    flat = {"type": "json_schema", "schema": schema(amount=NUMBER)}
    with pytest.raises(json.JSONDecodeError):
        json.loads(content(chat(llama, {**request("vl"), "response_format": flat})))


def test_llama_server_refuses_what_its_context_cannot_hold(llama: FakeServer) -> None:
    """3: exceed_context_size_error with both figures."""
    refused = chat(llama, request("vl", url=picture(size=(2048, 2048))))
    error = refused.json()["error"]
    assert (refused.status_code, error["type"]) == (400, "exceed_context_size_error")
    assert error["n_prompt_tokens"] > error["n_ctx"] == 4096


def test_llama_server_without_a_projector_fails_on_pictures(tmp_path: Path) -> None:
    """3: 500 for a picture, and the listing says that there is no image input."""
    with FakeServer.llama(tmp_path, "--no-vision") as server:
        listed = get(server, "/v1/models").json()["data"][0]
        assert listed["architecture"]["input_modalities"] == ["text"]
        assert chat(server, request("vl", url=picture())).status_code == 500


def test_the_router_answers_a_load_at_once_and_goes_on_loading(tmp_path: Path) -> None:
    """3: success at once, then loading and loaded in the listing; a failed one has an exit code."""
    with FakeServer.router(tmp_path, "--load-s", "0.3", "one", "two") as server:
        server.control(model="two", on="load", fail="load_failed")

        def status(number: int) -> dict[str, Any]:
            return dict(get(server, "/models").json()["data"][number]["status"])

        for model in ("one", "two"):
            assert post(server, "/models/load", {"model": model}).json() == {"success": True}
        assert status(0)["value"] == "loading"
        wait_until(lambda: server.loaded() == ["one"], 5, "the router to load")
        wait_until(lambda: "failed" in status(1), 5, "the router to fail")
        assert (status(1)["value"], status(1)["exit_code"]) == ("unloaded", 1)
        post(server, "/models/unload", {"model": "one"})
        assert status(0)["value"] == "unloaded"


def test_ollama_loads_and_unloads_by_an_empty_chat(tmp_path: Path) -> None:
    """4: an empty chat loads a model, keep_alive 0 unloads it, /api/ps says which are loaded."""
    with FakeServer.openai(tmp_path, "ollama", "gemma:4b") as server:
        assert get(server, "/").text == "Ollama is running"
        empty = {"model": "gemma:4b", "messages": []}
        assert post(server, "/api/chat", {**empty, "keep_alive": -1}).json()["done_reason"] == "load"
        assert [each["name"] for each in get(server, "/api/ps").json()["models"]] == ["gemma:4b"]
        assert post(server, "/api/chat", {**empty, "keep_alive": 0}).json()["done_reason"] == "unload"
        assert get(server, "/api/ps").json() == {"models": []}
        assert isinstance(chat(server, request("no such")).json()["error"], str)


def test_llama_swap_starts_a_model_with_its_first_request(tmp_path: Path) -> None:
    """4: stopped models are not running; a request starts one, an unload stops it."""
    with FakeServer.openai(tmp_path, "llama-swap", "org/vl") as server:
        assert get(server, "/health").text == "OK"
        assert get(server, "/running").json() == {"running": []}
        assert chat(server, request("org/vl")).is_success
        assert [each["state"] for each in get(server, "/running").json()["running"]] == ["ready"]
        assert post(server, "/api/models/unload/org/vl", None).is_success
        assert server.loaded() == []
        assert server.unlisted() == []


def test_vllm_answers_500_and_ends_when_its_engine_dies(tmp_path: Path) -> None:
    """4: /health is empty with 200; after the engine's death the process exits."""
    with FakeServer.openai(tmp_path, "vllm", "org/vl") as server:
        health = get(server, "/health")
        assert (health.status_code, health.text) == (200, "")
        assert "vllm:" in get(server, "/metrics").text
        server.control(model="org/vl", fail="crash")
        assert chat(server, request("org/vl")).status_code == 500
        assert server.process.wait(10) == 1


def test_a_plain_server_has_a_list_and_a_chat_and_nothing_else(tmp_path: Path) -> None:
    """4: every fingerprint is 404 in OpenAI's envelope, and asking for one is listed."""
    with FakeServer.openai(tmp_path, "plain", "vl") as server:
        for path in ("/lmstudio-greeting", "/", "/running", "/props", "/version"):
            answer = get(server, path)
            assert answer.status_code == 404
            assert answer.json()["error"]["message"]
        assert [each["id"] for each in get(server, "/v1/models").json()["data"]] == ["vl"]
        assert server.unlisted() == []


def test_a_child_leaves_a_process_behind_that_holds_its_pipes(tmp_path: Path) -> None:
    """A child that forks and exits has printed all it was told to; its own child lives and ignores SIGTERM."""
    flags = ["--port", "0", "--folder", str(tmp_path), "--fork", "--print-mb", "1", "--exit-at-once", "3"]
    with (tmp_path / "out").open("wb") as out:
        code = subprocess.run(command("child", *flags), stdout=out, check=False, timeout=20).returncode
    grandchild = psutil.Process(int((tmp_path / "grandchild.pid").read_text()))
    try:
        grandchild.terminate()
        assert (code, (tmp_path / "out").stat().st_size) == (3, 1024 * 1024)
        assert grandchild.is_running()
    finally:
        grandchild.kill()


def test_a_child_serves_as_llama_server_until_it_crashes_on_a_chat(tmp_path: Path) -> None:
    """A crash in the middle of a request ends the process without an answer."""
    with FakeServer(tmp_path, "child", "--crash-on-chat", "--ignore-term") as server:
        assert get(server, "/health").json() == {"status": "ok"}
        server.process.terminate()
        with pytest.raises(httpx.RemoteProtocolError):
            chat(server, request("vl"))
        assert server.process.wait(10) < 0


@pytest.fixture
def lms(tmp_path: Path) -> Iterator[FakeLms]:
    with FakeLms(tmp_path / "home", "a/one", "b/two") as lms:
        yield lms


def test_the_daemon_of_lms_outlives_its_command_and_dies_by_daemon_down(lms: FakeLms) -> None:
    """2.2: the daemon is detached, no child of its starter; `daemon down` ends it and the HTTP server with it."""
    port = free_port()
    up = json.loads(lms.run("daemon", "up", "--json").stdout)
    assert (up["pid"], up["isDaemon"]) == (lms.daemon_pid(), True)
    assert psutil.Process(up["pid"]) not in psutil.Process().children(recursive=True)
    assert lms.run("server", "start", "--port", str(port)).returncode == 0
    assert httpx.get(f"http://127.0.0.1:{port}/lmstudio-greeting", **DIRECT).json() == {"lmstudio": True}
    assert json.loads(lms.run("server", "status", "--json", "--quiet").stdout) == {"running": True, "port": port}
    assert lms.run("daemon", "down").returncode == 0
    wait_until(lambda: not alive(up["pid"]), 5, "the daemon to end")
    assert json.loads(lms.run("server", "status", "--json", "--quiet").stdout) == {"running": False}
    assert lms.side_effects() == []


def test_asking_lms_what_is_loaded_starts_the_daemon(lms: FakeLms) -> None:
    """2.2: `lms ps` resurrects a daemon that somebody stopped; `daemon status` and `server status` do not."""
    assert json.loads(lms.run("daemon", "status", "--json").stdout) == {"status": "not-running"}
    lms.run("server", "status", "--json", "--quiet")
    assert lms.daemon_pid() is None
    assert json.loads(lms.run("ps", "--json").stdout) == []
    assert lms.daemon_pid() is not None
    assert [each["command"] for each in lms.side_effects()] == ["ps"]


def test_lms_loads_the_first_hit_and_loads_it_twice(lms: FakeLms) -> None:
    """2.2: the key is matched loosely, a second load makes ":2", and an unknown id to unload is no error code."""
    for key in ("one", "a/one"):
        assert lms.run("load", key, "--yes").returncode == 0
    assert [each["identifier"] for each in json.loads(lms.run("ps", "--json").stdout)] == ["a/one", "a/one:2"]
    assert lms.run("unload", "no such").returncode == 0
    assert lms.run("load", "no such", "--yes").returncode == 1


def test_lms_leaves_the_app_alone(lms: FakeLms) -> None:
    """2.2: where the desktop app runs, `daemon up` reports it and starts nothing, and `daemon down` refuses."""
    pid = lms.start_app()
    up = json.loads(lms.run("daemon", "up", "--json").stdout)
    assert (up["pid"], up["isDaemon"]) == (pid, False)
    assert lms.run("daemon", "down").returncode == 1
    assert lms.daemon_pid() == pid


def test_lms_may_report_a_failure_though_the_server_is_up(lms: FakeLms) -> None:
    """2.5: the exit code of `server start` is no proof."""
    port = free_port()
    lms.configure(start_reports_failure=True)
    assert lms.run("server", "start", "--port", str(port)).returncode == 1
    assert httpx.get(f"http://127.0.0.1:{port}/lmstudio-greeting", **DIRECT).is_success


def test_lms_may_hang(lms: FakeLms) -> None:
    """2.5: a command that hangs is written down all the same."""
    lms.configure(hangs=["daemon up"])
    with pytest.raises(subprocess.TimeoutExpired):
        lms.run("daemon", "up", "--json", timeout_s=1)
    assert [each["command"] for each in lms.invocations()] == ["daemon up"]
