"""Settings are put together from defaults, a profile, a file and the environment, and errors come all at once."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from cfsm.application.errors import Misconfigured
from cfsm.settings import ConfigurationError, Settings, check, load, profiles


def write(folder: Path, text: str, name: str = "cfsm.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def errors(home: Path, **options) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(home, **{"environ": {}, **options})
    assert str(caught.value) == "\n".join(str(problem) for problem in caught.value.problems)
    return [str(problem) for problem in caught.value.problems]


def test_without_any_file_the_defaults_hold(tmp_path):
    settings = load(tmp_path / "not there", environ={})

    assert settings == Settings()
    assert settings.generation.interval_seconds == 3600
    assert settings.backtest.interval_seconds == 7200
    assert settings.retention.cleaning_time == "02:00"
    assert settings.store.engine == "sqlite"
    assert settings.ollama.timeouts_seconds["phi3"].complex == 900


def test_the_defaults_obey_the_schema():
    assert Settings.model_validate(Settings().model_dump()) == Settings()


def test_profile_file_and_environment_win_in_this_order(tmp_path):
    write(tmp_path, "selection:\n  minimum_trades: 40\n  deflated_probability: 0.9\n")

    settings = load(tmp_path, profile="safe", environ={"CFSM_SELECTION__DEFLATED_PROBABILITY": "0.8"})

    assert settings.selection.min_backtest_score == 0.5  # the profile's
    assert settings.selection.minimum_trades == 40  # the file's
    assert settings.selection.deflated_probability == 0.8  # the environment's
    assert settings.retention.max_strategies == 50  # the default


def test_origins_name_profile_file_line_and_variable(tmp_path):
    file = write(tmp_path, "selection:\n\n  minimum_trades: 40\n")

    origins = load(tmp_path, profile="safe", environ={"CFSM_GENERATION__SEED": "7"}).origins

    assert origins["selection.minimum_trades"] == f"{file}:3"
    assert origins["generation.seed"] == "environment CFSM_GENERATION__SEED"
    assert origins["selection.min_backtest_score"].startswith("profile safe (")
    assert origins["selection.min_backtest_score"].endswith("safe.yaml:9)")
    assert origins["profile"] == "command line --profile"
    assert "retention.max_strategies" not in origins


def test_the_profile_is_chosen_by_argument_then_variable_then_file(tmp_path):
    write(tmp_path, "profile: safe\n")

    by_file = load(tmp_path, environ={})
    by_variable = load(tmp_path, environ={"CFSM_PROFILE": "cpu_optimized"})
    by_argument = load(tmp_path, profile="cooperative", environ={"CFSM_PROFILE": "cpu_optimized"})

    assert (by_file.profile, by_file.workers.max_attempts) == ("safe", 5)
    assert (by_variable.profile, by_variable.generation.interval_seconds) == ("cpu_optimized", 7200)
    assert (by_argument.profile, by_argument.generation.mode) == ("cooperative", "contest")


@pytest.mark.parametrize(
    ("options", "text", "expected"),
    [
        ({"profile": "saef"}, "", "command line: --profile: must be one of"),
        ({"environ": {"CFSM_PROFILE": "saef"}}, "", "environment: CFSM_PROFILE: must be one of"),
        ({}, "\nprofile: saef\n", "cfsm.yaml:2: profile: must be one of"),
    ],
)
def test_an_unknown_profile_is_refused_where_it_was_chosen(tmp_path, options, text, expected):
    write(tmp_path, text)

    (error,) = errors(tmp_path, **options)

    assert expected in error
    assert "cooperative, cpu_optimized, safe, standard (there is no saef; did you mean safe?)" in error


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "", "x" * 200, "\x1b[31m"])
def test_a_profile_is_a_name_and_never_a_path(tmp_path, name):
    (error,) = errors(tmp_path, profile=name)

    assert error.startswith("command line: --profile: must ")
    assert error.isprintable()


@pytest.mark.parametrize("name", profiles())
def test_every_profile_loads_and_says_why(tmp_path, name):
    settings = load(tmp_path, profile=name, environ={})

    assert settings.profile == name
    shipped = Path(__file__).parents[3] / "config" / "profiles" / f"{name}.yaml"
    assert shipped.read_text().startswith("# ")


def test_the_profiles_are_those_that_the_documentation_names():
    assert profiles() == ["cooperative", "cpu_optimized", "safe", "standard"]
    assert all(name in str(Settings.model_fields["profile"].description) for name in profiles())


def test_all_errors_come_at_once_with_file_line_and_key(tmp_path):
    file = write(
        tmp_path,
        "generation:\n"
        "  interval_seconds: soon\n"
        "  strategy_types: [volatility, scalpign]\n"
        "retention:\n"
        "  max_strategys: 10\n"
        "  max_strategy_age_days: -1\n"
        "retention:\n"
        "  max_strategies: true\n",
    )

    found = errors(tmp_path, environ={"CFSM_BACKTEST__FEE": "much", "CFSM_BACKTEST__FEES": "1"})

    assert found == [
        f'{file}:2: generation.interval_seconds: must be a whole number (got "soon")',
        f"{file}:3: generation.strategy_types[1]: must be 'volatility', 'scalping', 'breakout', 'momentum', "
        "'mean_reversion' or 'trend'; did you mean scalping? (got \"scalpign\")",
        f"{file}:7: retention: is on line 4 already; keep one",
        f"{file}:8: retention.max_strategies: must be a whole number (got true)",
        "environment: CFSM_BACKTEST__FEES: is no setting; did you mean CFSM_BACKTEST__FEE?",
        'environment: CFSM_BACKTEST__FEE: must be a number (got "much")',
    ]


def test_a_configuration_error_asks_a_person_to_change_something(tmp_path):
    with pytest.raises(Misconfigured):
        load(tmp_path, profile="none", environ={})


@pytest.mark.parametrize(
    ("text", "suggested"),
    [
        ("retention:\n  max_strategys: 1", "retention.max_strategies"),
        ("generation:\n  max_strategies: 1", "retention.max_strategies"),
        ("generatoin:\n  seed: 1", "generation"),
        ("trading:\n  fee: 1", None),
        ("fee: 0.1", "backtest.fee"),
        ("max_strategis: 1", "max_strategies"),
        ("Generation:\n  seed: 1", "generation"),
        ("workers:\n  instances:\n    backtesters: 1", "workers.instances.backtester"),
        ("ollama:\n  timeouts_seconds:\n    phi3: {fsat: 1}", None),
    ],
)
def test_an_unknown_key_names_the_nearest_valid_one(tmp_path, text, suggested):
    write(tmp_path, text)

    (error,) = errors(tmp_path)

    assert ": is no setting" in error
    if suggested:
        assert error.endswith(f"did you mean {suggested}?")


def test_errors_of_a_layer_that_is_overridden_are_told_too(tmp_path):
    write(tmp_path, "generation:\n  seed: x\n")

    (error,) = errors(tmp_path, environ={"CFSM_GENERATION__SEED": "1"})

    assert "cfsm.yaml:2: generation.seed: must be a whole number" in error


def test_tables_are_merged_and_lists_are_replaced(tmp_path):
    write(tmp_path, "ollama:\n  timeouts_seconds:\n    phi3: {fast: 10}\n    mine: {fast: 1, normal: 2, complex: 3}\n")

    settings = load(tmp_path, environ={"CFSM_GENERATION__STRATEGY_TYPES": "trend"})

    table = settings.ollama.timeouts_seconds
    assert (table["phi3"].fast, table["phi3"].normal) == (10, 600)
    assert table["mine"].complex == 3
    assert table["mistral"].complex == 2700
    assert settings.generation.strategy_types == ("trend",)


def test_a_section_in_which_everything_is_commented_out_is_empty(tmp_path):
    write(tmp_path, "generation:\n  # seed: 3\nworkers:\n  instances:\nretention: null\n")

    assert load(tmp_path, environ={}).model_dump() == Settings().model_dump()


def test_settings_cannot_be_changed(tmp_path):
    settings = load(tmp_path, environ={})

    with pytest.raises(ValidationError, match="frozen"):
        settings.generation.seed = 2  # type: ignore[misc]


def test_one_given_file_stands_in_for_that_of_the_home(tmp_path):
    write(tmp_path, "generation:\n  seed: 5\n")
    other = write(tmp_path, "generation:\n  interval_seconds: 60\n", "other.yaml")

    settings = load(tmp_path, file=other, environ={})

    assert (settings.generation.seed, settings.generation.interval_seconds) == (1, 60)


@pytest.mark.parametrize("home", ["a\0b", "x" * 300])
def test_a_home_that_can_hold_no_file_is_refused(home):
    (error,) = errors(Path(home))

    assert "is no file's name" in error or "cannot be read: File name too long" in error


def test_check_gives_the_problems_of_a_file(tmp_path):
    good = write(tmp_path, "generation:\n  seed: 5\n", "good.yaml")
    bad = write(tmp_path, "generation:\n  seed: -5\n", "bad.yaml")

    assert check(good) == ([], [])
    ((problem,), notices) = check(bad)
    assert (problem.file, problem.line, problem.key) == (str(bad), 2, "generation.seed")
    assert problem.message == "must be at least 0 (got -5)"
    assert notices == []


def test_a_secret_is_not_repeated_in_an_error(tmp_path):
    write(tmp_path, "store:\n  password: 31415926\n")
    section = write(tmp_path, "store: password=31415926\n", "section.yaml")

    for found in (errors(tmp_path), errors(tmp_path, file=section)):
        assert "its value is not shown" in found[0]
        assert "31415926" not in found[0]


def test_very_many_errors_are_cut_short(tmp_path):
    write(tmp_path, "generation:\n" + "".join(f"  key{number}: 1\n" for number in range(4000)))

    found = errors(tmp_path)

    assert len(found) == 51
    assert found[-1] == "and 3950 more problems like these"


def test_nothing_heavy_is_imported():
    code = "import sys, cfsm.settings; print(*{name.partition('.')[0] for name in sys.modules})"

    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()

    assert "pydantic" in loaded
    assert not {"freqtrade", "pandas", "numpy", "eventsourcing", "pydantic_settings", "click", "rich"} & set(loaded)
