import json
from dataclasses import replace

import pytest

from cfsm.application.bots import BotsTellNonsense
from cfsm.application.errors import Misconfigured, TryAgain
from cfsm.application.tasks import TaskKind
from cfsm.domain.evaluation import Conditions
from cfsm.domain.forward_test import ForwardTest, ForwardVerdict, Source
from cfsm.domain.lifecycle import State
from cfsm.domain.promise import DAY_MS
from cfsm.domain.strategy import Reason
from cfsm.workers.dry_runner import DryRunner, Pace
from tests.fakes.forward_tests import BEGIN_MS, HOUR_MS, FakeBots, forward_test, trade
from tests.fakes.workplace import NAME

OTHER = "TrendStrategy_predefined_20261121_120001"
LOSSES = [trade(BEGIN_MS + hour * HOUR_MS, -0.03) for hour in range(40)]


@pytest.fixture
def bots():
    return FakeBots()


@pytest.fixture
def asked():
    """What was planned, by the worker itself."""
    return []


@pytest.fixture
def runner(place, bots, asked):
    return DryRunner(
        place.equipment("dry_runner@here"),
        bots,
        place.blobs,
        slots=2,
        pace=Pace(look_seconds=0.0, observe_seconds=3600.0, stall_seconds=1000.0, most_restarts=2),
        plan=lambda: asked.append(1),
        trades_of=lambda run_id: [trade(BEGIN_MS + HOUR_MS)],
        timeframe_ms=lambda strategy: 300_000,
    )


def backtested(place, name=NAME):
    place.add(name=name)
    place.change(lambda strategy, stamp: strategy.record_validation("v", (), stamp), name)
    place.change(lambda strategy, stamp: strategy.record_backtest("run", "20250101-", "hash", {}, stamp), name)


def want(place, name=NAME, **facts):
    backtested(place, name)
    test = forward_test(name, stamp=place.factory.stamp(), **facts)
    place.record(test)
    return test


def forward_test_in(place, name=NAME):
    return place.factory.get(ForwardTest, ForwardTest.id_of(name, 1))


def facts_of(place, topic):
    return [each.facts for each in place.happened(topic)]


def test_a_wanted_forward_test_gets_a_bot_and_the_strategy_is_in_dry_run(place, runner, bots):
    want(place)

    runner.step()

    assert bots.last.wanted.strategy_name == NAME
    assert bots.last.wanted.conditions == Conditions("synthetic")
    assert bots.last.wanted.source.startswith(b"class ")
    assert place.strategy().state is State.DRY_RUN
    assert [each.topic for each in place.happened()][-2:] == ["ForwardTest.Started", "Strategy.DryRunStarted"]


def test_no_more_bots_run_than_there_are_slots(place, runner, bots):
    for number in range(3):
        want(place, f"{NAME}_{number}")

    for _ in range(5):
        runner.step()

    assert len(bots.started) == 2
    assert len(place.due(TaskKind.FORWARD_TEST)) == 3


def test_a_loaded_machine_gets_no_more_bots(place, runner, bots):
    want(place)
    place.refusal = "no memory"

    runner.step()

    assert bots.started == []
    assert "no memory" in place.notifier.statuses[-1]


def test_with_a_free_slot_the_next_candidate_is_asked_for(place, runner, asked):
    runner.step()

    assert asked == [1]


def test_what_is_seen_is_recorded_once_in_a_while(place, runner, bots):
    want(place)
    runner.step()

    for share in (0.01, 0.02, 0.5, 0.5, 0.51):
        bots.last.at = share
        bots.last.closed = [trade(BEGIN_MS, 0.01)] if share >= 0.5 else []
        runner.step()

    seen = facts_of(place, "ForwardTest.Observed")
    assert [each["figures"]["total_trades"] for each in seen] == [1]
    assert seen[0]["at_ms"] == BEGIN_MS + DAY_MS


