"""What the clock asks for: each thing once, whatever the clock or the coordinator does."""

import time
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day

import pytest

from cfsm.application.errors import Misconfigured, TryAgain
from cfsm.domain.lifecycle import State
from cfsm.domain.optimization import Order
from cfsm.domain.retention import Summary
from cfsm.domain.strategy import Reason
from cfsm.workers.calendar import Calendar, OptimizationPlan
from cfsm.workers.coordinator import CoordinatorWorker
from tests.fakes.stores import NOON
from tests.fakes.workplace import NAME

TYPES = ("volatility", "scalping", "breakout")
OFF = Calendar(
    generation_seconds=0,
    strategy_types=TYPES,
    mode="single",
    seed=1,
    max_strategies=50,
    backtest_seconds=0,
    cleaning_time=None,
)


def calendar(**parts):
    return Calendar(**{**vars(OFF), **parts})


HOURLY = calendar(generation_seconds=3600)
DAILY = calendar(cleaning_time=time_of_day(2))
TWO_HOURS = calendar(backtest_seconds=7200)


class Counted:
    """Summaries that a test sets, and how often they were asked for."""

    def __init__(self, *found):
        self.found = found
        self.asked = 0
        self.error = None

    def __call__(self):
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.found


def coordinator(place, calendar, summaries=None):
    return CoordinatorWorker(place.equipment(), place.clock, calendar, summaries or place.summaries)


def alive(number, **facts):
    return Summary(name=f"S{number}", state=State.GENERATED, created_on=NOON, **facts)


def backtested(place, at=NOON):
    """Bring the strategy of the workplace to its backtest at this moment."""
    place.clock.at = at
    strategy = place.add()
    place.change(lambda each, stamp: each.record_validation("run-1", (), stamp))
    place.change(lambda each, stamp: each.record_backtest("run-2", "20250101-", "hash", {"sharpe_daily": 1.0}, stamp))
    return strategy


def backtest_again(place):
    """Do the backtest that was asked for."""
    run = f"run-{len(place.happened())}"
    place.change(lambda each, stamp: each.record_backtest(run, "20250101-", "hash", {"sharpe_daily": 1.0}, stamp))


@pytest.fixture
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


# Generations


def test_a_slot_asks_for_one_strategy_however_often_it_is_looked_at(place):
    worker = coordinator(place, HOURLY)

    for _ in range(5):
        worker.step()
        place.clock.jump(minutes=10)

    (requested,) = place.happened("Generation.Requested")
    assert requested.facts["why"] == "due at 2026-11-21T12:00:00+00:00"


def test_slots_ask_for_the_families_in_turn_each_with_a_seed_of_its_own(place):
    worker = coordinator(place, HOURLY)

    for _ in range(6):
        worker.step()
        place.clock.jump(hours=1)

    facts = [each.facts for each in place.happened("Generation.Requested")]
    assert len(facts) == 6
    first = TYPES.index(facts[0]["strategy_type"])
    assert [each["strategy_type"] for each in facts] == [TYPES[(first + turn) % 3] for turn in range(6)]
    assert len({each["seed"] for each in facts}) == 6


def test_a_coordinator_that_is_started_again_repeats_nothing(place):
    for _ in range(3):
        coordinator(place, HOURLY).step()
        coordinator(place, DAILY).step()

    assert place.topics() == ["Generation.Requested", "Cleaning.Requested"]


def test_what_was_missed_while_the_factory_was_down_is_caught_up_once(place):
    coordinator(place, HOURLY).step()
    place.clock.jump(days=3)

    worker = coordinator(place, HOURLY)
    for _ in range(3):
        worker.step()

    assert place.topics().count("Generation.Requested") == 2


def test_a_clock_that_jumps_back_repeats_nothing(place):
    worker = coordinator(place, calendar(generation_seconds=3600, cleaning_time=time_of_day(2)))
    for _ in range(4):
        worker.step()
        place.clock.jump(hours=1)
    before = place.topics()

    place.clock.jump(hours=-4)
    for _ in range(4):
        worker.step()
        place.clock.jump(hours=1)

    assert place.topics() == before


def test_a_clock_that_was_ahead_and_is_put_right_does_not_stop_the_factory(place):
    place.clock.jump(days=400)
    worker = coordinator(place, HOURLY)
    worker.step()

    place.clock.jump(days=-400)
    worker.step()
    place.clock.jump(hours=1)
    worker.step()

    assert place.topics().count("Generation.Requested") == 3


def test_summaries_that_cannot_be_told_are_asked_for_again(place):
    summaries = Counted()
    worker = coordinator(place, HOURLY, summaries)
    summaries.error = TryAgain("the projector is at work")
    with pytest.raises(TryAgain):
        worker.step()

    summaries.error = None
    worker.step()

    assert place.topics() == ["Generation.Requested"]


