"""The hash chain: whatever is changed behind CFSM's back, the first place is named."""

import pytest

from cfsm.domain.chain import Break
from tests.fakes.stores import execute, generate

INSERT = (
    "INSERT INTO {schema}stored_events (id, originator_id, originator_version, topic, state) VALUES (?, ?, ?, ?, ?)"
)


@pytest.fixture
def factory(factory):
    generate(factory, range(5))
    return factory


def test_an_untouched_log_holds(factory):
    report = factory.store.verify_chain()

    assert report.broken is None
    assert report.events == 5
    assert factory.store.chain_head() == (5, report.head)

    assert report.broken is None


@pytest.mark.parametrize(
    "change",
    [
        "state = ?",
        "topic = ?",
        "originator_id = ?",
    ],
)
def test_an_altered_entry_is_named(factory, change):
    new = b"{}" if change.startswith("state") else "0" * 32
    execute(factory, f"UPDATE {{schema}}stored_events SET {change} WHERE id = 3", new)

    assert factory.store.verify_chain().broken == Break(3, "altered")


def test_an_altered_version_is_named(factory):
    execute(factory, "UPDATE {schema}stored_events SET originator_version = 9 WHERE id = 2")

    assert factory.store.verify_chain().broken == Break(2, "altered")


@pytest.mark.parametrize("removed", [1, 3, 5])
def test_a_removed_entry_is_named(factory, removed):
    execute(factory, "DELETE FROM {schema}stored_events WHERE id = ?", removed)

    report = factory.store.verify_chain()

    assert report.broken == Break(removed, "removed")
    assert report.events == removed - 1


def test_two_entries_that_changed_places_are_named(factory):
    for old, new in ((2, 99), (4, 2), (99, 4)):
        execute(factory, "UPDATE {schema}stored_events SET id = ? WHERE id = ?", new, old)

    assert factory.store.verify_chain().broken == Break(2, "altered")


@pytest.mark.parametrize("place", [6, 1_000, 0, -7])
def test_an_inserted_entry_is_named_wherever_it_was_put(factory, place):
    execute(factory, INSERT, place, "0" * 32, 1, "Strategy.Retired", b"{}")

    assert factory.store.verify_chain().broken == Break(place, "inserted")


def test_an_entry_whose_link_was_removed_counts_as_inserted(factory):
    execute(factory, "DELETE FROM {schema}chain WHERE id = 4")

    assert factory.store.verify_chain().broken == Break(4, "inserted")


def test_of_several_changes_the_first_is_named(factory):
    execute(factory, "DELETE FROM {schema}stored_events WHERE id = 4")
    execute(factory, "UPDATE {schema}stored_events SET state = ? WHERE id = 2", b"{}")

    assert factory.store.verify_chain().broken == Break(2, "altered")


def test_an_alteration_that_brings_its_own_link_breaks_the_next_one(factory):
    from cfsm.domain.chain import link

    entries = factory.store.read(0, 10)
    before = bytes.fromhex(factory.store.chain_link(2))
    forged = entries[2]._replace(state=b"{}")
    execute(factory, "UPDATE {schema}stored_events SET state = ? WHERE id = 3", forged.state)
    execute(factory, "UPDATE {schema}chain SET link = ? WHERE id = 3", link(before, forged))

    assert factory.store.verify_chain().broken == Break(4, "altered")


def test_a_cut_off_tail_shows_in_a_head_that_was_noted_earlier(factory):
    place, noted = factory.store.chain_head()
    assert factory.store.chain_link(place) == noted

    for table in ("stored_events", "chain"):
        execute(factory, f"DELETE FROM {{schema}}{table} WHERE id > 3")

    assert factory.store.verify_chain().broken is None
    assert factory.store.chain_link(place) == ""


def test_a_log_longer_than_a_page_is_verified_to_its_end(factory, monkeypatch):
    monkeypatch.setattr("cfsm.adapters.event_store.recorder.PAGE", 2)

    assert factory.store.verify_chain().events == 5

    execute(factory, "UPDATE {schema}stored_events SET state = ? WHERE id = 5", b"{}")
    assert factory.store.verify_chain().broken == Break(5, "altered")
