"""What the fake promises: the shapes, statuses and habits of the real server."""

import json

import httpx
import ollama
import pytest

from cfsm.cli.models import DEMONSTRATION
from cfsm.domain.blueprint import schema
from cfsm.domain.intake.blueprints import take_in_blueprint
from cfsm.domain.intake.choices import choice_in
from cfsm.domain.intake.code import Wanted
from cfsm.domain.intake.opinions import ideas_in
from cfsm.domain.intake.taking_in import take_in
from tests.fakes.ollama_server import OllamaServer

SCRIPT = {
    "queue": 1,
    "models": {
        "cogito:8b": {
            "can_think": True,
            "context_length": 2000,
            "reactions": [
                {"when": "ideas", "json": {"ideas": []}},
                {"say": "first", "thinking": "hm"},
                {"say": "second"},
            ],
        },
        "phi3": {"reactions": [{"say": "one two three four five"}]},
    },
}


@pytest.fixture
def server():
    with OllamaServer(SCRIPT).run_in_thread() as running:
        yield running


@pytest.fixture
def http(server):
    with httpx.Client(base_url=server.url) as client:
        yield client


def lines(response):
    return [json.loads(line) for line in response.text.splitlines()]


def chat(http, text, **others):
    return http.post(
        "/api/chat", json={"model": "cogito:8b", "messages": [{"role": "user", "content": text}], **others}
    )


def test_the_official_client_reads_it(server):
    with ollama.Client(server.url) as client:
        assert client.chat("cogito:8b", [{"role": "user", "content": "hello"}]).message.content == "first"
        assert client.generate("phi3", "hello").response == "one two three four five"
        assert [model.model for model in client.list().models] == ["cogito:8b", "phi3:latest"]
        assert client.show("phi3").modelinfo["llama.block_count"] == 32
        assert {model.model for model in client.ps().models} == {"cogito:8b", "phi3:latest"}


def test_chat_streams_parts_and_ends_with_counts_and_durations(http):
    *parts, last = lines(chat(http, "hello"))

    assert parts[0]["message"] == {"role": "assistant", "content": "", "thinking": "hm"}
    assert parts[1]["message"] == {"role": "assistant", "content": "first"}
    assert all(part["done"] is False for part in parts)
    assert set(last) == {
        "model",
        "created_at",
        "message",
        "done",
        "done_reason",
        "total_duration",
        "load_duration",
        "prompt_eval_count",
        "prompt_eval_duration",
        "eval_count",
        "eval_duration",
    }
    assert (last["done"], last["done_reason"]) == (True, "stop")


def test_generate_streams_responses(http):
    parts = lines(http.post("/api/generate", json={"model": "phi3", "prompt": "hello"}))

    assert "".join(part["response"] for part in parts) == "one two three four five"
    assert parts[-1]["done_reason"] == "stop"


def test_without_streaming_one_object_comes(http):
    answer = chat(http, "hello", stream=False).json()

    assert answer["message"]["content"] == "first"
    assert answer["done"] is True


def test_reactions_come_in_order_and_the_last_repeats(http):
    said = [chat(http, "hello", stream=False).json()["message"]["content"] for _ in range(3)]

    assert said == ["first", "second", "second"]


def test_a_condition_on_the_prompt_comes_before_the_order(http):
    assert chat(http, "Give three IDEAS", stream=False).json()["message"]["content"] == '{"ideas": []}'
    assert chat(http, "hello", stream=False).json()["message"]["content"] == "first"


def test_thinking_can_be_turned_off_and_is_refused_by_models_that_cannot(http):
    silent = lines(chat(http, "hello", think=False))
    refused = http.post("/api/generate", json={"model": "phi3", "prompt": "hello", "think": True})

    assert not any("thinking" in part["message"] for part in silent)
    assert (refused.status_code, refused.json()) == (400, {"error": '"phi3" does not support thinking'})


def test_a_format_is_kept(http):
    schema = {
        "type": "object",
        "properties": {"score": {"type": "integer", "minimum": 1}, "kind": {"enum": ["long", "short"]}},
        "required": ["score", "kind"],
    }
    script = {"models": {"phi3": {"reactions": [{}]}}}

    with OllamaServer(script).run_in_thread() as server:
        answer = httpx.post(
            f"{server.url}/api/generate", json={"model": "phi3", "prompt": "x", "format": schema, "stream": False}
        )

    assert json.loads(answer.json()["response"]) == {"score": 1, "kind": "long"}


