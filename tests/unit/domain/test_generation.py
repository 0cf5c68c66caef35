"""The generation: asked for once, and it ends once."""

from datetime import UTC, datetime
from uuid import UUID

from cfsm.domain.aggregate import Stamp
from cfsm.domain.generation import Generation

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
