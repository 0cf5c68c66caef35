"""``cfsm leaderboard``: the best strategies, and how far that may be luck."""

from collections.abc import Mapping
from typing import Any

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.output import as_json, figure, percent, print_json, print_table, say, talk
from cfsm.domain.walk_forward import Part

HEADERS = (
    "#",
    "strategy",
    "standing",
    "P(not luck)",
    "Sharpe daily",
    "profit",
    "drawdown",
    "trades",
    "score from",
    "in sample",
    "proof",
    "ft sharpe",
    "ft profit",
    "data",
)
NUMBERS = (
    "#",
    "P(not luck)",
    "Sharpe daily",
    "profit",
    "drawdown",
    "trades",
    "in sample",
    "proof",
    "ft sharpe",
    "ft profit",
)


@click.command()
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="Places.")
@click.option("--all", "include_retired", is_flag=True, help="Show retired strategies as well.")
@as_json
@click.pass_obj
def leaderboard(house: House, limit: int, include_retired: bool, as_json: bool) -> None:
    """Show the best strategies in service.

    Ranked by the deflated Sharpe ratio: the probability that the Sharpe ratio of the daily equity is more than the best
    of as many trials as the factory ever made would show by luck. Columns that begin with "ft" are Freqtrade's own
    figures. "not proven" says that trades are too few or luck explains the result.

    Figures are of the walk-forward days, which nothing was chosen on ("score from"). Beside them stand the daily Sharpe
    ratio of the screening days ("in sample") and of the last days ("proof"), which no ranking looks at.
    """
    from cfsm.projections.leaderboard import LeaderboardView

    show(house.view(LeaderboardView), house, limit, include_retired=include_retired, as_json=as_json)


def show(view: Any, house: House, limit: int | None, *, include_retired: bool, as_json: bool) -> None:
    """Print a leaderboard as a view knows it."""
    contenders = view.top(limit, house.proof_rules, include_retired=include_retired)
    if as_json:
        print_json([contender.as_mapping() for contender in contenders])
        return
    if not contenders:
        talk("No strategy was backtested yet. Ask for some with `cfsm generate`, then `cfsm run`.")
        return
    print_table([_row(contender) for contender in contenders], HEADERS, NUMBERS, title="strategy")
    trials = view.trials()
    say(f"{trials.count} trials so far; luck alone would show a daily Sharpe of about {_luck(trials)}.")
    if any(contender.data_label == "synthetic" for contender in contenders):
        say("The candles are synthetic: these figures say nothing about a real market.")


def _row(contender: Any) -> tuple[object, ...]:
    return (
        contender.rank,
        contender.name,
        contender.standing,
        figure(contender.standing.deflated_probability),
        figure(contender.sharpe_daily),
        percent(contender.profit_total),
        percent(contender.max_drawdown_account),
        contender.total_trades,
        part_in_words(contender.part, is_out_of_sample=contender.is_out_of_sample),
        figure(sharpe_of(contender.parts, Part.SCREENING)),
        figure(sharpe_of(contender.parts, Part.PROOF)),
        figure(contender.freqtrade.get("sharpe")),
        percent(contender.freqtrade.get("profit_total")),
        contender.data_label,
    )


def part_in_words(part: str, *, is_out_of_sample: bool) -> str:
    """Give which days figures are from, and whether anything was chosen on them."""
    sample = "out of sample" if is_out_of_sample else "in sample"
    return f"{Part(part).in_words} days, {sample}" if part else sample


def sharpe_of(parts: Mapping[str, Any], part: Part) -> float | None:
    """Give the daily Sharpe ratio of one part; None where there is none."""
    found = parts.get(part.value) or {}
    return found.get("sharpe_daily")


def _luck(trials: Any) -> str:
    from cfsm.domain.metrics import annualised

    return figure(annualised(trials.sr_by_luck))
