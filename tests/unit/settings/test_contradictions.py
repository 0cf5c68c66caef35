"""Settings that cannot be meant together are refused at the place that said them."""

from pathlib import Path

import pytest

from cfsm.settings import ConfigurationError, load


def errors(folder: Path, text: str, **environ: str) -> list[str]:
    file = folder / "cfsm.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load(folder, environ=environ)
    return [str(problem).removeprefix(f"{file}:") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("generation:\n  mode: contest\n", "2: generation.mode: must be single with 0 models; a contest needs two"),
        (
            "generation:\n  mode: voting\n  models: [a]\n",
            "2: generation.mode: must be single with 1 model; a voting needs two or more in generation.models",
        ),
        (
            "generation:\n  models: ['phi3:mini', b]\nmodel_selection:\n  validation: [phi3]\n",
            "4: model_selection.validation[0]: must be one of generation.models; phi3 is not; did you mean phi3:mini?",
        ),
        (
            "backtest:\n  stake_currency: USDC\n  pairs:\n  - BTC/USDC:USDC\n  - BTC/USDT:USDT\n",
            "5: backtest.pairs[1]: must settle in backtest.stake_currency (USDC); BTC/USDT:USDT does not",
        ),
        (
            "walk_forward:\n  proof_percent: 50\n",
            "1: walk_forward.screening_percent: must leave at least 5 percent for the windows; with proof_percent 50",
        ),
        (
            "\nworkers:\n  watchdog_seconds: 100\n",
            "2: workers.lease_seconds: must be more than workers.watchdog_seconds (100)",
        ),
        (
            "workers:\n  restart_backoff_first_seconds: 31\n",
            "1: workers.restart_backoff_most_seconds: must be at least workers.restart_backoff_first_seconds (31.0)",
        ),
        (
            "ollama:\n  timeouts_seconds:\n    phi3: {fast: 601}\n",
            "3: ollama.timeouts_seconds.phi3.normal: must be at least fast (601)",
        ),
        (
            "ollama:\n  default_timeouts_seconds:\n    complex: 1\n",
            "3: ollama.default_timeouts_seconds.complex: must be at least normal (1800)",
        ),
        (
            "ollama:\n  complexity: {fast_below_characters: 900}\n",
            "2: ollama.complexity.normal_below_characters: must be at least fast_below_characters (900)",
        ),
        (
            "store:\n  password: a\n  password_file: /run/secret\n",
            "2: store.password: is given here and by store.password_file; keep the file",
        ),
    ],
)
def test_what_cannot_be_meant_together_is_refused(tmp_path, text, expected):
    (error,) = errors(tmp_path, text)

    assert error.startswith(expected)


def test_a_contradiction_is_told_where_the_winning_value_stands(tmp_path):
    (error,) = errors(tmp_path, "workers:\n  watchdog_seconds: 100\n", CFSM_WORKERS__LEASE_SECONDS="90")

    assert error.startswith("environment: CFSM_WORKERS__LEASE_SECONDS: must be more than")


@pytest.mark.parametrize(
    ("timerange", "message"),
    [
        ("20250230-20250301", "20250230 is none"),
        ("20250301-20250201", "ends after it begins"),
        ("2025-01-01", "must be a timerange of days"),
        ("20250101", "must be text; put it in quotes"),
    ],
)
def test_a_timerange_has_real_days_in_order(tmp_path, timerange, message):
    (error,) = errors(tmp_path, f"backtest:\n  timerange: {timerange}\n")

    assert error.startswith("2: backtest.timerange: ")
    assert message in error


def test_a_timerange_may_be_open(tmp_path):
    (tmp_path / "cfsm.yaml").write_text("backtest: {timerange: 20250201-}")

    assert load(tmp_path, environ={}).backtest.timerange == "20250201-"


def test_real_orders_are_refused_and_it_is_said_what_they_would_need(tmp_path):
    (problem,) = errors(tmp_path, "forward_test:\n  mode: production\n")

    assert "forward_test.mode: must be shadow or debug" in problem
    assert "a person's decision" in problem