def test_the_event_store_is_not_asked_in_every_beat(place):
    summaries = Counted()
    worker = coordinator(place, calendar(generation_seconds=3600, backtest_seconds=7200), summaries)

    for _ in range(59):
        worker.step()
        place.clock.jump(seconds=1)

    assert summaries.asked == 2, "for the generation, and for the backtests of this minute"


def test_generation_pauses_at_the_limit_and_says_why(place):
    summaries = Counted(alive(1), alive(2))
    worker = coordinator(place, calendar(generation_seconds=3600, max_strategies=2), summaries)

    worker.step()

    assert place.topics() == []
    assert place.notifier.statuses == [
        "generation paused: 2 strategies are in service and retention.max_strategies is 2"
    ]


def test_generation_goes_on_within_a_minute_of_room_being_made(place):
    summaries = Counted(alive(1), alive(2))
    worker = coordinator(place, calendar(generation_seconds=3600, max_strategies=2), summaries)
    for _ in range(30):
        worker.step()
        place.clock.jump(seconds=1)
    assert summaries.asked == 1, "a full house is looked at once a minute"

    summaries.found = (alive(1),)
    place.clock.jump(minutes=1)
    worker.step()

    assert place.topics() == ["Generation.Requested"]
    assert place.notifier.statuses[-1] == "idle"


def test_nothing_is_generated_where_it_is_switched_off(place):
    coordinator(place, OFF).step()

    assert place.topics() == []


def test_a_calendar_without_families_is_a_misconfiguration(place):
    with pytest.raises(Misconfigured, match="strategy_types"):
        coordinator(place, calendar(generation_seconds=3600, strategy_types=()))


# Backtests again


def test_a_backtest_is_asked_for_again_at_its_age_and_not_before(place):
    backtested(place)
    worker = coordinator(place, TWO_HOURS)

    place.clock.jump(hours=1, minutes=59)
    worker.step()
    assert place.happened("Strategy.BacktestRequested") == []
    place.clock.jump(minutes=1)
    worker.step()

    (requested,) = place.happened("Strategy.BacktestRequested")
    assert requested.facts["why"] == "the last one was at 2026-11-21T12:00:00+00:00"


def test_it_is_due_every_interval_however_late_the_one_before_was(place):
    backtested(place)
    worker = coordinator(place, TWO_HOURS)

    for minute in range(0, 7 * 60, 5):
        worker.step()
        asked = place.happened("Strategy.BacktestRequested")
        if asked and place.clock.at - asked[-1].at == timedelta(minutes=15):
            backtest_again(place)
        place.clock.at = NOON + timedelta(minutes=minute)

    hours = [f"{each.at:%H:%M}" for each in place.happened("Strategy.BacktestRequested")]
    assert hours == ["14:00", "16:15", "18:30"]


def test_a_backtest_that_waits_in_the_queue_is_not_asked_for_again(place):
    backtested(place)
    worker = coordinator(place, TWO_HOURS)

    for _ in range(5):
        place.clock.jump(hours=3)
        worker.step()
        coordinator(place, TWO_HOURS).step()

    assert place.topics().count("Strategy.BacktestRequested") == 1


def test_a_clock_that_jumps_back_asks_for_no_backtest_again(place):
    backtested(place)
    worker = coordinator(place, TWO_HOURS)
    place.clock.jump(hours=2)
    worker.step()
    backtest_again(place)

    place.clock.jump(hours=-5)
    worker.step()
    place.clock.jump(hours=5, minutes=1)
    worker.step()

    assert place.topics().count("Strategy.BacktestRequested") == 1


def test_neither_the_retired_nor_the_never_backtested_are_backtested_again(place):
    backtested(place)
    place.change(lambda each, stamp: each.retire(Reason.WEAK, "too weak", stamp))
    place.add(name=f"{NAME}_2")
    place.clock.jump(days=2)

    coordinator(place, TWO_HOURS).step()

    assert place.happened("Strategy.BacktestRequested") == []


# The daily cleaning


def test_a_cleaning_is_asked_for_at_its_time_once_a_day(place, berlin):
    worker = coordinator(place, DAILY)
    place.clock.at = datetime(2026, 11, 21, 0, 59, tzinfo=UTC)
    worker.step()
    yesterday = place.happened("Cleaning.Requested")

    place.clock.jump(minutes=1)
    worker.step()
    place.clock.jump(hours=12)
    worker.step()

    days = [each.facts["why"] for each in place.happened("Cleaning.Requested")]
    assert len(yesterday) == 1
    assert days == ["due at 2026-11-20T02:00", "due at 2026-11-21T02:00"]


