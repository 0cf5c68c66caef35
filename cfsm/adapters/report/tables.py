"""The tables of the report's trades, months and groups of trades."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from math import fsum, prod
from typing import Any

from cfsm.adapters.report.markup import Markup, element, join
from cfsm.domain.equity import EquityCurve, monthly_table
from cfsm.domain.figures import Unit, duration_in_words, in_words
from cfsm.domain.trades import Trade

MOST_TRADES = 10_000
"""More trades than these make a page that no browser likes; the rest is in `cfsm forge backtest --json`."""

Cell = tuple[Any, float | None]
"""What a cell shows, and the number that it is sorted by; None sorts by the text."""


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], numbers: Sequence[str] = ()) -> Markup:
    """Give a table; the columns named in ``numbers`` stand to the right."""
    classes = ["number" if header in numbers else None for header in headers]
    body = (
        element("tr", *(element("td", cell, class_=kind) for cell, kind in zip(row, classes, strict=True)))
        for row in rows
    )
    head = element("tr", *(element("th", text, class_=kind) for text, kind in zip(headers, classes, strict=True)))
    return element("div", element("table", element("thead", head), element("tbody", *body)), class_="wide")


def sortable(headers: Sequence[str], rows: Iterable[Sequence[Cell]], numbers: Sequence[str] = ()) -> Markup:
    """Give a table whose columns can be sorted by a click on their headers; cells with a number stand to the right."""
    head = element(
        "tr",
        *(
            element("th", element("button", text, type="button"), class_="number" if text in numbers else None)
            for text in headers
        ),
    )
    body = (element("tr", *(_cell(shown, by) for shown, by in row)) for row in rows)
    return element(
        "div", element("table", element("thead", head), element("tbody", *body), class_="sortable"), class_="wide"
    )


def _cell(shown: Any, by: float | None) -> Markup:
    if by is None:
        return element("td", shown)
    return element("td", shown, class_="number loss" if by < 0 else "number", data_by=repr(by))


def calendar(trades: Sequence[Trade], curve: EquityCurve) -> Markup:
    """Give what each month made of the balance before it: a row for each year, a column for each month."""
    made: dict[str, dict[int, float]] = {}
    for month in monthly_table(trades, curve):
        year, number = month.month.split("-")
        made.setdefault(year, {})[int(number)] = month.profit_ratio or 0.0
    most = max((abs(ratio) for year in made.values() for ratio in year.values()), default=0.0) or 1.0
    head = element("tr", *(element("th", text, class_="number") for text in ("year", *_MONTHS, "whole")))
    rows = (
        element(
            "tr",
            element("th", year, class_="number"),
            *(_month(ratios.get(number), most) for number in range(1, 13)),
            _month(prod(1 + ratio for ratio in ratios.values()) - 1, None),
        )
        for year, ratios in made.items()
    )
    return element(
        "div", element("table", element("thead", head), element("tbody", *rows), class_="calendar"), class_="wide"
    )


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _month(ratio: float | None, most: float | None) -> Markup:
    """Give a cell, the stronger coloured the more of ``most`` it is."""
    if ratio is None:
        return element("td", "", class_="number")
    strength = 0 if most is None else round(min(1.0, abs(ratio) / most) * 60)
    colour = f"--strength: {strength}%" if strength else None
    kind = "loss" if ratio < 0 else "gain"
    return element("td", f"{ratio * 100:.1f}", class_=f"number {kind}", style=colour)


def months(trades: Sequence[Trade], curve: EquityCurve) -> Markup:
    """Give the monthly table."""
    rows = [
        (
            month.month,
            month.total_trades,
            in_words(month.wins / month.total_trades if month.total_trades else None, Unit.SHARE),
            signed(month.profit_abs),
            in_words(month.profit_ratio, Unit.SHARE),
            in_words(month.balance, Unit.MONEY),
        )
        for month in monthly_table(trades, curve)
    ]
    headers = ("month", "trades", "won", "profit", "of the balance before", "balance at its end")
    return table(headers, rows, headers[1:])


def groups(trades: Sequence[Trade], name: str, key: Callable[[Trade], str]) -> Markup:
    """Give one row for each group of trades, the most profitable first."""
    grouped: dict[str, list[float]] = {}
    for trade in trades:
        grouped.setdefault(key(trade), []).append(trade.profit_abs)
    rows = [
        (group, len(profits), in_words(sum(each > 0 for each in profits) / len(profits), Unit.SHARE), fsum(profits))
        for group, profits in grouped.items()
    ]
    rows.sort(key=lambda row: (-row[3], row[0]))
    return table(
        (name, "trades", "won", "profit"), [(*row[:3], signed(row[3])) for row in rows], ("trades", "won", "profit")
    )


def all_trades(trades: Sequence[Trade]) -> Markup:
    """Give the trades in their order; times are UTC."""
    texts = ("pair", "side", "opened (UTC)", "closed (UTC)")
    numbers = ("held", "open rate", "close rate", "stake", "leverage", "profit", "profit %", "fees", "funding")
    headers = ("#", *texts, *numbers, "exit reason", "tag")
    rows = (_trade(number, trade) for number, trade in enumerate(trades[:MOST_TRADES], start=1))
    left = len(trades) - MOST_TRADES
    note = element("p", f"{left} more trades are not shown.") if left > 0 else ""
    return join(sortable(headers, rows, ("#", *numbers)), note)


def _trade(number: int, trade: Trade) -> tuple[Cell, ...]:
    held_ms = trade.close_date - trade.open_date
    return (
        (number, number),
        (trade.pair, None),
        ("short" if trade.is_short else "long", None),
        (minute(trade.open_date), None),
        (minute(trade.close_date), None),
        (duration_in_words(held_ms / 1000), held_ms),
        (f"{trade.open_rate:.8g}", trade.open_rate),
        (f"{trade.close_rate:.8g}", trade.close_rate),
        (f"{trade.stake_amount:.2f}", trade.stake_amount),
        (f"{trade.leverage:g}", trade.leverage),
        (f"{trade.profit_abs:.4f}", trade.profit_abs),
        (f"{trade.profit_ratio * 100:.2f}", trade.profit_ratio),
        (f"{trade.fees_paid:.4f}", trade.fees_paid),
        (f"{trade.funding_fees:.4f}", trade.funding_fees),
        (trade.exit_reason, None),
        (trade.enter_tag or "", None),
    )


def minute(milliseconds: int) -> str:
    """Give a moment to the minute, UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def signed(value: float) -> Markup:
    """Give an amount of money, marked where it is a loss."""
    return element("span", f"{value:.2f}", class_="loss" if value < 0 else None)
