"""Topics: every event says by a name of its own what it is, and the name never changes."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from eventsourcing.utils import resolve_topic

import cfsm.domain.evaluation
import cfsm.domain.forward_test
import cfsm.domain.generation
import cfsm.domain.housekeeping
import cfsm.domain.strategy
import cfsm.domain.upstream
from cfsm.domain.aggregate import BeginningEvent, Recorded, RecordedEvent

AGGREGATES = [
    cfsm.domain.strategy.Strategy,
    cfsm.domain.evaluation.Evaluation,
    cfsm.domain.generation.Generation,
    cfsm.domain.housekeeping.Cleaning,
    cfsm.domain.housekeeping.ParkedTask,
    cfsm.domain.forward_test.ForwardTest,
    cfsm.domain.upstream.Upstream,
]


def events_of(aggregate):
    return [
        each
        for name, each in vars(aggregate).items()
        if isinstance(each, type) and issubclass(each, RecordedEvent) and name != "Event"
    ]


EVENTS = [event for aggregate in AGGREGATES for event in events_of(aggregate)]


def test_every_aggregate_of_the_domain_is_looked_at():
    assert {each for each in Recorded.__subclasses__() if each.__module__.startswith("cfsm.domain")} == set(AGGREGATES)


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_an_aggregate_has_a_topic_of_its_own_and_one_beginning(aggregate):
    assert vars(aggregate)["TOPIC"] == aggregate.__name__
    assert len([event for event in events_of(aggregate) if issubclass(event, BeginningEvent)]) == 1


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__qualname__)
def test_an_event_has_a_topic_of_its_own_that_says_whose_it_is(event):
    own = [each for each in event.__mro__ if "TOPIC" in vars(each)]

    assert event.__qualname__ == event.TOPIC
    assert [each.__qualname__ for each in own] == [event.__qualname__]  # said once, inherited from no other event
    assert resolve_topic(event.TOPIC) is event


def test_no_two_share_a_topic():
    topics = [each.TOPIC for each in [*AGGREGATES, *EVENTS]]

    assert len(topics) == len(set(topics))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__qualname__)
def test_every_event_has_meta(event):
    assert "meta" in {field.name for field in dataclasses.fields(event)}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__qualname__)
def test_an_event_of_a_later_version_can_read_every_earlier_one(event):
    for version in range(1, getattr(event, "class_version", 1)):
        assert callable(getattr(event, f"upcast_v{version}_v{version + 1}"))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__qualname__)
def test_facts_are_flat_text_numbers_lists_and_mappings(event):
    flat = {str, int, float, Sequence[str], Sequence[Mapping[str, Any]], Mapping[str, Any], Mapping[str, str]}

    assert set(event.__annotations__.values()) <= flat
