"""``cfsm dryrun``: forward tests, and the bots that make them."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rich_click as click

from cfsm.bootstrap import House
from cfsm.cli.completing import strategy_names
from cfsm.cli.output import as_json, figure, print_facts, print_json, print_table, say, talk
from cfsm.domain.figures import Unit, in_words
from cfsm.projections.forward_tests import ForwardState, ForwardTestStory


@click.group()
def dryrun() -> None:
    """Forward tests: list, show, start and stop bots that trade on paper."""


@dryrun.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that are over, too.")
@as_json
@click.pass_obj
def list_(house: House, everything: bool, as_json: bool) -> None:
    """List forward tests under way, and who waits for one, the best first."""
    from cfsm.bootstrap.forward_tests import waiting
    from cfsm.projections.forward_tests import ForwardTestsView

    view = house.view(ForwardTestsView)
    tests = view.select() if everything else view.under_way()
    queue = waiting(house)
    if as_json:
        waits = [{"place": place, "strategy": each.name, "rank": each.rank} for place, each in enumerate(queue, 1)]
        print_json({"forward_tests": [asdict(each) for each in tests], "waiting": waits})
        return
    rows = [
        *((each.strategy_name, each.state, each.source, f"{each.progress:.0%}", *_standing(each)) for each in tests),
        *((each.name, f"waits ({place})", "", "", "", "", "") for place, each in enumerate(queue, start=1)),
    ]
    if rows:
        headers = ("strategy", "state", "source", "seen", "trades", "profit", "verdict")
        print_table(rows, headers, ("seen", "trades", "profit"))
    else:
        talk("No forward test is under way, and nobody waits. `cfsm dryrun start STRATEGY` begins one.")


def _standing(test: ForwardTestStory) -> tuple[str, str, str]:
    figures = test.figures
    return (
        in_words(figures.get("total_trades"), Unit.COUNT),
        in_words(figures.get("profit_total"), Unit.SHARE),
        test.verdict or (test.detail if test.state == ForwardState.FAILED else ""),
    )


@dryrun.command()
@click.argument("strategy", shell_complete=strategy_names)
@as_json
@click.pass_obj
def show(house: House, strategy: str, as_json: bool) -> None:
    """Tell the story of a strategy's last forward test: what was promised, what came, and the evidence."""
    from cfsm.cli.strategies import find
    from cfsm.projections.forward_tests import ForwardTestsView

    found = find(house, strategy)
    test = house.view(ForwardTestsView).latest(found.id)
    if test is None:
        raise click.ClickException(f"{found.name} had no forward test: `cfsm dryrun start {found.name}` begins one")
    if as_json:
        print_json(asdict(test))
    else:
        tell(test)


def tell(test: ForwardTestStory) -> None:
    """Print the story of a forward test."""
    span, declared = test.span, ""
    if test.source == "replay":
        declared = f", spread {span['spread_bps']:g} bps, seed {span['seed']}"
    print_facts(
        {
            "strategy": test.strategy_name,
            "forward test": f"{test.number} ({test.source}{declared}; {test.mode})",
            "candles": f"{_day(span['begin_ms'])} to {_day(span['end_ms'])}",
            "why": test.why,
            "state": test.state + (f" ({test.progress:.0%} seen)" if test.state == ForwardState.RUNNING else ""),
            "bot": f"{test.engine or '-'}, started {test.attempts} times, observed {test.observations} times",
        }
    )
    if test.figures:
        say("")
        print_table(_comparison(test), ("", "backtest promised", "forward test"), ("backtest promised", "forward test"))
        say("")
        print_facts(_evidence(test))
    if test.agreement:
        say("")
        print_facts(_agreement(test.agreement))
    if test.verdict or test.detail:
        say("")
        say(f"Verdict: {test.verdict or test.state}. {test.detail}")


def _comparison(test: ForwardTestStory) -> Iterable[tuple[str, str, str]]:
    promise, figures, evidence = test.promise, test.figures, test.evidence
    expected = promise["rate"] * figures["days"]
    open_trades = figures["open_trades"]
    came = f"{figures['total_trades'] + open_trades}" + (f", {open_trades} still open" if open_trades else "")
    yield "trades", f"{expected:.1f} in as many days", came
    yield "trades a day", f"{promise['rate']:.2f} (at least {promise['rate_floor']:.2f})", figure(evidence["rate"])
    yield (
        "mean return of a trade, windfalls cut",
        f"{promise['return_mean']:.3%} (at least {promise['return_floor']:.3%})",
        "-" if evidence["return_mean"] is None else f"{evidence['return_mean']:.3%}",
    )
    yield "profit", "", in_words(figures["profit_total"], Unit.SHARE)
    yield "open trades would give", "", f"{figures['open_profit_abs']:+.2f}" if open_trades else "-"
    yield "deepest fall", "", in_words(figures["max_drawdown_account"], Unit.SHARE)


