"""The fake LM Studio keeps to the facts file; the docstrings give its sections."""

from __future__ import annotations

from pathlib import Path

import pytest
from parts.fakes.asking import chat, get, picture, post, request
from parts.fakes.steering import FakeServer


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
