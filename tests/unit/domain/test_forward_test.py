import pytest

from cfsm.domain.aggregate import Stamp
from cfsm.domain.evaluation import Conditions
from cfsm.domain.forward_account import (
    Account,
    OpenTrade,
    agreement_of,
    evidence_of_account,
    figures_of_account,
    verdict_of,
)
from cfsm.domain.forward_test import ForwardTest, ForwardVerdict, Source, Span
from cfsm.domain.promise import DAY_MS
from cfsm.domain.sequential_test import TestRules as Rules
from cfsm.domain.strategy import Strategy
from cfsm.domain.trading_mode import Mode, ProductionRefused
from tests.fakes.forward_tests import BEGIN_MS, HOUR_MS, PROMISE, conclude, evidence, forward_test, span, trade
from tests.fakes.story import BEGINNING

NAME = "TrendStrategy_predefined_20261121_120000"
STAMP = Stamp(BEGINNING, "tester@here")


@pytest.fixture
def test():
    return forward_test(NAME, stamp=STAMP)


def events(test):
    return [type(event).__name__ for event in test.pending_events]


def test_real_orders_are_refused_and_it_is_said_what_they_would_need():
    with pytest.raises(ProductionRefused, match="a person's decision, keys of the exchange"):
        ForwardTest.request(
            strategy_name=NAME,
            strategy_id=Strategy.id_of(NAME),
            number=1,
            source=Source.LIVE,
            mode=Mode.PRODUCTION,
            conditions=Conditions("synthetic"),
            span=span(),
            promise=PROMISE,
            promised_by="run",
            same_days_run_id="",
            rules=Rules(),
            why="greed",
            stamp=STAMP,
        )


def test_the_same_test_asked_for_twice_has_one_id():
    assert ForwardTest.id_of(NAME, 1) == ForwardTest.id_of(NAME, 1) != ForwardTest.id_of(NAME, 2)


def test_a_bot_that_begins_again_is_resumed(test):
    test.begin("freqtrade-1", STAMP)
    test.begin("freqtrade-2", STAMP)

    assert events(test) == ["Requested", "Started", "Resumed"]
    assert test.attempt == 2


def test_an_attempt_has_progressed_once_it_saw_something_new(test):
    test.begin("freqtrade-1", STAMP)
    test.observe(BEGIN_MS + 10, {}, evidence(test, 10), STAMP)
    assert test.has_progressed

    test.begin("freqtrade-1", STAMP)
    assert not test.has_progressed
    test.observe(BEGIN_MS + 10, {}, evidence(test, 10), STAMP)
    assert not test.has_progressed
    test.observe(BEGIN_MS + 11, {}, evidence(test, 11), STAMP)
    assert test.has_progressed


def test_what_is_over_stays_as_it_is(test):
    conclude(test, STAMP)
    conclude(test, STAMP, ForwardVerdict.WORSE)
    test.begin("freqtrade-1", STAMP)
    test.observe(BEGIN_MS + 99, {}, evidence(test, 99), STAMP)
    test.request_stop("late", STAMP)
    test.fail("late", (), STAMP)

    assert events(test) == ["Requested", "Concluded"]


def test_a_span_has_days():
    with pytest.raises(ValueError, match="ends after it begins"):
        Span(begin_ms=2, end_ms=2)


def at(days, **facts):
    return Account(int(BEGIN_MS + days * DAY_MS), **facts)


def verdict(test, account):
    return verdict_of(test, account, evidence_of_account(test, account))


def test_there_is_no_verdict_before_the_end_without_evidence(test):
    assert verdict(test, at(1.0)) is None


def test_at_the_end_whoever_was_not_found_worse_is_kept(test):
    found, words = verdict(test, at(2.0, closed=(trade(BEGIN_MS),) * 3, is_at_end=True))

    assert found is ForwardVerdict.KEPT
    assert "no evidence" in words


def test_an_edge_is_confirmed_at_the_end_only(test):
    closed = tuple(trade(BEGIN_MS + place * 4_000_000, 0.02 if place % 4 else -0.01) for place in range(300))
    days = 14.0

    assert verdict(test, at(days, closed=closed)) is None
    assert verdict(test, at(days, closed=closed, is_at_end=True))[0] is ForwardVerdict.CONFIRMED


def test_a_promise_that_says_nothing_is_named_as_such():
    few = type(PROMISE)(**PROMISE.as_mapping() | {"bundles": 3, "trades": 3})
    test = forward_test(NAME, stamp=STAMP, promise=few)

    assert "too few" in verdict(test, at(2.0, is_at_end=True))[1]


def test_silence_where_trades_were_promised_is_worse(test):
    found, words = verdict(test, at(30.0))

    assert found is ForwardVerdict.WORSE
    assert "rarer than promised" in words


def test_figures_have_the_names_that_a_backtest_gives_them(test):
    still_open = OpenTrade("ETH/USDT:USDT", False, BEGIN_MS, 10.0, 100.0, -2.5, -0.025)

    figures = figures_of_account(test, at(1.0, closed=(trade(BEGIN_MS, 0.01),), open=(still_open,)))

    assert figures["total_trades"] == 1
    assert figures["profit_total_abs"] == pytest.approx(1.0)
    assert figures["open_trades"] == 1
    assert figures["open_profit_abs"] == -2.5
    assert figures["days"] == 1.0


def test_agreement_counts_entries_by_pair_direction_and_time():
    test = forward_test(NAME, stamp=STAMP, run_id="proof")
    mine = (trade(BEGIN_MS + 1_000), trade(BEGIN_MS + 5 * HOUR_MS, pair="ETH/USDT:USDT"))
    theirs = [trade(BEGIN_MS), trade(BEGIN_MS + 5 * HOUR_MS), trade(BEGIN_MS + 3 * DAY_MS)]

    agreement = agreement_of(test, at(1.0, closed=mine), theirs, 300_000)

    assert (agreement["backtest_trades"], agreement["same_entries"]) == (2, 1)
    assert (agreement["only_in_backtest"], agreement["only_in_forward_test"]) == (1, 1)


def test_a_dearer_entry_counts_against_a_short_when_it_is_lower():
    test = forward_test(NAME, stamp=STAMP, run_id="proof")
    mine = trade(BEGIN_MS, is_short=True, open_rate=99.0)

    agreement = agreement_of(test, at(1.0, closed=(mine,)), [trade(BEGIN_MS, is_short=True)], 300_000)

    assert agreement["entry_worse_by_mean"] == pytest.approx(0.01)


def test_without_a_backtest_of_these_days_there_is_nothing_to_agree_with(test):
    assert agreement_of(test, at(1.0), [], 300_000) == {}
