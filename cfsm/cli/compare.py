"""``cfsm compare``: the last backtests of strategies side by side, and which of them are worth having together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.completing import strategy_names
from cfsm.cli.output import as_json, figure, percent, print_json, print_table
from cfsm.cli.strategies import find
from cfsm.cli.verdicts import Backtest, happenings_of, last_backtest
from cfsm.domain.comparison import (
    Correlation,
    Likeness,
    Overlap,
    Selected,
    better_probability,
    correlation,
    overlap,
    select,
)
from cfsm.domain.figures import FIGURES, in_words
from cfsm.domain.lifecycle import State
from cfsm.domain.walk_forward import Part

AT_LEAST = 2
HASH_DIGITS = 12
PAIR_HEADERS = (
    *("strategy", "and", "P(first better)", "correlation", "days"),
    *("same entries", "of all", "same trades", "time together"),
)
PAIR_NUMBERS = PAIR_HEADERS[2:]


@dataclass(frozen=True)
class Pair:
    """Two strategies held against each other; ``better`` is the probability that the first gains more."""

    one: str
    other: str
    better: float | None
    correlation: Correlation
    overlap: Overlap

    @property
    def likeness(self) -> Likeness:
        """How far they are one bet."""
        return Likeness(self.correlation.value, self.overlap.time_share)


@click.command()
@click.argument("strategies", nargs=-1, shell_complete=strategy_names)
@click.option(
    "--top", type=click.IntRange(min=2, max=50), help="The best so many of the leaderboard, in place of names."
)
@as_json
@click.pass_obj
def compare(house: House, strategies: tuple[str, ...], top: int | None, as_json: bool) -> None:
    """Show the last backtests of two or more strategies side by side, and choose among them.

    The figures are of the walk-forward days, which nothing was chosen on. Below them: for each two the probability that
    the first gains more, the correlation of their daily returns, and how far their trades are the same. Strategies that
    gain on the same days are one bet; so the last table chooses, best first, those that gain and are no bet twice.
    What makes the figures hard to compare is said: other candles, another range, another wallet.

    \b
    Examples:
      cfsm compare --top 5
      cfsm compare TrendStrategy_phi3_20261121_093000 MomentumStrategy_mistral_20261121_100000
      cfsm compare Trend Momentum --json
    """
    if bool(strategies) == (top is not None):
        raise click.UsageError("name at least two strategies, or give --top")
    backtests = _backtests(house, strategies or _best(house, top or AT_LEAST))
    pairs = list(_pairs(backtests))
    chosen = _chosen(house, backtests, pairs)
    doubts = list(_doubts(backtests))
    if as_json:
        print_json(
            {
                "strategies": [_as_mapping(name, each) for name, each in backtests.items()],
                "pairs": [
                    {
                        "a": pair.one,
                        "b": pair.other,
                        "a_better_probability": pair.better,
                        "correlation": pair.correlation.value,
                        "days_in_common": pair.correlation.days,
                        **asdict(pair.overlap),
                    }
                    for pair in pairs
                ],
                "selection": [asdict(each) for each in chosen],
                "doubts": doubts,
            }
        )
        return
    _show(backtests)
    click.echo()
    print_table([_pair_row(pair) for pair in pairs], PAIR_HEADERS, PAIR_NUMBERS)
    click.echo()
    rows = [(each.name, "chosen" if each.is_chosen else "left out", each.why) for each in chosen]
    print_table(rows, ("strategy, best first", "selection", "because"))
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


def _best(house: House, top: int) -> tuple[str, ...]:
    """Give the best strategies of the leaderboard."""
    from cfsm.projections.leaderboard import LeaderboardView

    names = tuple(each.name for each in house.view(LeaderboardView).top(top, house.proof_rules))
    if len(names) < AT_LEAST:
        raise click.ClickException("fewer than two strategies were backtested: `cfsm generate` asks for some")
    return names


def _pairs(backtests: Mapping[str, Backtest]) -> Iterator[Pair]:
    for (one, first), (other, second) in combinations(backtests.items(), 2):
        yield Pair(
            one,
            other,
            better_probability(first.curve, second.curve),
            correlation(first.curve, second.curve),
            overlap(first.trades, second.trades),
        )


def _pair_row(pair: Pair) -> tuple[object, ...]:
    return (
        pair.one,
        pair.other,
        figure(pair.better),
        figure(pair.correlation.value),
        pair.correlation.days,
        pair.overlap.same_entries,
        percent(pair.overlap.entries_share),
        pair.overlap.same_trades,
        percent(pair.overlap.time_share),
    )


def _chosen(house: House, backtests: Mapping[str, Backtest], pairs: Sequence[Pair]) -> list[Selected]:
    """Choose in the leaderboard's order; who is retired comes last."""
    from cfsm.projections.leaderboard import LeaderboardView

    top = house.view(LeaderboardView).top(None, house.proof_rules, include_retired=True)
    place = {each.name: (each.state == State.RETIRED, each.rank) for each in top}
    ranked = sorted(backtests, key=lambda name: place[name])
    known = {frozenset((pair.one, pair.other)): pair.likeness for pair in pairs}
    scores = [(name, backtests[name].figure("sharpe_daily")) for name in ranked]
    return select(scores, lambda better, name: known[frozenset((better, name))])


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
        ("Days", *(_part_in_words(each) for each in columns)),
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


def _part_in_words(backtest: Backtest) -> str:
    """Give which days figures are from, and whether anything was chosen on them."""
    part = backtest.figure("part")
    return f"{Part(part).in_words}, {Part(part).sample}" if part else "-"


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
