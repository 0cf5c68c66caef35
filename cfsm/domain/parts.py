"""What the runs over the parts of the days have to say together: one result, of which each part is labelled."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from cfsm.domain.equity import SMALLEST_BALANCE
from cfsm.domain.figures import Unit, in_words
from cfsm.domain.metrics import measure
from cfsm.domain.trades import Trade
from cfsm.domain.walk_forward import DayRange, Part

SHOWN = (
    *("days", "total_trades", "profit_total", "profit_factor", "winrate", "sharpe_daily", "max_drawdown_account"),
    *("sr", "observations", "backtest_start", "backtest_end"),
)
"""The figures of a part that stand beside those of the others; the part's own run has all."""


@dataclass(frozen=True)
class PartResult:
    """What one run over one part gave."""

    part: Part
    run_id: str
    timerange: str
    result_hash: str
    figures: Mapping[str, Any]

    @property
    def is_empty(self) -> bool:
        """Say whether there were no trades."""
        return not self.figures.get("total_trades")

    def in_short(self) -> dict[str, Any]:
        """Give the part as it stands beside the others."""
        shown = {name: self.figures.get(name) for name in SHOWN}
        return {"run_id": self.run_id, "timerange": self.timerange, "result_hash": self.result_hash, **shown}


def headline(results: Sequence[PartResult]) -> PartResult:
    """Give the result that scores come from: the walk-forward one, or that of all days where they are not divided."""
    return next(each for each in results if each.part in {Part.WALK_FORWARD, Part.WHOLE})


def joined_figures(results: Sequence[PartResult]) -> dict[str, Any]:
    """Give the headline's figures, and every part in short under ``parts``."""
    return {**headline(results).figures, "parts": {each.part.value: each.in_short() for each in results}}


def window_figures(trades: Sequence[Trade], balance: float, windows: Sequence[DayRange]) -> Iterator[dict[str, Any]]:
    """Give the figures of each window in turn, each from the balance that the one before left.

    A trade counts where it closes; one that closes as the last window ends counts there. After a ruin nothing comes.
    """
    for place, window in enumerate(windows, start=1):
        if balance < SMALLEST_BALANCE:
            return
        start, end = _midnight(window.first), _midnight(window.end)
        is_last = place == len(windows)
        closed = [
            trade
            for trade in trades
            if _ms(start) <= trade.close_date < _ms(end) or (is_last and trade.close_date == _ms(end))
        ]
        metrics = measure(closed, balance, start, end)
        balance = metrics.final_balance
        yield {
            "timerange": window.timerange,
            "days": metrics.days,
            "total_trades": metrics.total_trades,
            "profit_total": metrics.profit_total,
            "sharpe_daily": metrics.sharpe_daily,
            "max_drawdown_account": metrics.max_drawdown_account,
        }


PART_HEADERS = ("days", "sample", "timerange", "number of days", "trades", "profit", "Sharpe daily", "drawdown")
PART_NUMBERS = PART_HEADERS[3:]


def part_rows(figures: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Give a row under ``PART_HEADERS`` for each part, and below the walk-forward one for each of its windows.

    Figures that were recorded before the days were divided give no row.
    """
    for name, part in (figures.get("parts") or {}).items():
        yield (Part(name).in_words, *_row(Part(name), part))
        if name == Part.WALK_FORWARD:
            for number, window in enumerate(figures.get("windows") or (), start=1):
                yield (f"  window {number}", *_row(Part(name), window))


def _row(part: Part, shown: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        part.sample,
        shown["timerange"],
        in_words(shown["days"], Unit.COUNT),
        in_words(shown["total_trades"], Unit.COUNT),
        in_words(shown["profit_total"], Unit.SHARE),
        in_words(shown["sharpe_daily"], Unit.RATIO),
        in_words(shown["max_drawdown_account"], Unit.SHARE),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
