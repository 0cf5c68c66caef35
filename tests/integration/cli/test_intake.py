"""``cfsm intake`` on files of one's own, with a scripted engine in the forge's place."""

import io
import json
import sys
from hashlib import sha256

import pytest

from cfsm.application.history import History
from tests.fakes.answers import GOOD, NAME, fenced
from tests.fakes.command_engine import CommandEngine
from tests.fakes.home import house_at

MENDED = GOOD.replace("stoploss = -0.05", "stoploss = 0.05")
UNSAFE = f"import os\nos.system('true')\n{GOOD}"


@pytest.fixture
def cfsm(new, datasets):
    """Call a command on a home that has candles and no past."""
    new.home.mkdir()
    (new.home / "data").symlink_to(datasets)
    return new


@pytest.fixture(autouse=True)
def engine(monkeypatch):
    scripted = CommandEngine()
    monkeypatch.setattr("cfsm.cli.engines.open_engine", scripted.open)
    return scripted


@pytest.fixture
def file(tmp_path):
    def write(text, name="answer.txt"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_each_file_gets_an_outcome_in_the_files_order(cfsm, file, engine):
    files = [
        file(GOOD, "right.py"),
        file(fenced(MENDED), "mended.txt"),
        file(fenced(GOOD.replace("dataframe['rsi'] = ", "raise ")), "broken.txt"),
        file(UNSAFE, "unsafe.py"),
        file("I cannot help with that.", "refusal.txt"),
    ]

    result = cfsm("intake", *files, "--json")

    assert result.code == 1
    answers = result.json_lines
    assert [answer["file"] for answer in answers] == [str(path) for path in files]
    assert [answer["outcome"] for answer in answers] == ["accepted", "repaired", "rejected", "unsafe", "rejected"]
    assert [(found["code"], found["line"]) for found in answers[3]["findings"]] == [("POLICY_IMPORT", 1)]
    assert [found["code"] for found in answers[4]["findings"]] == ["REFUSED"]
    assert len(engine.jobs) == 4


def test_a_repair_is_told_with_its_name_and_line_and_the_final_source_by_its_hash(cfsm, file, engine):
    result = cfsm("intake", file(fenced(MENDED)), "--json")

    (repair,) = result.json["repairs"]
    assert (repair["name"], repair["line"]) == ("negate_stoploss", MENDED[: MENDED.index("stoploss")].count("\n") + 1)
    assert result.json["source_hash"] == sha256(engine.jobs[0].source).hexdigest()
    assert (result.code, result.json["strategy"], result.json["steps"]) == (0, NAME, ["fence"])


def test_for_people_an_outcome_is_a_line_with_repairs_and_findings_below(cfsm, file):
    mended, unsafe = file(fenced(MENDED)), file(UNSAFE, "unsafe.py")

    result = cfsm("intake", mended, unsafe)

    first, second, third, fourth = result.out.splitlines()
    assert first.startswith(f"repaired  {mended}  {NAME}")
    assert "negate_stoploss: stoploss is -0.05" in second
    assert third.startswith(f"unsafe    {unsafe}")
    assert "POLICY_IMPORT line 1" in fourth
    assert "2 answers: 0 accepted, 1 repaired, 0 rejected, 1 unsafe." in result.err


def test_what_holds_no_strategy_starts_no_forge(cfsm, file, engine):
    result = cfsm("intake", file("There is nothing here."))

    assert (result.code, engine.opened) == (1, 0)


def test_what_is_unsafe_and_cannot_be_mended_is_unsafe(cfsm, file, engine):
    entries = UNSAFE.index("    def populate_entry_trend")

    result = cfsm("intake", file(UNSAFE[:entries], "broken.py"), "--json")

    assert (result.json["outcome"], engine.jobs) == ("unsafe", [])
    assert [found["code"] for found in result.json["findings"]] == [
        "POLICY_IMPORT",
        "POLICY_ATTRIBUTE",
        "METHOD_MISSING",
    ]


def test_fixing_writes_what_was_accepted_beside_the_file_and_overwrites_nothing(cfsm, file, tmp_path):
    path = file(MENDED, "mine.py")
    (tmp_path / "mine_fixed.py").write_text("# of mine\n")

    first = cfsm("intake", "--fix", "--json", path)
    again = cfsm("intake", "--fix", "--json", path)

    assert first.json["fixed"] == again.json["fixed"] == str(tmp_path / "mine_fixed_2.py")
    assert (tmp_path / "mine_fixed_2.py").read_text() == GOOD
    assert (tmp_path / "mine_fixed.py").read_text() == "# of mine\n"
    assert path.read_text() == MENDED


def test_fixing_writes_nothing_that_is_right_already_or_does_not_work(cfsm, file, tmp_path):
    broken = file(fenced(MENDED.replace("dataframe['rsi'] = ", "raise ")), "broken.txt")

    cfsm("intake", "--fix", file(GOOD, "right.py"), broken)

    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {"right.py", "broken.txt"}


def events_of(cfsm):
    house = house_at(cfsm.home)
    return list(History(house.factory.store).between(0))


def test_adding_enters_what_works_into_the_factory(cfsm, file):
    result = cfsm("intake", "--add", "--type", "trend", "--json", file(fenced(MENDED)))

    assert result.json["added"] == NAME
    shown = cfsm("strategies", "show", NAME, "--json").json
    assert (shown["strategy_type"], shown["origin"]) == ("trend", "added")
    assert cfsm("strategies", "show", NAME, "--source").out == GOOD
    (event,) = [each for each in events_of(cfsm) if each.topic == "Strategy.TakenIn"]
    assert [repair["name"] for repair in event.facts["repairs"]] == ["negate_stoploss"]
    assert event.facts["extraction"] == ["fence"]
    assert house_at(cfsm.home).blobs.get(event.facts["blobs"]["original"]).decode() == fenced(MENDED)


def test_adding_twice_is_refused_and_told(cfsm, file):
    path = file(GOOD, "mine.py")
    cfsm("intake", "--add", path)

    result = cfsm("intake", "--add", path)

    assert result.code == 1
    assert "is in the factory already" in result.err


def test_an_answer_may_come_from_a_pipe(cfsm, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(fenced(GOOD).encode())))

    result = cfsm("intake", "--json", "-")

    assert (result.code, result.json["file"], result.json["outcome"]) == (0, "-", "accepted")


def test_a_set_of_answers_is_told_line_by_line(cfsm, file):
    rows = [{"completion": fenced(GOOD), "class_name": "First"}, {"completion": "Sorry."}]

    result = cfsm("intake", "--json", file("".join(f"{json.dumps(row)}\n" for row in rows), "set.jsonl"))

    assert [(each["file"][-2:], each["outcome"]) for each in result.json_lines] == [
        (":1", "repaired"),
        (":2", "rejected"),
    ]
    assert result.json_lines[0]["strategy"] == "First"


def test_a_name_that_python_does_not_take_is_wrong_usage(cfsm, file):
    assert cfsm("intake", "--name", "no name", file(GOOD)).code == 2