def test_num_predict_cuts_the_answer(http):
    body = {"model": "phi3", "prompt": "hello", "options": {"num_predict": 2}, "stream": False}
    answer = http.post("/api/generate", json=body).json()

    assert (answer["response"], answer["done_reason"], answer["eval_count"]) == ("one two", "length", 2)


def test_a_prompt_longer_than_the_context_loses_its_middle_in_silence(server, http):
    words = " ".join(f"w{number}" for number in range(300))

    answer = chat(http, words, options={"num_ctx": 50}, stream=False).json()

    assert answer["prompt_eval_count"] == 50
    assert server.seen[0].prompt.startswith("w0 w1")
    assert server.seen[0].prompt.endswith("w298 w299")
    assert " w150 " not in server.seen[0].prompt


def test_the_context_is_never_longer_than_the_models_own(server, http):
    chat(http, "w " * 5000, options={"num_ctx": 4000}, stream=False)

    assert server.seen[0].prompt_tokens == 2000


def test_a_request_without_prompt_loads_and_keep_alive_zero_unloads(http):
    load = http.post("/api/generate", json={"model": "phi3", "keep_alive": "5m"}).json()
    loaded = http.get("/api/ps").json()["models"]
    unload = http.post("/api/generate", json={"model": "phi3", "keep_alive": 0}).json()

    assert load["done_reason"] == "load"
    assert [model["name"] for model in loaded] == ["phi3:latest"]
    assert loaded[0]["context_length"] == 4096
    assert unload["done_reason"] == "unload"
    assert http.get("/api/ps").json()["models"] == []


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/api/chat", {"model": "nix", "messages": []}, 404, "model 'nix' not found"),
        ("/api/show", {"model": "nix"}, 404, "model 'nix' not found"),
        ("/api/generate", {"prompt": "hello"}, 400, "model is required"),
    ],
)
def test_refusals_are_worded_as_the_real_ones(http, path, body, status, error):
    answer = http.post(path, json=body)

    assert (answer.status_code, answer.json()) == (status, {"error": error})


def test_a_missing_body_an_unknown_path_and_the_root(http):
    assert http.post("/api/chat").json() == {"error": "missing request body"}
    assert http.get("/api/nothing").status_code == 404
    assert http.get("/").text == "Ollama is running"
    assert http.get("/api/version").json() == {"version": "0.12.6"}


def test_what_was_asked_can_be_read_from_outside(http):
    chat(http, "hello", stream=False)

    (seen,) = http.get("/_fake/requests").json()
    assert (seen["path"], seen["prompt"], seen["ended"]) == ("/api/chat", "hello", "answered")


def test_a_script_is_read_from_a_file_with_the_answers_beside_it(tmp_path):
    (tmp_path / "answer.txt").write_text("from a file")
    (tmp_path / "script.yaml").write_text("models:\n  phi3:\n    reactions:\n      - say_file: answer.txt\n")

    with OllamaServer.from_file(tmp_path / "script.yaml").run_in_thread() as server:
        answer = httpx.post(f"{server.url}/api/generate", json={"model": "phi3", "prompt": "x", "stream": False})

    assert answer.json()["response"] == "from a file"


def said(url, model, prompt, **others):
    asked = {"model": model, "prompt": prompt, "stream": False, **others}
    return httpx.post(f"{url}/api/generate", json=asked).json()["response"]


@pytest.mark.parametrize("model", sorted(OllamaServer.from_file(DEMONSTRATION).models))
def test_the_demonstration_s_models_write_strategies_that_can_be_taken_in(model):
    with OllamaServer.from_file(DEMONSTRATION).run_in_thread() as server:
        source = take_in(said(server.url, model, "Write a strategy."), Wanted("Wanted"))
        form = take_in_blueprint(said(server.url, model, "Write a strategy.", format=schema()))
        ideas = ideas_in(said(server.url, model, "Name two ideas for a strategy."))
        choice, _ = choice_in(said(server.url, model, "Judge which one is better."), ("A", "B"))

    assert (source.findings, source.class_name) == ((), "Wanted")
    assert form.findings == ()
    assert len(ideas) == 2
    assert choice == "A"
