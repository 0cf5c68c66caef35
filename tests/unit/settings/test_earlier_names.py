"""Configuration files of the systems before this one are read as they are."""

import re
from pathlib import Path

import pytest

from cfsm.settings import ConfigurationError, Settings, load

STANDARD = """\
{
  "auto_validation": true,           // validate by itself
  "auto_backtest": false,            // backtest by itself
  "max_strategies": 51,              // limit
  "generation_interval": 3601,       // every hour
  "backtest_interval": 7201,         // every two hours
  "cleanup_old_strategies": true,    // clean by itself
  "strategy_types": ["volatility", "scalping", "breakout", "momentum"],
  "models": ["phi3", "llama2", "mistral"],
  "min_backtest_score": 0.2,         // lowest score
  "max_strategy_age_days": 31        // highest age
}
"""

COOPERATIVE = """\
{
  "models": ["cogito:8b", "mistral:7b-instruct-q4_0", "phi3:mini"],
  "strategy_types": ["volatility", "scalping"],
  "cooperative_mode": {
    "enable_cooperation": true,
    "enable_contest_mode": true,
    "use_llm_voting": true,
    "parallel_generation_count": 4
  },
  "model_selection": {
    "generation": ["cogito:8b", "mistral:7b-instruct-q4_0", "phi3:mini"],
    "validation": ["cogito:8b", "mistral:7b-instruct-q4_0"],
    "optimization": "cogito:8b"
  }
}
"""


