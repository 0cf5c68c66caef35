"""How two backtests are held against each other."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given

from cfsm.domain.comparison import Likeness, better_probability, correlation, overlap, select
from cfsm.domain.equity import EquityCurve, equity_curve
from tests.fakes.trades import DAY_MS, END, START, START_MS, a_trade, trade_lists

HOUR_MS = 3_600_000
FIRST = date(2025, 1, 1)


def held(opens, closes, **changes):
    """A trade from one hour of the first of January 2025 to another."""
    return a_trade(open_date=START_MS + opens * HOUR_MS, close_date=START_MS + closes * HOUR_MS, **changes)


def curve(*balances, first=FIRST):
    return EquityCurve(100.0, first, balances)


def test_the_same_curve_correlates_fully_and_a_mirrored_one_not_at_all():
    up_and_down = curve(110.0, 99.0, 108.9)
    mirrored = curve(90.0, 99.0, 89.1)

    assert correlation(up_and_down, up_and_down).value == pytest.approx(1.0)
    assert correlation(up_and_down, mirrored).value == pytest.approx(-1.0)


def test_pearson_of_returns_known_by_hand():
    one, other = curve(101.0, 103.02, 106.1106), curve(101.0, 104.03, 106.1106)  # returns 1, 2, 3 and 1, 3, 2 percent

    assert correlation(one, other).value == pytest.approx(0.5)


def test_only_days_in_common_count():
    early = curve(110.0, 99.0, 108.9, 120.0)
    late = curve(90.0, 99.0, 89.1, 100.0, first=date(2025, 1, 3))

    assert correlation(early, late).days == 2


@pytest.mark.parametrize(
    ("other", "days"),
    [
        (curve(100.0, 100.0, 100.0), 3),
        (curve(110.0, -5.0, 100.0), 0),
        (curve(110.0, 99.0, first=date(2025, 1, 3)), 1),
    ],
    ids=["flat", "ruined", "one day in common"],
)
def test_where_nothing_can_be_said_there_is_no_correlation(other, days):
    found = correlation(curve(110.0, 99.0, 108.9), other)

    assert (found.value, found.days) == (None, days)


def test_trades_that_begin_together_and_end_apart():
    one = [held(0, 4), held(10, 12), held(20, 21)]
    other = [held(0, 2), held(10, 12), held(30, 31)]

    found = overlap(one, other)

    assert (found.same_entries, found.same_trades) == (2, 1)
    assert found.entries_share == pytest.approx(2 / 4)
    assert found.time_share == pytest.approx((2 + 2) / (4 + 2 + 1 + 1))


def test_the_other_direction_and_another_pair_have_nothing_in_common():
    one = [held(0, 4)]

    for other in (held(0, 4, is_short=True), held(0, 4, pair="ETH/USDT:USDT")):
        found = overlap(one, [other])
        assert (found.same_entries, found.entries_share, found.time_share) == (0, 0.0, 0.0)


def test_without_trades_shares_are_undefined():
    assert (overlap([], []).entries_share, overlap([], []).time_share) == (None, None)


@given(trade_lists())
def test_a_list_of_trades_is_all_of_itself(trades):
    longer = [replace(trade, close_date=trade.close_date + 1) for trade in trades]
    found = overlap(longer, list(reversed(longer)))

    assert found.same_entries == found.same_trades == len(longer)
    assert {found.entries_share, found.time_share} <= ({1.0} if longer else {None})


@given(trade_lists(), trade_lists())
def test_comparing_knows_no_order_and_stays_within_its_bounds(one, other):
    there, back = overlap(one, other), overlap(other, one)
    first, second = (equity_curve(trades, 1000.0, START, END) for trades in (one, other))

    assert there == back
    assert all(share is None or 0 <= share <= 1 for share in (there.entries_share, there.time_share))
    value = correlation(first, second).value
    assert value is None or -1 <= value <= 1
    assert value == correlation(second, first).value
    assert correlation(first, second).days in {0, (END - START).days * DAY_MS // DAY_MS}


def test_who_gains_more_on_most_days_is_probably_better():
    good, bad = curve(101.0, 102.5, 103.0, 104.5), curve(100.0, 100.5, 100.2, 100.4)

    assert better_probability(good, bad) > 0.95
    assert better_probability(bad, good) < 0.05


def test_the_same_curve_is_neither_better_nor_worse():
    assert better_probability(curve(101.0, 102.0), curve(101.0, 102.0)) is None


def test_the_best_are_chosen_unless_they_lose_or_are_one_bet_with_a_better_one():
    alike = {frozenset(("A", "B")): Likeness(0.9, 0.1)}

    verdicts = select(
        [("A", 2.0), ("B", 1.5), ("C", 1.0), ("D", -0.1), ("E", None)],
        lambda one, other: alike.get(frozenset((one, other)), Likeness(0.1, None)),
    )

    assert [each.name for each in verdicts if each.is_chosen] == ["A", "C"]
    reasons = {each.name: each.why for each in verdicts}
    assert reasons["B"] == "one bet with A: correlation 0.90, share of time in the same trades 0.10"
    assert reasons["D"] == reasons["E"] == "it gains nothing"


def test_two_are_one_bet_by_their_trades_as_well():
    assert Likeness(None, 0.7).is_one_bet
    assert not Likeness(None, None).is_one_bet