def _evidence(test: ForwardTestStory) -> Mapping[str, object]:
    evidence, rules = test.evidence, test.rules
    worse, sure = evidence["worse_threshold"], evidence["edge_threshold"]
    return {
        "worse returns?": f"e-value {evidence['worse_returns']:.3g}; {worse:g} would retire it",
        "rarer trades?": f"e-value {evidence['worse_rate']:.3g}; {worse:g} would retire it",
        "an edge?": f"e-value {evidence['edge']:.3g}; {sure:g} would confirm it",
        "error rates": f"at most {rules['worse_error']:.0%} retired, {rules['edge_error']:.0%} confirmed wrongly",
    }


def _agreement(agreement: Mapping[str, Any]) -> Mapping[str, object]:
    worse = agreement["entry_worse_by_mean"]
    return {
        "backtest of these days": f"run {agreement['run_id'][:8]}, {agreement['backtest_trades']} trades",
        "same entries": f"{agreement['same_entries']}; only in the backtest {agreement['only_in_backtest']}, "
        f"only here {agreement['only_in_forward_test']}",
        "entries dearer by": "-" if worse is None else f"{worse:.4%} in the mean",
        "same exit reasons": f"{agreement['same_exit_reasons']} of {agreement['closed_in_both']} closed in both",
    }


def _day(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M}"


@dryrun.command()
@click.argument("strategy", shell_complete=strategy_names)
@click.option("--source", type=click.Choice(["replay", "live"]), help="Which candles. [default: as configured]")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="How long. [default: as configured]")
@click.option(
    "--mode", type=click.Choice(["shadow", "debug", "production"]), help="What the bot may do. [default: as configured]"
)
@click.pass_obj
def start(house: House, strategy: str, source: str | None, days: float | None, mode: str | None) -> None:
    """Ask for a forward test of a strategy now; the factory's dry runner starts the bot.

    \b
    Examples:
      cfsm dryrun start TrendStrategy_predefined_20261121_120000
      cfsm dryrun start BEST --days 1 --mode debug
    """
    from cfsm.bootstrap.forward_tests import CannotTest, request
    from cfsm.cli.strategies import find
    from cfsm.domain.forward_test import Source
    from cfsm.domain.trading_mode import Mode, ProductionRefused

    found = find(house, strategy)
    try:
        test = request(
            house,
            house.factory,
            found.name,
            why="asked for by hand",
            source=Source(source) if source else None,
            mode=Mode(mode) if mode else None,
            days=days,
        )
    except (CannotTest, ProductionRefused) as error:
        raise click.ClickException(str(error)) from error
    talk(f"Forward test {test.number} of {found.name} is asked for: `cfsm dryrun show {found.name}` tells how it goes.")
    click.echo(test.key)


@dryrun.command()
@click.argument("strategy", shell_complete=strategy_names)
@click.option("--why", default="no reason given", show_default=True, help="What is kept as the reason.")
@click.pass_obj
def stop(house: House, strategy: str, why: str) -> None:
    """End a strategy's forward test as it stands."""
    from cfsm.bootstrap.forward_tests import stop as stop_test
    from cfsm.cli.strategies import find

    found = find(house, strategy)
    if not stop_test(house, found.name, why):
        raise click.ClickException(f"{found.name} is in no forward test")
    talk(f"The forward test of {found.name} ends at the next look at its bot.")


@dryrun.command()
@click.argument("strategy", shell_complete=strategy_names)
@click.option("--lines", "-n", type=click.IntRange(min=0), default=50, show_default=True, help="The last so many.")
@click.pass_obj
def logs(house: House, strategy: str, lines: int) -> None:
    """Print the last lines of the log of a strategy's bot."""
    from cfsm.bootstrap.market import bot_log
    from cfsm.cli.strategies import find
    from cfsm.projections.forward_tests import ForwardTestsView

    found = find(house, strategy)
    test = house.view(ForwardTestsView).latest(found.id)
    path = bot_log(house, test.key) if test else None
    if path is None:
        raise click.ClickException(f"no bot of {found.name} has left a log here")
    for line in _tail(path, lines):
        say(line)


def _tail(path: Path, lines: int) -> list[str]:
    with path.open("rb") as log:
        text = log.read().decode("utf-8", "replace")
    return text.splitlines()[-lines:] if lines else []