def write(folder: Path, text: str, name: str = "background_config.json") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def errors(file: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(file.parent, file=file, environ={})
    return [str(problem).removeprefix(f"{file}:") for problem in caught.value.problems]


def test_the_standard_file_is_read_as_it_is(tmp_path):
    file = write(tmp_path, STANDARD)

    settings = load(tmp_path, file=file, environ={})

    assert settings.backtest.auto_backtest is False
    assert settings.retention.max_strategies == 51
    assert settings.generation.interval_seconds == 3601
    assert settings.backtest.interval_seconds == 7201
    assert settings.generation.strategy_types == ("volatility", "scalping", "breakout", "momentum")
    assert settings.generation.models == ("phi3", "llama2", "mistral")
    assert settings.selection.min_backtest_score == 0.2
    assert settings.retention.max_strategy_age_days == 31
    assert settings.origins["generation.interval_seconds"] == f"{file}:5"


def test_the_cooperative_file_is_read_as_it_is(tmp_path):
    settings = load(tmp_path, file=write(tmp_path, COOPERATIVE), environ={})

    assert settings.generation.mode == "contest"
    assert settings.generation.parallel_generation_count == 4
    assert settings.model_selection.validation == ("cogito:8b", "mistral:7b-instruct-q4_0")
    assert settings.model_selection.optimization == ("cogito:8b",)


def test_their_names_are_known_in_yaml_too(tmp_path):
    text = "max_strategies: 21\nmin_backtest_score: 0.3\n"

    settings = load(tmp_path, file=write(tmp_path, text, "config.yaml"), environ={})

    assert (settings.retention.max_strategies, settings.selection.min_backtest_score) == (21, 0.3)


def test_a_coordinator_is_accepted_and_said_to_have_no_effect(tmp_path):
    text = "generation:\n  seed: 5\ncoordinator:\n  max_concurrent_operations: 20\n  health_check_interval: 30\n"
    file = write(tmp_path, text, "config.yaml")

    settings = load(tmp_path, file=file, environ={})

    assert settings.model_dump() == {**Settings().model_dump(), "generation": settings.generation.model_dump()}
    assert [str(notice) for notice in settings.notices] == [
        f"{file}:4: coordinator.max_concurrent_operations: has no effect: each worker does one thing at a time; "
        "workers.instances says how many workers there are",
        f"{file}:5: coordinator.health_check_interval: has no effect: workers are watched all the time; "
        "workers.watchdog_seconds says how long one may be silent",
    ]


def test_another_key_of_a_coordinator_is_no_setting(tmp_path):
    text = "coordinator:\n  health_check_interval: 30\n  max_concurent_operations: 20\n"

    (error,) = errors(write(tmp_path, text, "config.yaml"))

    assert error.startswith("1: coordinator: is no setting")


@pytest.mark.parametrize(
    ("flags", "mode"),
    [
        ('"enable_cooperation": false, "enable_contest_mode": true', "single"),
        ('"enable_cooperation": true', "contest"),
        ('"enable_contest_mode": true, "use_llm_voting": true', "contest"),
        ('"enable_contest_mode": false, "use_llm_voting": true', "voting"),
        ('"enable_contest_mode": false', "consensus"),
        ("", "single"),
    ],
)
def test_the_flags_choose_the_mode(tmp_path, flags, mode):
    file = write(tmp_path, f'{{"models": ["a", "b"], "cooperative_mode": {{{flags}}}}}')

    assert load(tmp_path, file=file, environ={}).generation.mode == mode


def test_errors_name_their_own_keys_and_lines(tmp_path):
    text = STANDARD.replace("3601", '"hourly"').replace('"phi3"', "3").replace("51", "0")

    assert errors(write(tmp_path, text)) == [
        "4: max_strategies: must be at least 1 (got 0)",
        '5: generation_interval: must be a whole number (got "hourly")',
        "9: models[0]: must be text; put it in quotes (got 3)",
    ]


def test_a_misspelled_flat_key_names_the_nearest_flat_one(tmp_path):
    text = STANDARD.replace("generation_interval", "generation_intervall")

    assert errors(write(tmp_path, text)) == [
        "5: generation_intervall: is no setting; did you mean generation_interval?"
    ]


def test_wrong_flags_are_refused_by_name(tmp_path):
    text = '{"models": ["a", "b"],\n"cooperative_mode": {\n"enable_contest_mode": "yes",\n"use_llm_votes": true}}'

    assert errors(write(tmp_path, text)) == [
        '3: cooperative_mode.enable_contest_mode: must be true or false (got "yes")',
        "4: cooperative_mode.use_llm_votes: is no setting; did you mean cooperative_mode.use_llm_voting?",
    ]


@pytest.mark.parametrize("section", ["7", '"contest"', "[true]"])
def test_a_cooperation_that_is_no_section_is_refused(tmp_path, section):
    (error,) = errors(write(tmp_path, f'{{"cooperative_mode": {section}}}'))

    assert error.startswith("1: cooperative_mode: must be a section of keys (got ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "models: [a]\ngeneration:\n  models: [b]\n",
            "1: models: says the same as generation.models on line 3; keep one",
        ),
        (
            "cooperative_mode:\n  use_llm_voting: true\ngeneration:\n  mode: voting\n  models: [a, b]\n",
            "1: cooperative_mode: says the same as generation.mode on line 4; keep one",
        ),
    ],
)
def test_one_thing_said_twice_is_refused(tmp_path, text, expected):
    assert errors(write(tmp_path, text, "x.yaml")) == [expected]


def test_a_key_beside_a_section_that_is_none_does_not_break_the_reader(tmp_path):
    (error,) = errors(write(tmp_path, '{"generation": 5, "models": ["a"]}'))

    assert error == "1: generation: must be a section of keys (got 5)"


SEEDS = Path(__file__).parents[4] / "shared" / "seeds"


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the documents of the earlier systems are not beside this checkout")
def test_the_files_printed_in_the_documents_of_the_earlier_systems_are_read(tmp_path):
    blocks = [
        block
        for document in sorted(SEEDS.glob("00[01]_*.md"))
        for block in re.findall(r"```json\n(.*?)```", document.read_text(), re.DOTALL)
        if '"strategy_types"' in block
    ]

    assert len(blocks) == 3
    for block in blocks:
        settings = load(tmp_path, file=write(tmp_path, block), environ={})
        assert settings.generation.models
