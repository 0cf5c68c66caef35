"""The generation: asked for once, and it ends once."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from cfsm.domain.aggregate import Stamp
from cfsm.domain.conversation import Decision, FellBackTo, Judgement, Vote
from cfsm.domain.generation import Generation
from tests.fakes import talk

STAMP = Stamp(datetime(2026, 11, 21, 12, tzinfo=UTC), "tester@here")


def requested(key="2026-11-21T12:00/1"):
    return Generation.request(
        key, strategy_type="volatility", mode="single", model="predefined", seed=7, why="the hour", stamp=STAMP
    )


def test_the_same_key_is_the_same_generation():
    assert requested().id == requested().id == Generation.id_of("2026-11-21T12:00/1")
    assert requested().id != requested("2026-11-21T13:00/1").id


def test_it_knows_what_was_asked_for():
    generation = requested()

    assert (generation.strategy_type, generation.mode, generation.model) == ("volatility", "single", "predefined")
    assert (generation.seed, generation.why, generation.is_over) == (7, "the hour", False)


def test_it_keeps_which_strategy_came_of_it():
    generation = requested()

    generation.conclude(UUID(int=5), "Some", STAMP, {"attempts": 2})

    assert generation.strategy_id == str(UUID(int=5))
    assert generation.is_over
    event = generation.pending_events[-1]
    assert (event.strategy_name, event.facts) == ("Some", {"attempts": 2})


def test_it_keeps_why_nothing_came_of_it():
    generation = requested()

    generation.fail("no model answers", STAMP)

    assert generation.failure == "no model answers"
    assert generation.is_over


def test_it_ends_once():
    concluded, failed = requested(), requested()
    concluded.conclude(UUID(int=5), "Some", STAMP)
    failed.fail("no model answers", STAMP)

    for generation in (concluded, failed):
        generation.conclude(UUID(int=6), "Other", STAMP)
        generation.fail("late", STAMP)

    assert concluded.strategy_id == str(UUID(int=5))
    assert (failed.strategy_id, failed.failure) == ("", "no model answers")
    assert len(concluded.pending_events) == len(failed.pending_events) == 2


def test_what_was_said_under_a_step_is_said_once():
    generation = requested()
    generation.begin(talk.PLAN, 1, STAMP)
    generation.ask(talk.step("phi3:mini/0", seed=7), STAMP)
    generation.keep_answer("phi3:mini/0", talk.ANSWER, STAMP)
    generation.propose(talk.proposal("phi3:mini/0"), STAMP)
    generation.execute(talk.execution("phi3:mini/0"), STAMP)
    generation.screen(talk.screening("phi3:mini/0"), STAMP)
    told = len(generation.pending_events)

    generation.begin(talk.PLAN, 1, STAMP)
    generation.ask(talk.step("phi3:mini/0", seed=8), STAMP)
    generation.keep_failed_answer("phi3:mini/0", talk.FAILED_ANSWER, STAMP)
    generation.propose(talk.proposal("phi3:mini/0", code_hash="other"), STAMP)
    generation.execute(talk.execution("phi3:mini/0", verdict="rejected"), STAMP)
    generation.screen(talk.screening("phi3:mini/0", outcome="broken"), STAMP)

    assert len(generation.pending_events) == told
    assert generation.asked["phi3:mini/0"].seed == 7
    assert generation.answers["phi3:mini/0"].answer_hash == talk.ANSWER["blobs"]["answer"]


def test_another_attempt_goes_on_with_the_plan_and_tells_what_was_kept():
    generation = requested()
    generation.begin(talk.PLAN, 1, STAMP)
    generation.ask(talk.step("phi3:mini/0"), STAMP)
    generation.keep_answer("phi3:mini/0", talk.ANSWER, STAMP)
    generation.ask(talk.step("cogito:8b/0"), STAMP)
    generation.keep_failed_answer("cogito:8b/0", talk.FAILED_ANSWER, STAMP)

    generation.begin(replace(talk.PLAN, mode="single"), 2, STAMP)

    assert generation.plan == talk.PLAN
    assert generation.pending_events[-1].answers_kept == 1


def test_an_answer_says_what_was_asked():
    generation = requested()
    generation.ask(talk.step("cogito:8b/2", purpose="repair", model="cogito:8b"), STAMP)

    generation.keep_failed_answer("cogito:8b/2", talk.FAILED_ANSWER, STAMP)

    event = generation.pending_events[-1]
    assert (event.purpose, event.proposal, event.model) == ("repair", "cogito:8b", "cogito:8b")
    assert (event.reason, event.complexity) == ("timed_out", "normal")


def test_the_first_decision_stands():
    generation = requested()

    generation.decide(Decision("a", "phi3:mini", "a/0", "screening"), STAMP)
    generation.decide(Decision("b", "cogito:8b", "b/0", "judge"), STAMP)

    assert generation.decision.winner == "a"


def test_a_generation_that_is_over_takes_nothing_more():
    generation = requested()
    generation.fail("no model answers", STAMP)

    generation.begin(talk.PLAN, 1, STAMP)
    generation.ask(talk.step("phi3:mini/0"), STAMP)
    generation.vote(Vote("v", "phi3:mini", "a", ""), STAMP)
    generation.judge(Judgement("j", "phi3:mini", ["a", "b"], "a", ""), STAMP)
    generation.fall_back(FellBackTo("mode", "voting", "contest", "nothing runs"), STAMP)

    assert len(generation.pending_events) == 2
