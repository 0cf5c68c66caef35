"""What went wrong, in words, and whom it is no use to ask again."""

from datetime import UTC, datetime

import pytest

from cfsm.domain.aggregate import Stamp
from cfsm.domain.generation import Generation
from cfsm.domain.setbacks import is_anyone_there, is_out, why_not, why_nothing
from tests.fakes import talk

STAMP = Stamp(datetime(2026, 11, 21, 12, tzinfo=UTC), "tester@here")


@pytest.fixture
def generation():
    return Generation.request("slot", strategy_type="trend", mode="contest", model="", seed=7, why="", stamp=STAMP)


def asked(generation, step, model="phi3:mini"):
    generation.ask(talk.step(step, model=model), STAMP)
    return step


def failed(generation, step, reason, model="phi3:mini"):
    facts = talk.FAILED_ANSWER | {"reason": reason, "detail": f"it {reason}"}
    generation.keep_failed_answer(asked(generation, step, model), facts, STAMP)


def answered(generation, step, **proposal):
    generation.keep_answer(asked(generation, step), talk.ANSWER, STAMP)
    generation.propose(talk.proposal(step, **proposal), STAMP)


@pytest.mark.parametrize(
    ("reason", "out"),
    [
        ("timed_out", True),
        ("stalled", True),
        ("unavailable", True),
        ("refused", True),
        ("loop", False),
        ("empty", False),
    ],
)
def test_only_what_lasts_puts_a_model_out(generation, reason, out):
    failed(generation, "phi3:mini/0", reason)

    assert is_out(generation, "phi3:mini") is out
    assert not is_out(generation, "cogito:8b")


def test_a_model_that_answered_once_is_not_out(generation):
    answered(generation, "phi3:mini/0")
    failed(generation, "phi3:mini/1", "timed_out")

    assert not is_out(generation, "phi3:mini")


def test_somebody_is_there_who_began_to_answer(generation):
    failed(generation, "phi3:mini/0", "unavailable")
    assert not is_anyone_there(generation)

    failed(generation, "cogito:8b/0", "timed_out", "cogito:8b")
    assert is_anyone_there(generation)


def test_the_reason_is_that_of_the_last_round(generation):
    answered(generation, "phi3:mini/0", findings=[talk.FINDING])
    failed(generation, "phi3:mini/1", "timed_out")

    assert why_not(generation, "phi3:mini") == "timed_out: it timed_out"
    assert why_not(generation, "nobody") == "it was not asked"


@pytest.mark.parametrize(
    ("proposal", "words"),
    [
        ({"findings": [talk.FINDING]}, "NO_TRADES: It never trades"),
        ({"duplicate_of": "Other"}, "the same as Other"),
        ({"code_hash": ""}, "nothing usable came"),
    ],
)
def test_a_proposal_that_was_not_run_says_why(generation, proposal, words):
    answered(generation, "phi3:mini/0", **proposal)

    assert why_not(generation, "phi3:mini") == words


def test_a_proposal_that_was_run_says_what_the_run_found(generation):
    answered(generation, "phi3:mini/0")
    generation.execute(talk.execution("phi3:mini/0"), STAMP)
    generation.screen(talk.screening("phi3:mini/0", outcome="never_trades"), STAMP)
    assert why_not(generation, "phi3:mini") == "never_trades"

    answered(generation, "phi3:mini/1")
    generation.execute(talk.execution("phi3:mini/1", verdict="rejected", findings=[talk.FINDING]), STAMP)
    assert why_not(generation, "phi3:mini") == "NO_TRADES: It never trades"


def test_the_whole_says_what_was_last_wrong_with_each_model(generation):
    answered(generation, "phi3:mini/0", duplicate_of="Other")
    failed(generation, "cogito:8b/0", "refused", "cogito:8b")

    assert why_nothing(generation) == "phi3:mini: the same as Other; cogito:8b: refused: it refused"


def test_a_reason_is_no_book(generation):
    facts = talk.FAILED_ANSWER | {"detail": "x" * 9_000}
    generation.keep_failed_answer(asked(generation, "phi3:mini/0"), facts, STAMP)

    assert len(why_nothing(generation)) == len(why_not(generation, "phi3:mini")) == 2_000
