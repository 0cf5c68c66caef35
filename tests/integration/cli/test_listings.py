"""What listings show, for people and for programs, on a home with a past and on a new one."""

import pytest

from tests.fakes.home import NAMES

BEST, WEAK, REFUSED = NAMES

LISTINGS = [
    ("strategies", "list"),
    ("leaderboard",),
    ("runs", "list"),
    ("tasks", "list"),
    ("data", "list"),
    ("config", "show"),
    ("status",),
    ("history", "replay"),
    ("history", "verify"),
]


@pytest.mark.parametrize("command", LISTINGS, ids=" ".join)
def test_a_listing_prints_one_json_document_and_nothing_else(cfsm, command):
    result = cfsm(*command, "--json")

    assert (result.code, result.err) == (0, "")
    assert isinstance(result.json, dict | list)


@pytest.mark.parametrize("command", LISTINGS, ids=" ".join)
def test_a_listing_of_a_new_home_is_empty_and_no_error(new, command):
    assert new(*command).code == 0
    assert isinstance(new(*command, "--json").json, dict | list)


def test_strategies_are_listed_newest_first_and_filtered(cfsm):
    assert [each["name"] for each in cfsm("strategies", "list", "--json").json] == [REFUSED, WEAK, BEST]
    assert [each["name"] for each in cfsm("strategies", "list", "--in-service", "--json").json] == [BEST]
    assert [each["name"] for each in cfsm("strategies", "list", "--type", "trend", "--json").json] == [BEST]
    assert [each["name"] for each in cfsm("strategies", "list", "--state", "retired", "--limit", 1, "--json").json] == [
        REFUSED
    ]
    assert BEST in cfsm("strategies", "list").out


def test_a_listing_without_entries_says_so_on_stderr_alone(cfsm):
    result = cfsm("strategies", "list", "--type", "none-such")

    assert (result.code, result.out) == (0, "")
    assert "There is no such strategy." in result.err


def test_a_strategy_is_shown_by_the_beginning_of_its_name_or_id(cfsm):
    shown = cfsm("strategies", "show", "Trend", "--json").json

    assert shown["name"] == BEST
    assert cfsm("strategies", "show", shown["id"][:12], "--json").json == shown
    assert ["name", BEST] in [line.split() for line in cfsm("strategies", "show", BEST).out.splitlines()]


def test_the_leaderboard_shows_who_is_in_service_and_what_the_candles_were(cfsm):
    result = cfsm("leaderboard")

    assert BEST in result.out
    assert WEAK not in result.out
    assert "The candles are synthetic: these figures say nothing about a real market." in result.out
    assert [place["name"] for place in cfsm("leaderboard", "--all", "--json").json] == [BEST, WEAK]


def test_what_a_worker_says_of_a_strategy_is_no_word_about_its_runs_that_ended(cfsm, monkeypatch):
    runs = cfsm("runs", "list", "--json").json
    said = {run["strategy_id"]: "backtesting it 43 %" for run in runs}
    monkeypatch.setattr("cfsm.cli.runs.progress_of", lambda _: said)

    assert {run["state"] for run in runs} <= {"completed", "failed"}
    assert "43 %" not in cfsm("runs", "list").out


def test_runs_are_listed_and_shown(cfsm):
    runs = cfsm("runs", "list", "--json").json

    assert {run["strategy_name"] for run in runs} == set(NAMES)
    assert len(cfsm("runs", "list", "--kind", "validation", "--json").json) == 2
    shown = cfsm("runs", "show", runs[0]["id"][:10])
    assert shown.code == 0
    assert "no-stoploss (line 12): stoploss is not set set stoploss" in shown.out


def test_status_shows_the_pipeline_and_what_is_parked(cfsm):
    result = cfsm("status")

    assert "is not running; `cfsm start` starts it." in result.err
    assert "strategies: 1 Backtested, 2 Retired" in result.out
    assert "parked: backtest/1 after 3 attempts: no memory" in result.out
    assert cfsm("status", "--json").json["strategies"]["Backtested"] == 1


def test_lineage_is_a_tree_json_or_mermaid(cfsm):
    tree = cfsm("lineage", "Trend").out

    assert tree.splitlines()[1].startswith(f"└── generated: {BEST}")
    assert "    ├── evaluated: validation: accepted" in tree
    assert cfsm("lineage", BEST, "--mermaid").out.startswith("flowchart")
    assert {node["kind"] for node in cfsm("lineage", BEST, "--json").json["nodes"]} >= {"strategy", "generation"}


def test_export_writes_the_metadata_of_seed_001(cfsm, tmp_path):
    source = b'from freqtrade.strategy import IStrategy\n\n\nclass Mine(IStrategy):\n    timeframe = "1h"\n'
    (tmp_path / "mine.py").write_bytes(source)
    cfsm("strategies", "add", tmp_path / "mine.py")
    for name in NAMES:
        cfsm("strategies", "retire", name)

    result = cfsm("strategies", "export", tmp_path / "out")

    assert (result.code, result.out) == (0, "")
    (metadata,) = (tmp_path / "out").glob("strategies_metadata.json")
    assert '"Mine"' in metadata.read_text()
    assert [path.read_bytes() for path in (tmp_path / "out").rglob("*.py")] == [source]
