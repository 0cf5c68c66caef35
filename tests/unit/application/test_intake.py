import json

import pytest

from cfsm.adapters.blueprint import render
from cfsm.application import intake
from cfsm.application.intake import Channel, Outcome, candidates
from cfsm.domain.evaluation import Verdict
from cfsm.domain.intake.code import Wanted
from tests.fakes.answers import GOOD, NAME, fenced
from tests.fakes.blueprints import draw

MENDED = fenced(GOOD.replace("stoploss = -0.05", "stoploss = 0.05"))


def taken(content, label="answer.txt", wanted=None):
    (candidate,) = candidates(label, content if isinstance(content, bytes) else content.encode(), render, wanted)
    return candidate


def codes(candidate):
    return [finding.code for finding in candidate.taken.findings]


@pytest.mark.parametrize(
    ("content", "verdict", "outcome"),
    [
        (GOOD, Verdict.ACCEPTED, Outcome.ACCEPTED),
        (fenced(GOOD), Verdict.ACCEPTED, Outcome.ACCEPTED),
        (MENDED, Verdict.ACCEPTED, Outcome.REPAIRED),
        (MENDED, Verdict.REJECTED, Outcome.REJECTED),
        (GOOD, Verdict.UNSAFE, Outcome.UNSAFE),
        ("I cannot.", Verdict.REJECTED, Outcome.REJECTED),
    ],
)
def test_the_outcome_is_of_the_text_and_of_the_verdict(content, verdict, outcome):
    assert taken(content).outcome(verdict) is outcome


def test_a_strategy_that_is_right_differs_from_its_file_in_nothing():
    assert not taken(GOOD).differs
    assert taken(fenced(GOOD)).differs


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_encodings_of_shells_and_editors_are_read(encoding):
    candidate = taken(f"Così è più semplice:\n{fenced(GOOD)}".encode(encoding))

    assert (candidate.taken.class_name, codes(candidate)) == (NAME, [])


def test_a_filled_form_is_rendered_under_the_name_of_its_file():
    candidate = taken(json.dumps(draw(1)), "my answer-2.json")

    assert (candidate.channel, candidate.taken.class_name) == (Channel.BLUEPRINT, "BlueprintMyAnswer2")
    assert "class BlueprintMyAnswer2(IStrategy):" in candidate.taken.source


def test_a_form_with_faults_is_told_its_fields():
    assert set(codes(taken('{"enter_long": "rsi(close, 14) <", "stoploss": -0.05}'))) == {"BLUEPRINT_FAULT"}


def test_json_that_merely_describes_a_strategy_is_none():
    assert codes(taken('{"name": "Trend", "entry": "RSI is low"}')) == ["JSON_NOT_CODE"]


def test_answers_of_a_set_are_named_by_their_lines_and_take_their_own_names():
    rows = [{"completion": fenced(GOOD), "class_name": "First"}, {"completion": fenced(GOOD), "class_name": "no name"}]
    content = "".join(f"{json.dumps(row)}\n" for row in rows).encode()

    found = list(candidates("set.jsonl", content, render))

    assert [(each.label, each.taken.class_name) for each in found] == [("set.jsonl:1", "First"), ("set.jsonl:2", NAME)]
    assert found[0].taken.steps == ("set", "fence")


def test_a_name_asked_for_goes_before_a_sets_own():
    row = json.dumps({"model": "phi3", "response": fenced(GOOD)})

    assert taken(row, wanted=Wanted("Mine")).taken.class_name == "Mine"


@pytest.mark.parametrize(
    ("content", "code"), [(b"class A:\x00", "SOURCE_SYNTAX"), (b"x" * (intake.MAX_BYTES + 1), "SOURCE_SIZE")]
)
def test_what_is_no_text_is_refused(content, code):
    assert codes(taken(content)) == [code]


def test_a_source_that_no_forge_takes_is_refused_before_it_is_sent():
    comments = "#" + "\u20ac" * 90_000 + "\n"

    assert codes(taken(comments + GOOD)) == ["SOURCE_SIZE"]
