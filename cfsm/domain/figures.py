"""Which figures a backtest has: their names, their units, and what Freqtrade's figure of the same kind is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cfsm.domain.evaluation import BacktestOutcome
from cfsm.domain.metrics import Metrics


def figures_of(
    outcome: BacktestOutcome, metrics: Metrics, *, dataset: str, data_label: str, is_out_of_sample: bool
) -> Mapping[str, Any]:
    """Give what the events of a backtest keep of it, under the only names by which it is read back.

    One flat mapping: the factory's own figures as ``Metrics.figures`` names them; ``freqtrade``, Freqtrade's under
    its names; and what they are figures of. ``data_label`` says where the candles came from (``synthetic``,
    ``imported``, ``downloaded``), ``is_out_of_sample`` that no selection has seen them, ``backtest_start`` and
    ``backtest_end`` (ISO 8601) which of them were traded on.
    """
    return {
        **metrics.figures(),
        "timeframe": outcome.timeframe,
        "dataset": dataset,
        "data_label": data_label,
        "is_out_of_sample": is_out_of_sample,
        "backtest_start": outcome.backtest_start.isoformat(),
        "backtest_end": outcome.backtest_end.isoformat(),
        "freqtrade": dict(outcome.statistics),
    }


class Unit(StrEnum):
    """What a figure counts; ratios are fractions, shown as percent where they are shares."""

    COUNT = "count"
    SHARE = "share"
    MONEY = "money"
    RATIO = "ratio"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the factory's own figures.

    ``freqtrade`` names Freqtrade's figure beside it, None where it has none. ``is_same`` says whether both mean the
    same; where not, they differ on the same trades and neither is wrong.
    """

    name: str
    words: str
    unit: Unit
    freqtrade: str | None = None
    is_same: bool = True

    def of_freqtrade(self) -> str:
        """Give the name of Freqtrade's figure, with a mark where it is of another definition."""
        if self.freqtrade is None:
            return ""
        return self.freqtrade if self.is_same else f"{self.freqtrade} (another definition)"


def _same(name: str, words: str, unit: Unit) -> Figure:
    return Figure(name, words, unit, name)


FIGURES: tuple[Figure, ...] = (
    _same("total_trades", "Trades", Unit.COUNT),
    _same("trade_count_long", "Long trades", Unit.COUNT),
    _same("trade_count_short", "Short trades", Unit.COUNT),
    _same("wins", "Trades that won", Unit.COUNT),
    _same("losses", "Trades that lost", Unit.COUNT),
    _same("winrate", "Share of trades that won", Unit.SHARE),
    _same("starting_balance", "Balance at the start", Unit.MONEY),
    _same("final_balance", "Balance at the end", Unit.MONEY),
    _same("profit_total_abs", "Profit", Unit.MONEY),
    _same("profit_total", "Profit on the starting balance", Unit.SHARE),
    _same("profit_factor", "Profits over losses", Unit.RATIO),
    _same("expectancy", "Mean profit of a trade", Unit.MONEY),
    _same("expectancy_ratio", "Expectancy ratio", Unit.RATIO),
    _same("max_drawdown_abs", "Deepest fall of the balance", Unit.MONEY),
    _same("max_drawdown_account", "That fall on the highest balance before it", Unit.SHARE),
    _same("max_relative_drawdown", "Largest relative fall", Unit.SHARE),
    Figure("sharpe_daily", "Sharpe ratio of daily equity, annual", Unit.RATIO, "sharpe", is_same=False),
    Figure("sortino_daily", "Sortino ratio of daily equity, annual", Unit.RATIO, "sortino", is_same=False),
    Figure("calmar", "Calmar ratio: annual profit over drawdown", Unit.RATIO, "calmar", is_same=False),
    Figure("holding_avg_seconds", "Mean time in a trade", Unit.SECONDS, "holding_avg_s"),
    Figure("fees_paid", "Exchange fees paid", Unit.MONEY),
    Figure("fees_share", "Share of gross profits that fees took", Unit.SHARE),
    Figure("funding_fees", "Funding gained", Unit.MONEY),
    Figure("days", "Days", Unit.COUNT, "backtest_days", is_same=False),
)
"""The figures in the order in which they are shown; all are figures of ``Metrics``."""


def in_words(value: object, unit: Unit) -> str:
    """Give a figure for people; a dash for what is undefined or no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-"
    match unit:
        case Unit.COUNT:
            return f"{value:.0f}"
        case Unit.SHARE:
            return f"{value * 100:.2f} %"
        case Unit.SECONDS:
            return duration_in_words(value)
        case Unit.MONEY | Unit.RATIO:
            return f"{value:.2f}"


def duration_in_words(seconds: float) -> str:
    """Give a duration in its two largest units, as in ``1d 4h``, ``4h 5m`` or ``5m``."""
    minutes = round(seconds / 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h {rest}m" if hours else f"{rest}m"
