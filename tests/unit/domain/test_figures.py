"""The table of figures."""

import pytest

from cfsm.domain.evaluation import BacktestOutcome, Identity
from cfsm.domain.figures import FIGURES, Unit, duration_in_words, figures_of, in_words
from cfsm.domain.metrics import measure
from tests.fakes import story
from tests.fakes.trades import END, START, closed_on


def kept():
    """Give what the events of a backtest of one trade keep of it."""
    trades = (closed_on(3, 10.0),)
    outcome = BacktestOutcome(
        trades=trades,
        statistics={"sharpe": 6.05},
        identity=Identity("c", "p", "d", "o", "engine/1"),
        result_hash="r" * 64,
        timeframe="5m",
        backtest_start=START,
        backtest_end=END,
        seconds=1.0,
    )
    metrics = measure(trades, 1000.0, START, END)
    return figures_of(outcome, metrics, dataset="mine", data_label="imported", is_out_of_sample=True)


def test_events_keep_our_figures_flat_with_what_they_are_figures_of_and_freqtrades_apart():
    ours = measure([closed_on(3, 10.0)], 1000.0, START, END).figures()

    assert kept() == {
        **ours,
        "timeframe": "5m",
        "dataset": "mine",
        "data_label": "imported",
        "is_out_of_sample": True,
        "backtest_start": "2025-01-01T00:00:00+00:00",
        "backtest_end": "2025-03-01T00:00:00+00:00",
        "freqtrade": {"sharpe": 6.05},
    }


def test_stories_that_other_tests_tell_name_their_figures_so():
    assert story.figures().keys() <= kept().keys()


def test_every_figure_is_one_that_is_measured():
    measured = measure([closed_on(3, 10.0)], 1000.0, START, END).figures()

    assert {figure.name for figure in FIGURES} <= measured.keys()


def test_a_figure_of_another_definition_says_so():
    sharpe = next(figure for figure in FIGURES if figure.name == "sharpe_daily")

    assert sharpe.of_freqtrade() == "sharpe (another definition)"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (12, Unit.COUNT, "12"),
        (0.1234, Unit.SHARE, "12.34 %"),
        (-456.848, Unit.MONEY, "-456.85"),
        (1.5, Unit.RATIO, "1.50"),
        (23_940.0, Unit.SECONDS, "6h 39m"),
        (None, Unit.RATIO, "-"),
        ("<b>", Unit.RATIO, "-"),
        (True, Unit.COUNT, "-"),
    ],
)
def test_figures_in_words(value, unit, words):
    assert in_words(value, unit) == words


@pytest.mark.parametrize(("seconds", "words"), [(0, "0m"), (299, "5m"), (3600, "1h 0m"), (100_800, "1d 4h")])
def test_durations_in_words(seconds, words):
    assert duration_in_words(seconds) == words
