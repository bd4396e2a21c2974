"""The other fakes keep to the facts file; the docstrings give its sections."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from parts.fakes.asking import NUMBER, chat, content, get, picture, post, request, schema
from parts.fakes.steering import FakeServer
from parts.program import wait_until


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeServer]:
    with FakeServer.llama(tmp_path_factory.mktemp("llama"), "--model-path", "/models/vl.gguf") as server:
        yield server


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
    with FakeServer.router(tmp_path, "--load-s", "60", "one", "two", "three") as server:

        def load(model: str) -> None:
            assert post(server, "/models/load", {"model": model}).json() == {"success": True}

        def status(number: int) -> dict[str, Any]:
            return dict(get(server, "/models").json()["data"][number]["status"])

        load("one")
        assert status(0)["value"] == "loading"
        server.control(settings={"load_s": 0})
        server.control(model="two", on="load", fail="load_failed")
        load("two")
        load("three")
        wait_until(lambda: server.loaded() == ["three"], 60, "the router to load")
        wait_until(lambda: "failed" in status(1), 60, "the router to fail")
        assert (status(1)["value"], status(1)["exit_code"]) == ("unloaded", 1)
        post(server, "/models/unload", {"model": "three"})
        assert status(2)["value"] == "unloaded"


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
