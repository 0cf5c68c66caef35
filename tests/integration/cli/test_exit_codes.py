"""Every way in which a command ends has its exit code, a message that says what to do, and no traceback."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from cfsm.cli.root import COMMANDS
from tests.fakes.home import NAMES, Cli, house_at, start, until

STRATEGY = 'from freqtrade.strategy import IStrategy\n\n\nclass Mine(IStrategy):\n    timeframe = "1h"\n'


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["histroy"], "Did you mean 'history'?"),
        (["leaderbord", "--json"], "Did you mean 'leaderboard'?"),
        (["strategies", "lst"], "Did you mean 'list'?"),
        (["leaderboard", "--jsn"], "Did you mean '--json'?"),
        (["leaderboard", "--limit", "many"], "'many' is not a valid integer"),
        (["history", "replay", "--at", "yesterday"], "'yesterday' is no moment"),
        (["history", "replay", "--at", "2026-01-01", "--event", "1"], "give --at or --event, not both"),
        (["history", "verify", "--head", "abc"], "'abc' is no head"),
        (["projections", "rebuild", "leaderbord"], "no projection is called 'leaderbord'; there are:"),
        (["generate", "--type", "luck"], "one of volatility"),
        (["worker", "sleeper"], "is not one of 'projector'"),
        (["lineage"], "Missing argument 'STRATEGY'"),
        (["data", "download", "--name", "x"], "Missing option"),
    ],
)
def test_wrong_usage_is_2_and_says_what_is_right(cfsm, arguments, said):
    result = cfsm(*arguments)

    assert (result.code, result.out) == (2, "")
    assert said in " ".join(result.err.split())
    assert "--help" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["strategies", "show", "Nobody"],
        ["strategies", "show", "Strategy"],
        ["strategies", "retire", "Nobody"],
        ["lineage", "Nobody"],
        ["history", "show", "Nobody"],
        ["runs", "show", "ffff"],
        ["tasks", "release", "backtest/none"],
        ["strategies", "add", "no-such-file.py"],
        ["strategies", "export", "/dev/null/x"],
        ["history", "verify", "--head", "1:0f"],
    ],
    ids=" ".join,
)
def test_no_for_an_answer_is_1_with_a_message(cfsm, arguments):
    result = cfsm(*arguments)

    assert result.code == 1
    assert result.err.strip()
    assert "Traceback" not in result.err


def test_a_blob_that_is_missing_or_damaged_is_named(cfsm, tmp_path):
    (tmp_path / "mine.py").write_text(STRATEGY)
    cfsm("strategies", "add", tmp_path / "mine.py")
    assert cfsm("strategies", "show", "Mine", "--source").out == STRATEGY

    (blob,) = (cfsm.home / "blobs").glob("*/*.zst")
    blob.write_bytes(b"garbage")
    damaged = cfsm("strategies", "show", "Mine", "--source")
    blob.unlink()
    missing = cfsm("strategies", "show", "Mine", "--source")

    assert (damaged.code, missing.code) == (1, 1)
    assert str(blob) in damaged.err
    assert "no blob" in missing.err


def test_a_wrong_configuration_is_78_with_every_problem(cfsm):
    (cfsm.home / "cfsm.yaml").write_text("generation:\n  sead: 1\nretention:\n  max_strategies: many\n")

    result = cfsm("leaderboard")

    assert (result.code, result.out) == (78, "")
    assert "cfsm.yaml:2: generation.sead: is no setting; did you mean generation.seed?" in result.err
    assert "cfsm.yaml:4: retention.max_strategies: must be a whole number" in result.err


@pytest.mark.parametrize("home", ["/dev/null", "/proc/nowhere"])
def test_a_home_that_cannot_be_is_78(capfd, home):
    for arguments in (["leaderboard"], ["run"], ["generate"]):
        result = Cli(home, capfd)(*arguments)

        assert result.code == 78
        assert f"{home} " in result.err
        assert "choose another" in result.err or "CFSM_HOME" in result.err


def test_an_event_store_that_is_none_is_78_and_stays_as_it_is(cfsm):
    (cfsm.home / "events.sqlite").write_bytes(b"my holiday photos")

    for arguments in (["leaderboard"], ["history", "verify"], ["run"], ["backup", cfsm.home.parent / "b"]):
        result = cfsm(*arguments)
        assert result.code == 78, arguments
        assert "events.sqlite" in result.err
    assert (cfsm.home / "events.sqlite").read_bytes() == b"my holiday photos"


def test_a_locked_event_store_is_75(cfsm, monkeypatch):
    monkeypatch.setattr("cfsm.adapters.event_store.opening.LOCK_SECONDS", 0.1)
    writer = sqlite3.connect(cfsm.home / "events.sqlite", isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")

    result = cfsm("generate")

    writer.close()
    assert result.code == 75
    assert "is locked by another process" in result.err


def test_a_damaged_projection_is_built_anew(cfsm):
    assert cfsm("strategies", "list").code == 0
    for path in (cfsm.home / "projections").glob("strategies-*.db"):
        path.write_bytes(b"x" * 8192)

    result = cfsm("strategies", "list", "--json")

    assert result.code == 0
    assert len(result.json) == len(NAMES)


def test_an_altered_event_is_named_by_verify(cfsm):
    head = cfsm("history", "verify", "--json").json["head"]
    database = sqlite3.connect(cfsm.home / "events.sqlite")
    database.execute("UPDATE stored_events SET topic = 'Strategy.Validated' WHERE rowid = 5")
    database.commit()
    database.close()

    result = cfsm("history", "verify")

    assert result.code == 1
    assert "event 5 was altered; the 4 events before it hold" in result.out
    assert cfsm("history", "verify", "--json").json["broken"] == {"id": 5, "what": "altered"}
    assert head.partition(":")[2]


def test_a_head_written_down_earlier_is_found_again(cfsm):
    head = cfsm("history", "verify", "--json").json["head"]
    cfsm("generate")

    later = cfsm("history", "verify", "--head", head, "--json")

    assert (later.code, later.json["head_known"]) == (0, True)
    assert later.json["head"] != head
    place, _, link = head.partition(":")
    assert cfsm("history", "verify", "--head", f"{int(place) - 1}:{link}").code == 1


@pytest.mark.parametrize(
    "command", [["history", "follow"], ["runs", "follow"], ["history", "replay", "--speed", "1e-9"]]
)
def test_ctrl_c_is_130_and_clean(home, command):
    following = start(home, *command)
    try:
        if "replay" in command:
            assert following.stdout.readline()
        else:
            until(lambda: any((house_at(home).run_folder / "bells").glob("*")), following)
        following.send_signal(signal.SIGINT)
        _, err = following.communicate(timeout=30)
    finally:
        following.kill()

    assert following.returncode == 130
    assert "Traceback" not in err


def test_a_pipe_that_is_closed_early_is_no_complaint(home):
    reading = start(home, "history", "replay", "--speed", "1e9", stderr=subprocess.PIPE)
    reading.stdout.readline()
    reading.stdout.close()
    err = reading.stderr.read()
    reading.wait(30)
    reading.stderr.close()

    assert err == ""


def test_a_full_disk_behind_stdout_is_said(home):
    with Path("/dev/full").open("w") as full:
        writing = start(home, "leaderboard", "--json", stdout=full)
        _, err = writing.communicate(timeout=30)

    assert writing.returncode == 1
    assert err == "Error: No space left on device\n"


def test_a_bug_is_a_traceback(cfsm, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("cfsm.cli.leaderboard.show", broken)

    with pytest.raises(ZeroDivisionError):
        cfsm("leaderboard")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(cfsm, command):
    result = cfsm(command, "--help")

    assert (result.code, result.err) == (0, "")
    assert f"Usage: cfsm {command}" in " ".join(result.out.split())


def test_help_and_read_commands_load_neither_freqtrade_nor_pandas(home):
    commands = [
        ["--help"],
        ["strategies", "list"],
        ["leaderboard", "--json"],
        ["lineage", NAMES[0]],
        ["history", "show", NAMES[0]],
        ["history", "replay"],
        ["history", "verify"],
        ["runs", "list"],
        ["tasks", "list"],
        ["status"],
        ["config", "show"],
        ["strategies", "--help"],
    ]
    code = (
        "import sys\n"
        "from cfsm.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code, ended.code\n"
        "heavy = {'freqtrade', 'pandas', 'ccxt', 'pyarrow', 'scipy', 'talib', 'optuna', 'ollama', 'psycopg'}\n"
        "print(*sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    environ = {**os.environ, "CFSM_HOME": str(home)}

    for command in commands:
        done = subprocess.run(
            [sys.executable, "-c", code, *command], env=environ, capture_output=True, text=True, check=True
        )
        assert done.stderr.split("\n")[-2] == "", command
