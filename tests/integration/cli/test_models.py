"""``cfsm models`` against a scripted server, and where there is none."""

import pytest

from tests.fakes.home import StoredStory, house_at
from tests.fakes.ollama_server import OllamaServer

SCRIPT = {
    "models": {
        "phi3:mini": {"size": 2_180_000_000, "parameter_size": "3.8B", "context_length": 4096, "reactions": [{"say": "An average."}]},
        "mute": {"reactions": [{"status": 500, "error": "it does not run"}]},
    }
}  # fmt: skip


@pytest.fixture
def server(monkeypatch):
    with OllamaServer(SCRIPT).run_in_thread() as running:
        monkeypatch.setenv("CFSM_OLLAMA__HOST", running.url)
        yield running


@pytest.fixture
def nobody(monkeypatch):
    with OllamaServer({}).run_in_thread() as running:
        url = running.url
    monkeypatch.setenv("CFSM_OLLAMA__HOST", url)
    return url


@pytest.fixture
def configured(monkeypatch):
    monkeypatch.setenv("CFSM_GENERATION__MODELS", '["phi3:mini", "cogito:8b"]')


@pytest.fixture
def spoken(new):
    """A home in which a conversation with models took place."""
    factory = house_at(new.home).open_factory("tester@here")
    StoredStory(factory).converse()
    factory.close()
    return new


def test_models_are_listed_with_size_context_and_digest(new, server):
    result = new("models", "list", "--json")

    assert result.code == 0
    phi, mute = result.json
    assert (phi["name"], phi["available"], phi["size_bytes"], phi["context_tokens"]) == (
        "phi3:mini",
        True,
        2_180_000_000,
        4096,
    )
    assert phi["digest"] != mute["digest"]
    assert (phi["configured"], phi["recorded_tokens_per_second"]) == (False, None)


def test_a_configured_model_that_is_missing_is_told_with_what_to_do(new, server, configured):
    result = new("models", "list")

    assert result.code == 1
    assert [line.split()[0] for line in result.out.splitlines()[2:]] == ["phi3:mini", "mute:latest", "cogito:8b"]
    assert "available, configured" in result.out
    assert "`ollama pull cogito:8b`" in result.err


def test_recorded_answers_tell_the_speed(spoken, server):
    server.models["phi3:mini"].digest = "4f22"

    phi, _ = spoken("models", "list", "--json").json

    assert phi["recorded_tokens_per_second"] == pytest.approx(500 / 38)


def test_a_server_without_models_is_told(new, monkeypatch):
    with OllamaServer({}).run_in_thread() as running:
        monkeypatch.setenv("CFSM_OLLAMA__HOST", running.url)

        listed, tested = new("models", "list"), new("models", "test")

    assert (listed.code, listed.out) == (0, "")
    assert tested.code == 1
    assert "ollama pull" in listed.err


@pytest.mark.parametrize("command", ["list", "test"])
def test_where_no_server_answers_it_is_told_and_may_be_tried_again(new, nobody, command):
    result = new("models", command)

    assert (result.code, result.out) == (75, "")
    assert f"Ollama does not answer at {nobody}: start it" in result.err


def test_models_are_measured(new, server):
    result = new("models", "test", "phi3:mini", "--json")

    assert result.code == 0
    [phi] = result.json
    assert (phi["model"], phi["answers"]) == ("phi3:mini", True)
    assert phi["answer_tokens_per_second"] == pytest.approx(50)


def test_one_that_is_mute_and_one_that_is_missing_do_not_keep_the_others_from_being_measured(new, server):
    result = new("models", "test", "mute", "nowhere", "phi3:mini", "--json")

    assert result.code == 1
    assert [each["answers"] for each in result.json] == [False, False, True]
    assert "it does not run" in result.json[0]["why"]
    assert "ollama pull nowhere" in result.json[1]["why"]


def test_the_configured_models_are_tested_where_none_is_named(new, server, configured):
    result = new("models", "test")

    assert [line.split()[:2] for line in result.out.splitlines()[2:]] == [["phi3:mini", "yes"], ["cogito:8b", "no"]]
    assert "cogito:8b" in result.err


def test_what_works_is_told_with_intervals(spoken):
    result = spoken("models", "--by", "model", "--json")

    phi, cogito = result.json
    assert (phi["model"], phi["asked"], phi["valid"]["share"], phi["traded"]["successes"]) == ("phi3:mini", 1, 1.0, 1)
    assert phi["valid"]["low"] == pytest.approx(0.2065, abs=1e-4)
    assert (cogito["answered"]["successes"], cogito["proven"]["share"]) == (0, None)
    assert "100 (21-100)" in spoken("models").out


def test_where_no_model_was_asked_it_is_told(cfsm):
    result = cfsm("models")

    assert (result.code, result.out) == (0, "")
    assert "No model was asked" in result.err
