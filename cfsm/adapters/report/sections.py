"""The sections of the report."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cfsm.adapters.report.chart import line_chart
from cfsm.adapters.report.markup import NOTHING, Markup, element, join
from cfsm.adapters.report.tables import all_trades, calendar, groups, months, table
from cfsm.domain.equity import EquityCurve
from cfsm.domain.figures import FIGURES, in_words
from cfsm.domain.parts import PART_HEADERS, PART_NUMBERS, part_rows
from cfsm.domain.trades import Trade

MOST_EVENTS = 2_000
"""A strategy that was backtested every hour for months has more; `cfsm history show` has them all."""


def facts(values: Mapping[str, Any], *, wide: bool = False) -> Markup:
    """Give names and values, ``wide`` ones each on a line; what is unknown is left out."""
    rows = (
        element("div", element("dt", name), element("dd", value))
        for name, value in values.items()
        if value not in ("", None, (), [])
    )
    return element("dl", *rows, class_="lines" if wide else None)


def section(title: str, *content: Any) -> Markup:
    """Give a section under a heading."""
    return element("section", element("h2", title), *content)


def headline(recorded: Mapping[str, Any]) -> Markup:
    """Give the few figures that are looked at first."""
    by_name = {each.name: each for each in FIGURES}
    cards = []
    for name, words in _HEADLINE.items():
        value = recorded.get(name)
        is_loss = name in _GAINS and isinstance(value, int | float) and value < 0
        shown = element("strong", in_words(value, by_name[name].unit), class_="loss" if is_loss else None)
        cards.append(element("div", element("span", words), shown, title=by_name[name].words))
    return element("div", *cards, class_="cards")


_HEADLINE = {
    "profit_total": "Profit",
    "sharpe_daily": "Sharpe, daily",
    "max_drawdown_account": "Drawdown",
    "profit_factor": "Profit factor",
    "winrate": "Won",
    "total_trades": "Trades",
}
_GAINS = frozenset({"profit_total", "sharpe_daily"})


def figures(recorded: Mapping[str, Any]) -> Markup:
    """Give our figures with Freqtrade's beside them, and the rest of Freqtrade's folded away."""
    theirs: Mapping[str, Any] = recorded.get("freqtrade") or {}
    rows = [
        (
            each.words,
            element("code", each.name),
            in_words(recorded.get(each.name), each.unit),
            in_words(theirs.get(each.freqtrade), each.unit) if each.freqtrade else "",
            each.of_freqtrade(),
        )
        for each in FIGURES
    ]
    shown = {each.freqtrade for each in FIGURES}
    rest = {name: value for name, value in theirs.items() if name not in shown and value not in (None, "")}
    numbers = ("CFSM", "Freqtrade")
    return section(
        "Figures",
        element(
            "p", "CFSM's figures come from the daily equity of the trades; Freqtrade's are its own, under its names."
        ),
        table(("figure", "name", "CFSM", "Freqtrade", "Freqtrade's name"), rows, numbers),
        element("details", element("summary", "All other figures of Freqtrade"), facts(rest)) if rest else NOTHING,
    )


def parts(recorded: Mapping[str, Any]) -> Markup:
    """Give what each part of the days gave, labelled in sample or out of sample."""
    rows = list(part_rows(recorded))
    if not rows:
        return NOTHING
    return section(
        "In sample and out of sample",
        element(
            "p",
            "Scores are from the walk-forward days. No optimisation and no selection has seen the days of the proof.",
        ),
        table(PART_HEADERS, rows, PART_NUMBERS),
    )


def curves(curve: EquityCurve) -> Markup:
    """Give the charts of the balance and of its falls."""
    balances = list(curve.rows())
    high, falls = curve.starting_balance, []
    for day, balance in balances:
        high = max(high, balance)
        falls.append((day, (balance - high) / high))
    return join(
        section(
            "Equity",
            line_chart(balances, "Balance at the end of each day, in stake currency", _money, curve.starting_balance),
            element(
                "p", "The realised balance at the end of each UTC day; trades that are open count when they close."
            ),
        ),
        section(
            "Drawdown",
            line_chart(falls, "Fall of the daily balance below its highest value before", _percent, 0.0, kind="fall"),
            element("p", "Day by day. The figures below count from trade to trade and can be deeper within a day."),
        ),
    )


def _money(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 10 else f"{value:,.0f}"  # noqa: PLR2004  small balances need their digits


def _percent(value: float) -> str:
    return f"{value * 100:.3g} %"


def months_of(listed: tuple[Trade, ...], curve: EquityCurve) -> Markup:
    """Give the months: as a calendar, and in full."""
    return section("Months", calendar(listed, curve), months(listed, curve)) if listed else NOTHING


def trades(listed: tuple[Trade, ...]) -> Markup:
    """Give the tables of pairs, sides, exit reasons, tags and of all trades."""
    if not listed:
        return section("Trades", element("p", "There are none."))
    return join(
        section(
            "Groups of trades",
            element(
                "div",
                groups(listed, "pair", lambda trade: trade.pair),
                groups(listed, "side", lambda trade: "short" if trade.is_short else "long"),
                groups(listed, "exit reason", lambda trade: trade.exit_reason),
                groups(listed, "tag", lambda trade: trade.enter_tag or "none"),
                class_="columns",
            ),
        ),
        section(f"Trades ({len(listed)})", all_trades(listed)),
    )


def findings(listed: Iterable[Mapping[str, Any]]) -> Markup:
    """Give what the runs found, with what to do about it."""
    rows = [
        (
            each["run"],
            element("code", each["code"]),
            each.get("line") or "",
            each["message"],
            each.get("what_to_do", ""),
        )
        for each in listed
    ]
    if not rows:
        return section("Findings", element("p", "There are none."))
    return section("Findings", table(("run", "code", "line", "what", "what to do"), rows, ("line",)))


def events(listed: Sequence[tuple[int, str, str, str]]) -> Markup:
    """Give what happened, in order: place in the log, time, event, words; of very many the last ones."""
    left = len(listed) - MOST_EVENTS
    note = element("p", f"{left} earlier events are not shown.") if left > 0 else NOTHING
    rows = listed[-MOST_EVENTS:]
    return section("Events", note, table(("event", "at (UTC)", "what", "in words"), rows, ("event",)))


def code(source: str) -> Markup:
    """Give the source, folded away."""
    return section("Code", element("details", element("summary", "Show the code"), element("pre", source)))