@pytest.mark.parametrize(
    ("what", "midnight", "at"),
    [
        ("the day without 02:00 to 03:00", datetime(2026, 3, 28, 23, tzinfo=UTC), time_of_day(2)),
        ("the day without 02:00 to 03:00", datetime(2026, 3, 28, 23, tzinfo=UTC), time_of_day(2, 30)),
        ("the day with 02:00 to 03:00 twice", datetime(2026, 10, 24, 22, tzinfo=UTC), time_of_day(2)),
        ("the day with 02:00 to 03:00 twice", datetime(2026, 10, 24, 22, tzinfo=UTC), time_of_day(2, 30)),
    ],
)
def test_a_day_is_cleaned_once_whatever_its_length(place, berlin, what, midnight, at):
    worker = coordinator(place, calendar(cleaning_time=at))
    place.clock.at = midnight - timedelta(hours=12)
    worker.step()  # the day before
    before = len(place.happened("Cleaning.Requested"))

    place.clock.at = midnight
    for _ in range(23 * 6):  # every ten minutes
        worker.step()
        place.clock.jump(minutes=10)

    asked = place.happened("Cleaning.Requested")[before:]
    assert len(asked) == 1, what
    local_date = (midnight + timedelta(hours=6)).date().isoformat()
    assert asked[0].facts["why"] == f"due at {local_date}T{at:%H:%M}"


@pytest.mark.parametrize(("calendar", "topic"), [(HOURLY, "Generation.Requested"), (DAILY, "Cleaning.Requested")])
def test_what_could_not_be_recorded_is_asked_for_again(place, monkeypatch, calendar, topic):
    worker = coordinator(place, calendar)
    transact = worker.factory.transact
    monkeypatch.setattr(worker.factory, "transact", lambda *_: _raise(TryAgain("locked")))
    with pytest.raises(TryAgain):
        worker.step()

    monkeypatch.setattr(worker.factory, "transact", transact)
    worker.step()

    assert place.topics() == [topic]


def _raise(error):
    raise error


# Optimisations

PLAN = OptimizationPlan(order=Order(epochs=20), min_score=0.1, minimum_trades=30)
OPTIMIZING = calendar(optimization=PLAN)


def good(name, score=1.0, **facts):
    given = {"state": State.BACKTESTED, "total_trades": 40, "is_out_of_sample": True, "last_backtest": NOON} | facts
    return Summary(name=name, created_on=NOON, score=score, **given)


def in_service(place, *names):
    """Record strategies that were backtested."""
    for name in names:
        place.add(f"# {name}", name)
        place.change(lambda each, stamp: each.record_validation("run-1", (), stamp), name)
        place.change(lambda each, stamp: each.record_backtest("run-2", "20250101-", "hash", {}, stamp), name)


def asked_for(place):
    strategies = {place.strategy(name).id.hex: name for name in ("A", "B")}
    return [strategies[each.originator_id] for each in place.happened("Strategy.OptimizationRequested")]


def test_the_best_strategy_above_the_gate_is_optimised_and_the_next_when_there_is_room(place):
    in_service(place, "A", "B")
    summaries = Counted(good("A", 1.0), good("B", 2.0))
    worker = coordinator(place, OPTIMIZING, summaries)

    worker.step()
    assert asked_for(place) == ["B"]
    place.clock.jump(minutes=1)
    worker.step()
    assert asked_for(place) == ["B"], "one at a time"

    summaries.found = (good("A", 1.0), good("B", 2.0, is_optimization_asked=True))
    place.factory.transact(list, place.claim("optimize"))
    place.clock.jump(minutes=1)
    worker.step()
    assert asked_for(place) == ["B", "A"]


@pytest.mark.parametrize(
    "below",
    [
        good("A", 0.05),
        good("A", None),
        good("A", total_trades=29),
        good("A", is_out_of_sample=False),
        good("A", is_optimization_asked=True),
        good("A", state=State.OPTIMIZED),
        good("A", state=State.DRY_RUN),
    ],
)
def test_what_is_not_above_the_gate_is_not_optimised(place, below):
    in_service(place, "A", "B")

    coordinator(place, OPTIMIZING, Counted(below)).step()

    assert asked_for(place) == []


def test_a_strategy_is_optimised_by_itself_only_once_whatever_the_summaries_say(place):
    in_service(place, "A", "B")

    for _ in range(3):
        coordinator(place, OPTIMIZING, Counted(good("A"))).step()
        for task in place.due("optimize"):
            assert task
            place.factory.transact(list, place.claim("optimize"))

    assert asked_for(place) == ["A"]


def test_the_order_and_the_reason_are_recorded(place):
    in_service(place, "A", "B")

    coordinator(place, OPTIMIZING, Counted(good("A", 1.234))).step()

    (requested,) = place.happened("Strategy.OptimizationRequested")
    assert requested.facts["epochs"] == 20
    assert requested.facts["why"] == "its score out of sample is 1.23, the gate 0.1"


def test_without_a_plan_nothing_is_optimised(place):
    in_service(place, "A", "B")

    coordinator(place, OFF, Counted(good("A"))).step()

    assert asked_for(place) == []
