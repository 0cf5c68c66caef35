"""Files of any kind given to a command end in a message that names the file and what is wrong, never in a traceback."""

import os

import pytest

STRATEGY = """\
from freqtrade.strategy import IStrategy


class Mine(IStrategy):
    timeframe = "1h"
    minimal_roi = {"0": 0.1}
    stoploss = -0.1
"""

NO_STRATEGIES = {
    "empty": (b"", "found: none"),
    "blank": (b"\n \n\t\n", "found: none"),
    "binary": (bytes(range(256)) * 40, ""),
    "zero bytes": (b"\0" * 1000, ""),
    "PNG": (b"\x89PNG\r\n\x1a\n" + os.urandom(3000), ""),
    "UTF-16": (STRATEGY.encode("utf-16"), ""),
    "not Python": (b"<html><body>404 Not Found</body></html>", ""),
    "half": (STRATEGY.encode()[:60], ""),
    "no strategy": (
        b"class Mine:\n    timeframe = '1h'\n",
        "exactly one class that derives from IStrategy; found: none",
    ),
    "two strategies": (
        STRATEGY.encode() + STRATEGY.split("\n\n\n")[1].replace("Mine", "Yours").encode(),
        "Mine, Yours",
    ),
    "10 MB": (b"# " + b"x" * 10_000_000, "is larger than 1000000 bytes"),
    "deep": (b"x = " + b"(" * 5000 + b")" * 5000, ""),
    "hidden by its encoding": (b"# -*- coding: utf-7 -*-\n" + STRATEGY.encode(), ""),
}


@pytest.mark.parametrize(("content", "said"), NO_STRATEGIES.values(), ids=NO_STRATEGIES)
def test_what_is_no_strategy_is_refused_and_leaves_nothing(cfsm, tmp_path, content, said):
    file = tmp_path / "mine.py"
    file.write_bytes(content)
    before = cfsm("history", "verify", "--json").json

    result = cfsm("strategies", "add", file)

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(("Error:", "\nError:")) or "Error" in result.err
    assert str(file) in result.err.replace("\n", "")
    assert said in " ".join(result.err.split())
    assert result.err.replace("\n", "").isprintable()
    assert cfsm("history", "verify", "--json").json == before
    assert not list((cfsm.home / "blobs").glob("*/*.zst"))


@pytest.mark.parametrize("kind", ["none", "folder", "pipe", "device"])
def test_what_is_no_file_is_refused_at_once(cfsm, tmp_path, kind):
    places = {"none": tmp_path / "none.py", "folder": tmp_path, "pipe": tmp_path / "pipe.py", "device": "/dev/zero"}
    if kind == "pipe":
        os.mkfifo(places[kind])

    result = cfsm("strategies", "add", places[kind])

    assert (result.code, result.out) == (1, "")
    assert str(places[kind]) in result.err.replace("\n", "")


def test_a_strategy_enters_under_its_own_name_once(cfsm, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(STRATEGY)

    first, second = cfsm("strategies", "add", file), cfsm("strategies", "add", file)

    assert (first.code, first.out, first.err) == (0, "Mine\n", "Added Mine.\n")
    assert (second.code, second.out) == (1, "")
    assert "a strategy called Mine is in the factory already: rename the class" in " ".join(second.err.split())
    assert cfsm("strategies", "show", "Mine", "--source").out == STRATEGY
    assert [task["kind"] for task in cfsm("tasks", "list", "--json").json if task["state"] == "open"].count(
        "validate"
    ) >= 1


GARBAGE = {
    "empty": (b"", 0),
    "binary": (bytes(range(256)), 78),
    "JSON in YAML's clothes": (b"{", 78),
    "a list": (b"- a\n- b\n", 78),
    "a tag": (b"generation: !!python/object/apply:os.system [id]\n", 78),
    "10 MB": (b"# " + b"x" * 10_000_000, 78),
    "a million nested lists": (b"a: " + b"[" * 100_000, 78),
    "not UTF-8": ("generation: {seed: 1} # größer".encode("latin-1"), 78),
}


@pytest.mark.parametrize(("content", "code"), GARBAGE.values(), ids=GARBAGE)
def test_garbage_given_to_config_check_is_named(cfsm, tmp_path, content, code):
    file = tmp_path / "some.yaml"
    file.write_bytes(content)

    result = cfsm("config", "check", file)

    assert (result.code, result.out) == (code, "")
    assert str(file) in result.err
    assert result.err.replace("\n", "").isprintable()


def test_config_check_says_what_is_right_and_what_is_without_effect(cfsm, tmp_path):
    file = tmp_path / "background_config.json"
    file.write_text('{"models": ["phi3"], // ours\n "coordinator": {"health_check_interval": 30}}')

    result = cfsm("config", "check", file)

    assert result.code == 0
    assert result.err.splitlines()[-1] == f"{file} is right."
    assert f"Note: {file}:2: coordinator.health_check_interval: has no effect" in result.err
    assert cfsm("config", "check").err == "The configuration is right.\n"


def test_the_schema_is_one_json_document(cfsm):
    assert cfsm("config", "schema").json["title"] == "Settings"


def test_candles_are_made_listed_and_imported(new, tmp_path):
    made = new("data", "synth", "--name", "small", "--start", "2025-01-01", "--end", "2025-01-08")
    again = new("data", "synth", "--name", "small", "--start", "2025-01-01", "--end", "2025-01-08")
    imported = new("data", "import", new.home / "data" / "small", "--name", "copy", "--pair", "BTC/USDT:USDT")

    assert [(result.code, result.out) for result in (made, again, imported)] == [
        (0, "small\n"),
        (0, "small\n"),
        (0, "copy\n"),
    ]
    small, copy = sorted(new("data", "list", "--json").json, key=lambda each: each["name"], reverse=True)
    assert (small["kind"], small["label"]) == ("synthetic", "small (synthetic)")
    assert (copy["kind"], copy["pairs"]) == ("imported", ["BTC/USDT:USDT"])
    assert all(file["gaps"] == 0 for file in small["files"])
    assert new.home.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["import", "/no/such/folder"], 78, "/no/such/folder"),
        (["import", "/dev", "--name", "x"], 78, "/dev"),
        (["synth", "--name", "../x"], 78, "../x"),
        (["synth", "--start", "2025-02-01", "--end", "2025-01-01"], 78, ""),
        (["synth", "--start", "soon"], 2, "soon"),
    ],
)
def test_candles_that_cannot_be_are_refused(new, arguments, code, said):
    result = new("data", *arguments)

    assert (result.code, result.out) == (code, "")
    assert said in result.err.replace("\n", "")
    assert "Traceback" not in result.err
    assert new("data", "list", "--json").json == []
