"""``cfsm demo --models`` and ``cfsm models serve``: models that are none, and say so."""

import signal
from uuid import UUID

import httpx
import pytest

from cfsm.bootstrap import House
from cfsm.cli.demonstration import LABEL, ask_together, demonstration
from cfsm.domain.generation import Generation
from tests.fakes.home import start


@pytest.fixture
def house(tmp_path, datasets):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "data").symlink_to(datasets)
    (tmp_path / "home" / "cfsm.yaml").write_text("backtest: {max_open_trades: 2}\ngeneration: {models: [phi3]}\n")
    environ = {"CFSM_STORE__ENGINE": "postgres", "CFSM_MODEL_SELECTION__OPTIMIZATION": '["phi3:mini"]'}
    return House.at(tmp_path / "home", file=None, profile=None, environ=environ)


def test_a_demonstration_has_a_home_of_its_own_and_models_whose_names_say_what_they_are(house, capfd):
    with demonstration(house) as own:
        models = own.settings.generation.models
        answer = httpx.get(f"{own.settings.ollama.host}/api/tags").json()

    assert own.path == house.path / "demonstration"
    assert own.settings.backtest.max_open_trades == 2, "the home's file counts here too"
    assert own.settings.store.engine == "sqlite"
    assert own.settings.model_selection.optimization == ()
    assert own.datasets.open("synthetic").pairs == house.datasets.open("synthetic").pairs
    assert len(models) == 3
    assert all(model.startswith("demonstration") for model in models)
    assert [each["name"] for each in answer["models"]] == list(models)
    assert LABEL in capfd.readouterr().err


def test_it_asks_for_each_mode_in_turn(house):
    with demonstration(house) as own:
        keys = ask_together(own, 4, seed=7)
        generations = [own.factory.get(Generation, UUID(key)) for key in keys]
        own.factory.close()

    assert [each.mode for each in generations] == ["contest", "voting", "consensus", "contest"]
    assert [each.seed for each in generations] == [7, 8, 9, 10]


def test_a_second_demonstration_goes_on_in_the_same_home(house):
    for _ in range(2):
        with demonstration(house) as own:
            assert (own.path / "data").is_symlink()


def test_the_server_can_be_started_by_anybody_and_ends_with_ctrl_c(tmp_path):
    serving = start(tmp_path / "home", "models", "serve", "--port", "0")
    url = serving.stdout.readline().strip()

    answer = httpx.post(f"{url}/api/generate", json={"model": "demonstration-small:4b", "prompt": "x", "stream": False})
    serving.send_signal(signal.SIGINT)
    _, err = serving.communicate(timeout=20)

    assert "IStrategy" in answer.json()["response"]
    assert serving.returncode == 130
    assert "demonstration-large:8b" in err


def test_a_port_that_is_taken_and_a_script_that_is_none_are_told(new, tmp_path):
    (tmp_path / "none.yaml").write_text("models: [1, 2\n")
    (tmp_path / "mine.yaml").write_text("models:\n  mine:\n    reactions:\n      - say: hello\n")
    serving = start(tmp_path / "home", "models", "serve", str(tmp_path / "mine.yaml"), "--port", "0")
    port = serving.stdout.readline().strip().rpartition(":")[2]

    taken = new("models", "serve", "--port", port)
    none = new("models", "serve", tmp_path / "none.yaml")
    serving.send_signal(signal.SIGINT)
    serving.communicate(timeout=20)

    assert (taken.code, none.code) == (1, 2)
    assert f"port {port}" in taken.err
    assert "no script" in none.err
