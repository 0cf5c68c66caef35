"""Histories that were recorded by earlier code are read for ever, and come to the same states."""

import json

import orjson
import pytest

from cfsm.application.history import told
from cfsm.application.tasks import planned
from cfsm.domain import lifecycle
from tests.histories.record import FOLDER, entries_of, everything, states
from tests.unit.domain.test_topics import EVENTS

HISTORIES = sorted(FOLDER.glob("*.jsonl"))


@pytest.mark.parametrize("history", HISTORIES, ids=lambda path: path.stem)
def test_a_recorded_history_comes_to_the_same_states(history):
    found = states(entries_of(history))

    recorded = json.loads(history.with_suffix(".states.json").read_bytes())
    assert set(found) == set(recorded)
    for key, facts in recorded.items():
        # What later code knows besides is its own affair; what was known then is known now.
        assert {name: found[key].get(name) for name in facts} == facts


@pytest.mark.parametrize("history", HISTORIES, ids=lambda path: path.stem)
def test_reading_a_history_never_asks_the_lifecycles_table(history, monkeypatch):
    monkeypatch.setattr(lifecycle, "MACHINE", None)
    monkeypatch.setattr("cfsm.domain.strategy.next_state", None)

    assert states(entries_of(history))


@pytest.mark.parametrize("history", HISTORIES, ids=lambda path: path.stem)
def test_a_recorded_history_can_be_told_and_planned(history):
    entries = list(entries_of(history))

    assert [happening.id for happening in map(told, entries)] == [entry.id for entry in entries]
    assert planned(entries)


def test_every_event_of_today_is_in_some_history():
    recorded = {(entry.topic, frozenset(orjson.loads(entry.state))) for each in HISTORIES for entry in entries_of(each)}
    today = {(entry.topic, frozenset(orjson.loads(entry.state))) for entry in everything().log.entries}

    assert {topic for topic, _ in today} == {event.TOPIC for event in EVENTS}, (
        "tell of the new event in tests/histories/record.py"
    )
    assert today <= recorded, (
        "events have changed: run `python -m tests.histories.record NAME` and commit the new files"
    )
