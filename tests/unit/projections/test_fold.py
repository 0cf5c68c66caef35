import sqlite3
from dataclasses import dataclass

import pytest

from cfsm.domain.aggregate import RecordedEvent
from cfsm.domain.log import LogEntry
from cfsm.projections.base import CannotFold, Projection, View, handles
from cfsm.projections.fold import Fold, LogUnreadable, OutOfStep
from cfsm.projections.reading import fold
from tests.fakes.dumps import dump
from tests.fakes.story import MemoryLog


@dataclass(slots=True)
class Count:
    id: str
    total: int


class Counted(RecordedEvent):
    TOPIC = "Test.Counted"


class Renamed(RecordedEvent):
    """An event whose class is at version 3: its amount was called ``number``, and once ``n``."""

    TOPIC = "Test.Renamed"
    class_version = 3

    @staticmethod
    def upcast_v1_v2(facts):
        facts["number"] = facts.pop("n")

    @staticmethod
    def upcast_v2_v3(facts):
        facts["amount"] = facts.pop("number")


class Counts(Projection):
    name = "counts"
    version = 1

    def __init__(self):
        super().__init__()
        self._counts = self.table("counts", Count)

    @handles(Counted, Renamed)
    def _counted(self, entry, facts):
        row = self._counts.change(entry.originator_id) or Count(entry.originator_id, 0)
        row.total += facts["amount"]
        self._counts.put(row)


class CountsView(View):
    projection = Counts


def entry(place, amount=1, topic="Test.Counted", state=None):
    return LogEntry(place, "a", place, topic, b'{"amount":%d}' % amount if state is None else state)


@pytest.fixture
def folded():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    folded = Fold(Counts(), connection)
    folded.create()
    folded.rows = lambda: connection.execute("SELECT * FROM counts").fetchall()
    folded.tracking = lambda: connection.execute("SELECT name, position FROM tracking").fetchall()
    yield folded
    connection.close()


def test_the_position_is_the_last_id_seen_also_of_topics_without_a_handler(folded):
    log = MemoryLog([entry(1), entry(4, topic="Test.Unknown"), entry(9, topic="Test.Unknown")])

    assert folded.run(log) == 9
    assert folded.tracking() == [("factory:counts", 9)]


def test_topics_without_a_handler_are_not_even_decoded(folded):
    folded.run(MemoryLog([entry(1), entry(2, topic="Test.Unknown", state=b"\xff no JSON")]))

    assert folded.rows() == [("a", 1)]


def test_nothing_beyond_until_is_taken_in_and_it_goes_on_from_there(folded):
    log = MemoryLog([entry(place) for place in (1, 3, 5, 7)])

    assert folded.run(log, until=4) == 3
    assert folded.run(log, until=2) == 3
    assert folded.run(log) == 7
    assert folded.rows() == [("a", 4)]


def test_progress_is_told_after_each_page(folded):
    heard = []

    folded.run(MemoryLog([entry(place) for place in range(1, 8)]), None, lambda *told: heard.append(told), page=3)

    assert heard == [(3, 7), (6, 7), (7, 7)]


def test_progress_up_to_an_event_names_that_event_as_the_goal(folded):
    heard = []

    folded.run(MemoryLog([entry(place) for place in range(1, 8)]), 4, lambda *told: heard.append(told), page=3)

    assert heard == [(3, 4), (4, 4)]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param([entry(1), entry(2)], id="an older backup of it"),
        pytest.param([entry(1), entry(2), entry(3, amount=5), entry(4)], id="another last event"),
        pytest.param([entry(1), entry(2), entry(4)], id="the last event removed"),
        pytest.param([], id="an empty one"),
    ],
)
def test_a_log_that_is_not_the_one_that_was_folded_is_told_apart(folded, other):
    folded.run(MemoryLog([entry(1), entry(2), entry(3)]))

    with pytest.raises(OutOfStep):
        folded.run(MemoryLog(other))


def test_an_event_that_cannot_be_folded_is_named_and_its_page_is_not_kept(folded):
    log = MemoryLog([entry(1), entry(2), entry(3), entry(4, state=b'{"amount":')])

    with pytest.raises(CannotFold, match=r"event 4 \(Test.Counted\)"):
        folded.run(log, page=2)

    assert folded.rows() == [("a", 2)]
    assert folded.position == 2
    log.entries[-1] = entry(4)
    assert folded.run(log) == 4
    assert folded.rows() == [("a", 4)]


def test_facts_of_an_older_class_version_are_brought_up_to_date(folded):
    folded.run(
        MemoryLog(
            [
                entry(1, topic="Test.Renamed", state=b'{"n":1}'),
                entry(2, topic="Test.Renamed", state=b'{"number":10,"class_version":2}'),
                entry(3, topic="Test.Renamed", state=b'{"amount":100,"class_version":3}'),
            ]
        )
    )

    assert folded.rows() == [("a", 111)]


@pytest.mark.parametrize("topic", ["Test.Counted", "Test.Renamed"])
def test_an_event_of_a_newer_cfsm_is_refused(folded, topic):
    with pytest.raises(CannotFold, match=r"newer CFSM.*Upgrade"):
        folded.run(MemoryLog([entry(1, topic=topic, state=b'{"amount":1,"class_version":4}')]))


def test_a_log_that_cannot_be_read_is_not_taken_for_a_damaged_projection(folded):
    class BrokenLog(MemoryLog):
        def read(self, after, limit):
            raise sqlite3.DatabaseError("database disk image is malformed")

    with pytest.raises(LogUnreadable, match="event log"):
        folded.run(BrokenLog())


def test_folding_in_memory_gives_a_view_of_that_moment():
    log = MemoryLog([entry(place) for place in range(1, 10)])

    view = fold(CountsView, log, until=5)

    assert view.position == 5
    assert dump(view)["counts"] == [("a", 5)]


def test_an_empty_log_gives_an_empty_view_at_position_zero():
    view = fold(CountsView, MemoryLog())

    assert view.position == 0
    assert dump(view)["counts"] == []


def test_tables_of_another_shape_are_not_gone_on_with(folded):
    folded.run(MemoryLog([entry(1)]))
    again = Fold(Counts(), folded._connection)
    assert again.resume()
    assert again.position == 1

    folded._connection.execute("ALTER TABLE counts ADD COLUMN other TEXT")

    assert not Fold(Counts(), folded._connection).resume()


def test_a_position_that_is_gone_is_not_gone_on_with(folded):
    folded.run(MemoryLog([entry(1)]))
    folded._connection.execute("DELETE FROM tracking")

    assert not Fold(Counts(), folded._connection).resume()


def test_handlers_of_a_newer_version_add_to_those_it_inherits():
    class Newer(Counts):
        version = 2

        @handles(RecordedEventB := type("RecordedEventB", (RecordedEvent,), {"TOPIC": "Test.B"}))
        def _other(self, entry, facts):
            self._counts.put(Count("other", facts["amount"]))

    class NewerView(View):
        projection = Newer

    view = fold(NewerView, MemoryLog([entry(1), entry(2, amount=8, topic="Test.B")]))

    assert dump(view)["counts"] == [("a", 1), ("other", 8)]