def test_a_forward_test_that_reaches_its_end_is_concluded_with_what_it_came_to(place, runner, bots):
    want(place, run_id="proof-run")
    runner.step()
    bots.last.at = 1.0
    bots.last.closed = [trade(BEGIN_MS + HOUR_MS + 1_000, 0.01, open_rate=100.1), trade(BEGIN_MS + 9 * HOUR_MS, 0.02)]

    runner.step()

    (facts,) = facts_of(place, "ForwardTest.Concluded")
    assert facts["verdict"] == ForwardVerdict.KEPT
    assert facts["figures"]["total_trades"] == 2
    assert facts["agreement"]["same_entries"] == 1
    assert facts["agreement"]["only_in_forward_test"] == 1
    assert facts["agreement"]["entry_worse_by_mean"] == pytest.approx(0.001)
    assert len(json.loads(place.blobs.get(facts["blobs"]["trades"]))) == 2
    assert bots.last.is_stopped
    assert place.due(TaskKind.FORWARD_TEST) == []
    assert place.strategy().state is State.DRY_RUN


def test_whoever_breaks_the_promise_is_retired_before_the_end_with_the_evidence(place, runner, bots):
    want(place)
    runner.step()
    bots.last.at = 0.9
    bots.last.closed = LOSSES

    runner.step()

    strategy = place.strategy()
    assert strategy.is_retired
    assert strategy.retired_because == Reason.WORSE_THAN_PROMISED
    (facts,) = facts_of(place, "Strategy.Retired")
    assert facts["evidence"]["worse_returns"] >= facts["evidence"]["worse_threshold"] == 40
    assert facts["evidence"]["promise"]["return_floor"] == 0.002
    assert place.happened("ForwardTest.Concluded")[0].facts["verdict"] == "worse"


def test_a_person_stops_it_as_it_stands(place, runner, bots):
    test = want(place)
    runner.step()
    bots.last.at = 0.3

    def decide():
        found = place.factory.get(ForwardTest, test.id)
        found.request_stop("enough", place.factory.stamp())
        return [found]

    place.factory.transact(decide)
    runner.step()

    assert facts_of(place, "ForwardTest.Concluded")[0]["verdict"] == "stopped"
    assert not place.strategy().is_retired


def test_a_bot_that_dies_is_started_again_where_it_was(place, runner, bots):
    want(place)
    runner.step()
    bots.last.exit_words = "signal 9"

    runner.step()

    assert bots.last.restarts == 1
    assert facts_of(place, "ForwardTest.Resumed")[-1]["attempt"] == 2
    assert len(bots.started) == 1


def test_a_bot_that_dies_again_and_again_without_coming_further_ends_its_strategy(place, runner, bots):
    want(place)
    runner.step()

    for _ in range(3):
        bots.last.exit_words = "signal 11"
        runner.step()

    assert place.strategy().retired_because == Reason.BROKEN
    assert "signal 11" in facts_of(place, "ForwardTest.Failed")[0]["reason"]


def test_a_bot_that_cannot_be_started_again_for_now_costs_its_strategy_nothing(place, runner, bots, monkeypatch):
    want(place)
    runner.step()

    def refuse():
        raise TryAgain("No space left on device")

    again = bots.last.restart
    monkeypatch.setattr(bots.last, "restart", refuse)
    bots.last.exit_words = "exit status 75: the market gateway is gone"
    for _ in range(10):
        runner.step()
    assert not place.strategy().is_retired

    monkeypatch.setattr(bots.last, "restart", again)
    runner.step()

    assert bots.last.restarts == 1
    assert forward_test_in(place).attempt == 2


def test_bots_that_a_machine_without_room_kills_cost_their_strategies_nothing(place, bots, runner, monkeypatch):
    want(place)
    runner.step()
    refusal = "less disk is free than admission.min_disk_free_mb"
    monkeypatch.setattr(runner, "_equipment", replace(runner._equipment, refusal=lambda: refusal))
    for _ in range(10):
        bots.last.exit_words = "signal 9"
        runner.step()
    assert not place.strategy().is_retired

    refusal = ""
    runner.step()

    assert place.strategy().is_retired


