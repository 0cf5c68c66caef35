from dataclasses import replace
from datetime import date

from cfsm.domain.parts import PART_HEADERS, PartResult, headline, joined_figures, part_rows, window_figures
from cfsm.domain.walk_forward import DayRange, Part
from tests.fakes.trades import closed_on

WINDOWS = (DayRange(date(2025, 1, 1), date(2025, 1, 11)), DayRange(date(2025, 1, 11), date(2025, 1, 21)))


def result(part, **figures):
    shown = {"total_trades": 3, "days": 10, "profit_total": 0.1, "sharpe_daily": 1.5, "max_drawdown_account": 0.02}
    return PartResult(part, f"run-{part}", "20250101-20250111", f"hash-{part}", {**shown, **figures})


def test_scores_come_from_the_walk_forward_part():
    results = [result(Part.SCREENING), result(Part.WALK_FORWARD, sharpe_daily=0.5), result(Part.PROOF)]

    assert headline(results).part is Part.WALK_FORWARD
    assert joined_figures(results)["sharpe_daily"] == 0.5
    assert list(joined_figures(results)["parts"]) == ["screening", "walk_forward", "proof"]


def test_undivided_days_speak_for_themselves():
    assert headline([result(Part.WHOLE)]).part is Part.WHOLE


def test_each_window_begins_with_what_the_one_before_left():
    first, second = window_figures([closed_on(2, 100.0), closed_on(12, 110.0)], 1000.0, WINDOWS)

    assert (first["total_trades"], first["profit_total"]) == (1, 0.1)
    assert (second["total_trades"], second["profit_total"]) == (1, 0.1)


def test_a_trade_that_closes_with_the_last_window_counts_in_it():
    at_the_end = replace(closed_on(2, 10.0), close_date=1_737_417_600_000)  # 21 January, midnight

    assert [each["total_trades"] for each in window_figures([at_the_end], 1000.0, WINDOWS)] == [0, 1]


def test_after_a_ruin_there_are_no_more_windows():
    assert len(list(window_figures([closed_on(2, -1000.0)], 1000.0, WINDOWS))) == 1


def test_every_part_is_labelled_and_windows_stand_below_theirs():
    figures = joined_figures([result(Part.SCREENING), result(Part.WALK_FORWARD), result(Part.PROOF)])
    figures["windows"] = list(window_figures([], 1000.0, WINDOWS))

    rows = list(part_rows(figures))

    assert [row[0] for row in rows] == ["screening", "walk-forward", "  window 1", "  window 2", "proof"]
    assert [row[1] for row in rows] == ["in sample", *["out of sample"] * 4]
    assert {len(row) for row in rows} == {len(PART_HEADERS)}


def test_figures_from_before_the_days_were_divided_have_no_parts():
    assert list(part_rows({"sharpe_daily": 1.0})) == []
