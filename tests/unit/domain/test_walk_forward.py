from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from cfsm.domain.walk_forward import DayRange, DivisionRules, Part, divide

FIRST = date(2025, 1, 1)


def span(days):
    return DayRange(FIRST, FIRST + timedelta(days=days))


def test_days_are_screened_then_walked_then_kept_for_the_proof():
    division = divide(span(122), DivisionRules())

    assert division.screening.timerange == "20250101-20250302"
    assert [window.days for window in division.windows] == [12, 12, 12]
    assert division.walk_forward == DayRange(date(2025, 3, 3), date(2025, 4, 8))
    assert division.proof == DayRange(date(2025, 4, 9), date(2025, 5, 3))
    assert division.proof.end == span(122).end
    assert [part for part, _ in division.parts()] == [Part.SCREENING, Part.WALK_FORWARD, Part.PROOF]


@pytest.mark.parametrize("days", range(30, 400, 7))
@pytest.mark.parametrize("windows", [1, 2, 3, 5])
def test_no_candle_is_in_two_parts(days, windows):
    division = divide(span(days), DivisionRules(windows=windows))

    parts = [each for _, each in division.parts()]

    assert all(later.first - earlier.end == timedelta(days=1) for earlier, later in pairwise(parts))
    assert (parts[0].first, parts[-1].end) == (FIRST, span(days).end)
    assert sum(part.days for part in parts) == days - 2


@pytest.mark.parametrize("days", [30, 31, 47, 100, 304])
def test_windows_follow_each_other_and_differ_by_a_day_at_most(days):
    windows = divide(span(days), DivisionRules()).windows

    assert all(earlier.end == later.first for earlier, later in pairwise(windows))
    assert max(window.days for window in windows) - min(window.days for window in windows) <= 1


@pytest.mark.parametrize("days", [1, 2, 3, 29])
def test_too_few_days_are_all_screening(days):
    division = divide(span(days), DivisionRules())

    assert not division.is_divided
    assert division.walk_forward is None
    assert list(division.parts()) == [(Part.WHOLE, span(days))]


def test_days_that_are_too_few_for_the_windows_are_all_screening():
    assert not divide(span(30), DivisionRules(windows=20)).is_divided


def test_without_windows_nothing_is_divided():
    assert list(divide(span(300), DivisionRules(windows=0)).parts()) == [(Part.WHOLE, span(300))]


def test_shares_that_leave_no_window_are_refused():
    with pytest.raises(ValueError, match="leave no day"):
        DivisionRules(screening_share=0.7, proof_share=0.3)


def test_candles_span_the_days_on_which_they_open():
    first, last = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 4, 30, 23, 55, tzinfo=UTC)

    assert DayRange.of_candles(first, last) == DayRange(date(2025, 1, 1), date(2025, 5, 1))
    assert DayRange.of_candles(first, last, "20250201-").timerange == "20250201-20250501"
    assert DayRange.of_candles(first, last, "-20250301").timerange == "20250101-20250301"
    assert DayRange.of_candles(first, last, "20250201-20250301").timerange == "20250201-20250301"


def test_a_timerange_beside_the_candles_is_refused():
    with pytest.raises(ValueError, match="no day"):
        DayRange.of_candles(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC), "20260101-")
