"""Answers of the intake's own set, mended and then run in the cage: what was mended works."""

from dataclasses import dataclass

import pytest

from cfsm.domain.evaluation import Conditions, Job, Verdict
from cfsm.domain.intake.code import Wanted
from cfsm.domain.intake.taking_in import take_in
from tests.fakes.answers import FAULTY, FOUND, NAME, fenced, up_to

CONDITIONS = Conditions(dataset="synthetic", timerange="20250201-20250215", stake_amount=100.0)
ANSWERS = {
    **{f"{name}": answer for name, answer in FOUND.items()},
    **{name: answer for name, (answer, _) in FAULTY.items()},
}
A_FEW = ("in a fence", "the interface of old", "and between columns", "whole deviations", "nothing imported")


@dataclass
class Tried:
    verdict: Verdict
    codes: list


def tried(engine, answer):
    taken = take_in(answer, Wanted(NAME))
    outcome = engine.validate(Job("run", NAME, taken.source.encode(), CONDITIONS), lambda *_: None)
    return Tried(outcome.verdict, [found.code for found in outcome.findings if found.code != "STARTUP_SHORT"])


@pytest.mark.parametrize("name", A_FEW)
def test_a_mended_answer_runs(forge, name):
    assert tried(forge, ANSWERS[name]) == Tried(Verdict.ACCEPTED, [])


@pytest.mark.slow
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_every_mended_answer_runs(forge, answer):
    assert tried(forge, answer) == Tried(Verdict.ACCEPTED, [])


def test_what_was_not_mended_does_not_run(forge):
    broken = fenced(
        up_to("        dataframe.loc") + "        dataframe.loc[unknown, 'enter_long'] = 1\n        return dataframe\n"
    )

    assert tried(forge, broken).verdict is Verdict.REJECTED
