"""``cfsm compare``: the last backtests of strategies side by side."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.completing import strategy_names
from cfsm.cli.output import as_json, figure, percent, print_json, print_table
from cfsm.cli.strategies import find
from cfsm.cli.verdicts import Backtest, happenings_of, last_backtest
from cfsm.domain.comparison import Correlation, Overlap, correlation, overlap
from cfsm.domain.figures import FIGURES, in_words

AT_LEAST = 2
HASH_DIGITS = 12
PAIR_HEADERS = ("strategy", "and", "correlation", "days", "same entries", "of all", "same trades", "time together")
PAIR_NUMBERS = PAIR_HEADERS[2:]


@click.command()
@click.argument("strategies", nargs=-1, required=True, shell_complete=strategy_names)
@as_json
@click.pass_obj
def compare(house: House, strategies: tuple[str, ...], as_json: bool) -> None:
    """Show the last backtests of two or more strategies side by side.

    Below the figures: for each two the correlation of their daily returns, and how far their trades are the same.
    Strategies that gain on the same days are one bet. What makes the figures hard to compare is said: other candles,
    another range, another wallet.

    \b
    Examples:
      cfsm compare TrendStrategy_phi3_20261121_093000 MomentumStrategy_mistral_20261121_100000
      cfsm compare Trend Momentum --json
    """
    backtests = _backtests(house, strategies)
    pairs = list(_pairs(backtests))
    doubts = list(_doubts(backtests))
    if as_json:
        print_json(
            {
                "strategies": [_as_mapping(name, each) for name, each in backtests.items()],
                "pairs": [
                    {"a": one, "b": other, "correlation": found.value, "days_in_common": found.days, **asdict(same)}
                    for one, other, found, same in pairs
                ],
                "doubts": doubts,
            }
        )
        return
    _show(backtests)
    click.echo()
    print_table([_pair_row(*pair) for pair in pairs], PAIR_HEADERS, PAIR_NUMBERS)
    for doubt in doubts:
        click.echo(doubt)


def _backtests(house: House, queries: Sequence[str]) -> dict[str, Backtest]:
    """Give the last backtest of each strategy by its name."""
    found = {each.name: each.id for each in (find(house, query) for query in queries)}
    if len(found) < AT_LEAST:
        raise click.UsageError("name at least two strategies")
    backtests = {name: last_backtest(house, happenings_of(house, each)) for name, each in found.items()}
    without = [name for name, backtest in backtests.items() if backtest is None]
    if without:
        raise click.ClickException(f"not backtested yet: {', '.join(without)}")
    return {name: backtest for name, backtest in backtests.items() if backtest is not None}


def _pairs(backtests: Mapping[str, Backtest]) -> Iterator[tuple[str, str, Correlation, Overlap]]:
    for (one, first), (other, second) in combinations(backtests.items(), 2):
        yield one, other, correlation(first.curve, second.curve), overlap(first.trades, second.trades)


def _pair_row(one: str, other: str, found: Correlation, same: Overlap) -> tuple[object, ...]:
    return (
        one,
        other,
        figure(found.value),
        found.days,
        same.same_entries,
        percent(same.entries_share),
        same.same_trades,
        percent(same.time_share),
    )


def _doubts(backtests: Mapping[str, Backtest]) -> Iterator[str]:
    """Say what speaks against holding the figures against each other."""
    verdicts = [each.verdict for each in backtests.values()]
    what: Mapping[str, set[object]] = {
        "the candles": {each.identity and each.identity.data_hash for each in verdicts},
        "the range": {_span(each) for each in backtests.values()},
        "the pairs": {each.conditions.pairs for each in verdicts},
        "the wallet": {each.conditions.dry_run_wallet for each in verdicts},
        "the stakes": {(each.conditions.stake_amount, each.conditions.max_open_trades) for each in verdicts},
        "the engine": {each.identity and each.identity.engine for each in verdicts},
    }
    different = [name for name, values in what.items() if len(values) > 1]
    if different:
        yield f"Not the same for all: {', '.join(different)}."
    if any(each.data_label == "synthetic" for each in backtests.values()):
        yield "The candles are synthetic: these figures say nothing about a real market."


def _span(each: Backtest) -> str:
    return f"{str(each.figure('backtest_start'))[:10]} to {str(each.figure('backtest_end'))[:10]}"


def _show(backtests: Mapping[str, Backtest]) -> None:
    columns = list(backtests.values())
    rows: list[tuple[object, ...]] = [
        ("Range", *map(_span, columns)),
        ("Timeframe", *(each.figure("timeframe") for each in columns)),
        ("Data", *(f"{each.verdict.conditions.dataset} ({each.data_label})" for each in columns)),
    ]
    for row in FIGURES:
        rows.append((row.words, *(in_words(each.figure(row.name), row.unit) for each in columns)))
        if row.freqtrade and not row.is_same:
            theirs = (in_words(each.of_freqtrade(row.freqtrade), row.unit) for each in columns)
            rows.append((f"  Freqtrade's {row.freqtrade}", *theirs))
    rows.append(("Result", *(each.verdict.result_hash[:HASH_DIGITS] for each in columns)))
    print_table(rows, ("figure", *backtests), tuple(backtests))


def _as_mapping(name: str, backtest: Backtest) -> dict[str, Any]:
    verdict = backtest.verdict
    return {
        "name": name,
        "run_id": verdict.run_id,
        "data_label": backtest.data_label,
        "dataset": verdict.conditions.dataset,
        "result_hash": verdict.result_hash,
        "identity": verdict.identity and asdict(verdict.identity),
        "figures": dict(verdict.figures),
    }