def test_a_bot_that_comes_further_between_its_deaths_is_started_again_for_ever(place, runner, bots):
    want(place)
    runner.step()

    for number in range(1, 8):
        bots.last.at = number / 10
        bots.last.exit_words = "signal 9"
        runner.step()

    assert bots.last.restarts == 7
    assert not place.strategy().is_retired


@pytest.mark.parametrize(
    ("what", "reason", "words"),
    [
        ({"raises": BotsTellNonsense("profit_abs is not a number")}, Reason.FORGED, "profit_abs"),
        ({"is_over_quota": True}, Reason.UNSAFE, "disk"),
        ({"errors": 20}, Reason.BROKEN, "raised 20 times"),
    ],
)
def test_a_strategy_that_misuses_its_bot_is_retired(place, runner, bots, what, reason, words):
    want(place)
    runner.step()
    for name, value in what.items():
        setattr(bots.last, name, value)

    runner.step()

    assert place.strategy().retired_because == reason
    assert words in facts_of(place, "ForwardTest.Failed")[0]["reason"]
    assert bots.last.is_stopped


def test_trades_that_cannot_have_happened_are_no_result(place, runner, bots):
    want(place)
    runner.step()
    bots.last.at = 1.0
    bots.last.impossible = ["trade 1 (BTC/USDT:USDT): it was closed at 9, outside of its candle"]

    runner.step()

    assert place.strategy().retired_because == Reason.FORGED
    assert place.happened("ForwardTest.Concluded") == []


def test_what_a_bot_has_left_is_removed_once_it_is_over(place, runner, bots):
    want(place)
    runner.step()
    bots.last.at = 1.0

    runner.step()

    assert bots.forgotten == [f"{NAME}-1"]


def test_a_replay_that_stands_still_is_a_hung_strategy(place, runner, bots, monkeypatch):
    want(place)
    runner.step()
    runner.step()
    from cfsm.workers import dry_runner

    later = dry_runner.time.monotonic() + 2_000
    monkeypatch.setattr(dry_runner.time, "monotonic", lambda: later)
    place.pass_leases(1)

    runner.step()

    assert place.strategy().retired_because == Reason.BROKEN


def test_a_silent_bot_is_ended_and_started_again(place, runner, bots, monkeypatch):
    want(place)
    runner.step()
    bots.last.is_silent = True
    from cfsm.workers import dry_runner

    later = dry_runner.time.monotonic() + 2_000
    monkeypatch.setattr(dry_runner.time, "monotonic", lambda: later)
    runner.step()
    assert bots.last.is_stopped

    runner.step()

    assert bots.last.restarts == 1


def test_a_retired_strategys_forward_test_is_called_off(place, runner, bots):
    want(place)
    place.change(lambda strategy, stamp: strategy.retire(Reason.TOO_OLD, "old", stamp))

    runner.step()

    assert bots.started == []
    assert forward_test_in(place).is_over
    assert place.due(TaskKind.FORWARD_TEST) == []


def test_a_strategy_that_is_retired_meanwhile_loses_its_bot(place, runner, bots):
    want(place)
    runner.step()
    place.change(lambda strategy, stamp: strategy.retire(Reason.SURPLUS, "too many", stamp))

    runner.step()

    assert bots.last.is_stopped
    assert forward_test_in(place).is_over


def test_without_a_gateway_the_task_waits_and_costs_no_try(place, runner, bots):
    want(place)
    bots.raises = TryAgain("no market gateway answers")
    runner.step()
    bots.raises = None
    place.leases += 60

    runner.step()

    assert len(bots.started) == 1
    assert place.factory.store.overview()[0]["state"] == "open"


def test_where_no_bot_can_be_caged_the_worker_stops_and_says_so(place, runner, bots):
    want(place)
    bots.raises = Misconfigured("cannot be caged here")

    with pytest.raises(Misconfigured, match="caged"):
        runner.step()

    assert place.due(TaskKind.FORWARD_TEST)


def test_a_worker_that_stops_stops_its_bots_and_gives_the_task_back(place, runner, bots):
    want(place)
    runner.step()
    place.is_stopping = True

    runner.run()

    assert bots.last.is_stopped
    assert place.claim(TaskKind.FORWARD_TEST).attempt == 2


