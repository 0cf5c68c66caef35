"""Variables named CFSM_<SECTION>__<KEY> set keys."""

import json
from pathlib import Path

import pytest

from cfsm.settings import ConfigurationError, Settings, load
from cfsm.settings.fields import FIELDS, is_table, is_text, variable

HOME = Path("/no/such/home")


def settings(**environ: str) -> Settings:
    return load(HOME, environ=environ)


def error(**environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        settings(**environ)
    (problem,) = caught.value.problems
    return str(problem)


def test_values_are_read_by_the_type_of_their_key():
    loaded = settings(
        CFSM_BACKTEST__AUTO_BACKTEST="false",
        CFSM_BACKTEST__MAX_OPEN_TRADES="3",
        CFSM_BACKTEST__DRY_RUN_WALLET="1e4",
        CFSM_BACKTEST__STAKE_AMOUNT="250.5",
        CFSM_BACKTEST__FEE="null",
        CFSM_BACKTEST__PAIRS="BTC/USDT:USDT, ETH/USDT:USDT",
        CFSM_GENERATION__MODELS="[phi3, 'mistral:7b']",
        CFSM_MARKET_DATA__DATASET="2024",
        CFSM_STORE__PASSWORD="12345",
        CFSM_RETENTION__CLEANING_TIME="12:30",
        CFSM_WORKERS__INSTANCES__BACKTESTER="2",
        CFSM_OLLAMA__TIMEOUTS_SECONDS__PHI3__FAST="11",
        CFSM_OLLAMA__TIMEOUTS_SECONDS__QWEN="{fast: 1, normal: 2, complex: 3}",
    )

    assert loaded.backtest.auto_backtest is False
    assert loaded.backtest.max_open_trades == 3
    assert loaded.backtest.dry_run_wallet == 10_000
    assert loaded.backtest.stake_amount == 250.5
    assert loaded.backtest.fee is None
    assert loaded.backtest.pairs == ("BTC/USDT:USDT", "ETH/USDT:USDT")
    assert loaded.generation.models == ("phi3", "mistral:7b")
    assert loaded.market_data.dataset == "2024"
    assert loaded.store.password is not None
    assert loaded.store.password.get_secret_value() == "12345"
    assert loaded.retention.cleaning_time == "12:30"
    assert loaded.workers.instances.backtester == 2
    assert loaded.ollama.timeouts_seconds["phi3"].fast == 11
    assert loaded.ollama.timeouts_seconds["qwen"].complex == 3


@pytest.mark.parametrize("key", FIELDS)
def test_every_key_has_a_variable(key):
    value = Settings().model_dump()
    for part in key.split("."):
        value = value[part]
    text = value if isinstance(value, str) else "" if is_text(key) else json.dumps(value)

    loaded = load(HOME, environ={variable(key): text})

    assert loaded.model_dump() == Settings().model_dump()
    assert any(origin == f"environment {variable(key)}" for origin in loaded.origins.values()) or is_table(key)


def test_other_variables_of_ours_are_no_settings():
    plain = {"CFSM_HOME": "/x", "CFSM_RUNTIME_DIR": "/y", "CFSM_DEV_NO_UV": "1", "PATH": "/bin", "CFSM_": ""}

    assert settings(**plain) == Settings()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("CFSM_GENERATION__INTERVALSECONDS", "CFSM_GENERATION__INTERVAL_SECONDS"),
        ("CFSM_BACKTEST__MAX_TRADES", "CFSM_BACKTEST__MAX_OPEN_TRADES"),
        ("CFSM_GENERATION_SEED", "CFSM_GENERATION__SEED"),
        ("CFSM_GENERATION__SEED__DEEPER", "CFSM_GENERATION__SEED"),
    ],
)
def test_a_variable_that_is_no_setting_names_the_nearest(name, nearest):
    assert error(**{name: "1"}) == f"environment: {name}: is no setting; did you mean {nearest}?"


@pytest.mark.parametrize("name", ["CFSM___", "CFSM_GENERATION__", "CFSM____SEED"])
def test_a_variable_without_section_or_key_is_no_setting(name):
    assert error(**{name: "1"}).startswith(f"environment: {name}: is no setting")


def test_a_key_and_its_section_cannot_both_be_set():
    with pytest.raises(ConfigurationError) as caught:
        settings(CFSM_WORKERS__INSTANCES="many", CFSM_WORKERS__INSTANCES__BACKTESTER="2")

    assert [str(problem) for problem in caught.value.problems] == [
        "environment: CFSM_WORKERS__INSTANCES__BACKTESTER: contradicts the variable that sets the whole section; keep one",
        'environment: CFSM_WORKERS__INSTANCES: must be a section of keys (got "many")',
    ]


def test_a_list_item_is_named_by_its_place():
    found = error(CFSM_BACKTEST__PAIRS="BTC/USDT:USDT,BTCUSDT")

    assert found.startswith("environment: CFSM_BACKTEST__PAIRS[1]: must be a futures pair as Freqtrade spells it")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "{",
        "a: b: c",
        "&a *a",
        "*a",
        "!!int 1",
        "\t",
        "[" * 5000,
        "9" * 5000,
        "\udcff",
        "1 # 2",
        "--- 1\n--- 2",
    ],
)
def test_garbage_in_a_variable_is_refused_and_named(text):
    found = error(CFSM_GENERATION__SEED=text) if text != "1 # 2" else error(CFSM_GENERATION__SEED=f"x{text}")

    assert found.startswith("environment: CFSM_GENERATION__SEED: ")
    assert found.isprintable()
