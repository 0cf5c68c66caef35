"""Events of other versions: an older one is brought up to date, a newer one is refused and nothing is changed."""

from collections.abc import Mapping
from uuid import UUID, uuid4

import orjson
import pytest

from cfsm.application.event_mapper import EventDamaged, EventMapper, EventTooNew
from cfsm.application.factory import Factory
from cfsm.domain.aggregate import BeginningEvent, Recorded, RecordedEvent
from cfsm.domain.log import NewEntry
from cfsm.domain.strategy import Reason, Strategy
from tests.fakes.stores import NOON, generate


class Parcel(Recorded):
    """Was told its weight in pounds, then in grams without, and now with, where it goes."""

    TOPIC = "VersionsTest.Parcel"

    class Sent(BeginningEvent):
        TOPIC = "VersionsTest.Parcel.Sent"
        class_version = 3
        grams: int
        destination: str

        @staticmethod
        def upcast_v1_v2(facts):
            facts["grams"] = round(facts.pop("pounds") * 453.59237)

        @staticmethod
        def upcast_v2_v3(facts):
            facts["destination"] = "unknown"

    class Weighed(RecordedEvent):
        TOPIC = "VersionsTest.Parcel.Weighed"
        grams: int
        by: Mapping[str, str]

        def apply(self, aggregate):
            aggregate.grams = self.grams

    def __init__(self, grams, destination):
        self.grams = grams
        self.destination = destination

    @classmethod
    def send(cls, parcel_id, stamp, **facts):
        return cls._begin(cls.Sent, parcel_id, stamp, **facts)

    def weigh(self, grams, stamp):
        self._record(self.Weighed, stamp, grams=grams, by={})


def store(factory: Factory, topic: str, parcel_id: UUID, version: int = 1, **facts: object) -> None:
    """Record an event as a CFSM of another version would have."""
    common = {"timestamp": NOON.isoformat(), "meta": {"actor": "other"}}
    if version == 1:
        common["originator_topic"] = Parcel.TOPIC
    state = orjson.dumps({**common, **facts})
    factory.store.append([NewEntry(parcel_id.hex, version, topic, state)])


@pytest.mark.parametrize(
    ("facts", "grams", "destination"),
    [
        ({"pounds": 2}, 907, "unknown"),
        ({"class_version": 2, "grams": 5}, 5, "unknown"),
        ({"class_version": 3, "grams": 5, "destination": "Rome"}, 5, "Rome"),
    ],
)
def test_an_event_of_any_older_version_is_brought_up_to_date(factory, facts, grams, destination):
    parcel_id = uuid4()
    store(factory, Parcel.Sent.TOPIC, parcel_id, **facts)

    parcel = factory.get(Parcel, parcel_id)

    assert (parcel.grams, parcel.destination) == (grams, destination)


def test_an_event_comes_back_as_what_it_was(factory):
    (made,) = generate(factory, [1])

    event = EventMapper().event_of(*factory.store.stream(made.id))

    assert type(event) is Strategy.Generated
    assert event.timestamp == NOON
    assert event.originator_id == made.id


def test_an_event_says_the_version_it_was_written_in(factory):
    factory.transact(lambda: [Parcel.send(uuid4(), factory.stamp(), grams=1, destination="Rome")])

    (entry,) = factory.store.read(0, 10)
    assert orjson.loads(entry.state)["class_version"] == 3


def test_an_old_log_is_read_and_not_rewritten(factory):
    parcel_id = uuid4()
    store(factory, Parcel.Sent.TOPIC, parcel_id, pounds=2)
    before = factory.store.read(0, 10)

    parcel = factory.get(Parcel, parcel_id)
    parcel.weigh(900, factory.stamp())
    factory.transact(lambda: [parcel])

    assert factory.store.read(0, 1) == before
    assert factory.get(Parcel, parcel_id).grams == 900
    assert factory.store.verify_chain().broken is None


@pytest.mark.parametrize(
    ("topic", "facts"),
    [
        ("VersionsTest.Parcel.Sent", {"class_version": 4, "grams": 5, "destination": "Rome", "stamps": 3}),
        ("VersionsTest.Parcel.Posted", {"grams": 5}),
        ("VersionsTest.Parcel.Sent", {"originator_topic": "VersionsTest.Letter", "pounds": 1}),
    ],
)
def test_an_event_newer_than_the_code_is_refused_and_nothing_is_changed(factory, topic, facts):
    parcel_id = uuid4()
    store(factory, topic, parcel_id, **facts)
    before = factory.store.read(0, 10)

    def weigh():
        parcel = factory.get(Parcel, parcel_id)
        parcel.weigh(1, factory.stamp())
        return [parcel]

    with pytest.raises(EventTooNew, match=rf"{parcel_id}:1 .*was written by a newer CFSM .*Upgrade CFSM"):
        factory.transact(weigh)

    assert factory.store.read(0, 10) == before


def test_a_newer_event_does_not_stop_the_rest_of_the_factory(factory):
    store(factory, "VersionsTest.Parcel.Posted", uuid4())
    (made,) = generate(factory, [1])

    assert factory.plan() == 2
    assert factory.get(Strategy, made.id).name == made.name


def test_a_topic_imports_nothing(factory, monkeypatch):
    imported = []
    monkeypatch.setattr("importlib.import_module", imported.append)
    parcel_id, other_id = uuid4(), uuid4()
    store(factory, "antigravity:fly", parcel_id)
    store(factory, Parcel.Sent.TOPIC, other_id, originator_topic="antigravity:fly", pounds=1)

    for each in (parcel_id, other_id):
        with pytest.raises(EventTooNew):
            factory.get(Parcel, each)

    assert imported == []


@pytest.mark.parametrize(
    "state",
    [b"", b"\xff\xfe", b"[]", b"{}", b'{"timestamp": 7}', b'{"timestamp": "noon"}', b'{"timestamp"'],
)
def test_an_event_whose_bytes_are_no_event_is_named(factory, state):
    parcel_id = uuid4()
    factory.store.append([NewEntry(parcel_id.hex, 1, Parcel.Sent.TOPIC, state)])

    with pytest.raises(EventDamaged, match=rf"{parcel_id}:1 \({Parcel.Sent.TOPIC}\) cannot be read"):
        factory.get(Parcel, parcel_id)


def test_numbers_that_are_none_become_null(factory):
    (made,) = generate(factory, [1])
    made.record_validation("run-1", [], factory.stamp())
    figures = {"sharpe_daily": float("nan"), "calmar": float("inf"), "sortino": float("-inf"), "winrate": 0.5}
    made.record_backtest("run-2", "20250101-", "f" * 64, figures, factory.stamp())
    made.retire(Reason.WEAK, "", factory.stamp(), evidence={"score": float("nan")})
    factory.transact(lambda: [made])

    *_, backtested, retired = (orjson.loads(entry.state) for entry in factory.store.stream(made.id))
    assert backtested["figures"] == {"sharpe_daily": None, "calmar": None, "sortino": None, "winrate": 0.5}
    assert retired["evidence"] == {"score": None}
    assert factory.get(Strategy, made.id).score is None


def test_facts_are_text_that_a_person_can_read(factory):
    generate(factory, [1])

    (entry,) = factory.store.read(0, 10)
    facts = orjson.loads(entry.state)
    assert facts["timestamp"] == "2026-11-21T12:00:00+00:00"
    assert facts["origin"] == "predefined"
    assert facts["parameters"] == {"period": 1}
    assert "originator_id" not in facts