def test_a_worker_that_lost_the_lease_lets_the_bot_go_and_records_nothing(place, runner, bots):
    want(place)
    runner.step()
    place.pass_leases()
    other = place.claim(TaskKind.FORWARD_TEST)
    bots.last.at = 1.0

    runner.step()

    assert bots.last.is_stopped
    assert not forward_test_in(place).is_over
    assert other.attempt == 2


def test_attempts_that_see_nothing_new_park_the_task(place, bots, asked, runner):
    want(place)
    for _ in range(4):
        place.claim(TaskKind.FORWARD_TEST)
        place.pass_leases()

    runner.step()

    assert place.happened("ParkedTask.Parked")
    assert bots.started == []


def test_a_live_forward_test_does_not_hang_for_want_of_progress(place, runner, bots, monkeypatch):
    want(place, source=Source.LIVE)
    runner.step()
    runner.step()
    from cfsm.workers import dry_runner

    later = dry_runner.time.monotonic() + 2_000
    monkeypatch.setattr(dry_runner.time, "monotonic", lambda: later)

    runner.step()

    assert not place.strategy().is_retired


def live(place, days=14.0):
    """Ask for a live forward test that begins now."""
    now_ms = int(place.factory.stamp().at.timestamp() * 1000)
    want(place, source=Source.LIVE, days=days, begin_ms=now_ms)
    return now_ms


def away_hours(place):
    return [round((each["end_ms"] - each["begin_ms"]) / HOUR_MS, 3) for each in facts_of(place, "ForwardTest.Away")]


def test_the_time_in_which_a_live_test_waited_for_its_bot_is_not_held_against_it(place, runner, bots):
    live(place, days=2)
    place.clock.jump(days=20)

    runner.step()
    bots.last.at = 10.0  # ten times two days after it was asked for
    runner.step()

    assert away_hours(place) == [480]
    assert not place.strategy().is_retired
    test = forward_test_in(place)
    assert not test.is_over
    assert test.watched_days(test.span.begin_ms + 20 * DAY_MS) == 0


def test_the_time_in_which_no_factory_ran_is_not_held_against_a_live_test(place, runner, bots):
    live(place)
    runner.step()
    place.clock.jump(days=10)
    place.pass_leases()

    again = DryRunner(
        place.equipment("dry_runner@there"),
        bots,
        place.blobs,
        slots=2,
        pace=Pace(look_seconds=0.0),
        plan=lambda: None,
        trades_of=lambda run_id: [],
        timeframe_ms=lambda strategy: 300_000,
    )
    again.step()
    bots.last.at = 10 / 14
    again.step()

    assert away_hours(place) == [240]
    assert not place.strategy().is_retired
    test = forward_test_in(place)
    assert test.end_ms == test.span.end_ms + 10 * DAY_MS


def test_a_clock_that_jumps_ahead_ends_no_live_test_and_retires_nobody(place, runner, bots):
    live(place)
    runner.step()
    runner.step()

    bots.last.at = 30.0
    runner.step()
    bots.last.at = 30.0 + 1 / 14 / 24 / 3600
    runner.step()

    assert away_hours(place) == [pytest.approx(30 * 14 * 24, abs=0.01)]
    assert not forward_test_in(place).is_over
    assert not place.strategy().is_retired


def test_the_time_in_which_a_live_bot_lay_dead_or_silent_is_not_held_against_it(place, runner, bots):
    live(place)
    runner.step()
    bots.last.is_silent = True
    for day in range(1, 11):
        bots.last.at = day / 14
        bots.last.exit_words = "exit status 1: Could not load markets"
        runner.step()

    bots.last.is_silent = False
    runner.step()

    assert away_hours(place) == [240]
    assert not place.strategy().is_retired


def test_a_replay_misses_nothing_while_no_bot_runs(place, runner, bots):
    want(place)
    place.clock.jump(days=10)

    runner.step()
    bots.last.at = 0.5
    runner.step()

    assert away_hours(place) == []
