"""``cfsm report``: all that is known of a strategy as one HTML page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from cfsm.application.history import Happening
from cfsm.application.ports import BlobCorrupted, BlobMissing
from cfsm.application.verdicts import RecordedVerdict, verdicts_of
from cfsm.bootstrap import House
from cfsm.cli.output import talk
from cfsm.cli.strategies import find
from cfsm.cli.telling import WORDS
from cfsm.cli.verdicts import Backtest, happenings_of, last_backtest

if TYPE_CHECKING:
    from cfsm.adapters.report.page import LastBacktest, Report
    from cfsm.projections.leaderboard import Contender
    from cfsm.projections.strategies import Metadata

STDOUT = Path("-")


@click.command()
@click.argument("strategy")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="Where to. [default: STRATEGY.html here; - is stdout]"
)
@click.pass_obj
def report(house: House, strategy: str, output: Path | None) -> None:
    """Write a report on a strategy: one HTML page that loads nothing and can be kept, sent and printed.

    It has the figures of the last backtest beside Freqtrade's own, equity and drawdown, months, trades, findings,
    lineage, events, and the hashes that an audit holds it against.

    \b
    Examples:
      cfsm report VolatilityStrategy_predefined_20261121_093000
      cfsm report Vola --output best.html
    """
    from cfsm.adapters.report.page import render

    found = find(house, strategy)
    page = render(gather(house, found)).encode()
    if output == STDOUT:
        click.echo(page, nl=False)
        return
    path = output or Path(f"{found.name}.html")
    try:
        path.write_bytes(page)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
    talk(f"Wrote the report on {found.name}.")
    click.echo(path)


def gather(house: House, found: "Metadata") -> "Report":
    """Give what the report tells. Raise BlobMissing, BlobCorrupted."""
    from cfsm.adapters.report.page import Report

    happenings = happenings_of(house, found.id)
    verdicts = verdicts_of(happenings)
    backtest = last_backtest(house, happenings)
    contender = _contender(house, found.id)
    return Report(
        name=found.name,
        facts=_facts(found, contender),
        more_facts=_more_facts(found),
        notices=list(_notices(found, contender, backtest)),
        lineage=_lineage(house, found.id),
        findings=list(_findings(verdicts)),
        events=[_event(each) for each in happenings],
        hashes=_hashes(found, verdicts, backtest),
        source=_source(house, found.code_hash),
        head=happenings[-1].id,
        tested=None if backtest is None else _tested(backtest, found.figures),
    )


def _tested(backtest: Backtest, figures: Mapping[str, Any]) -> "LastBacktest":
    from cfsm.adapters.report.page import LastBacktest

    return LastBacktest(figures, _conditions(backtest), backtest.trades, backtest.curve)


def _contender(house: House, strategy_id: str) -> "Contender | None":
    from cfsm.projections.leaderboard import LeaderboardView

    contenders = house.view(LeaderboardView).top(None, house.proof_rules, include_retired=True)
    return next((each for each in contenders if each.id == strategy_id), None)


def _facts(found: "Metadata", contender: "Contender | None") -> Mapping[str, Any]:
    return {
        "Type": found.strategy_type,
        "Origin": found.origin,
        "Made by": found.model_used,
        "Made at": _minute(found.generation_time),
        "State": found.state,
        "Validation": found.validation_status,
        "Standing": contender and str(contender.standing),
        "Place on the leaderboard": contender and contender.rank,
    }


def _more_facts(found: "Metadata") -> Mapping[str, Any]:
    return {"Id": found.id, "Parameters": ", ".join(f"{name} {value}" for name, value in found.parameters.items())}


def _notices(found: "Metadata", contender: "Contender | None", backtest: Backtest | None) -> Iterator[str]:
    if backtest is not None and backtest.data_label == "synthetic":
        yield "The candles are synthetic: these figures say nothing about a real market."
    if found.retired_reason:
        yield f"Retired, {found.retired_reason}: {found.retired_detail}"
    for doubt in contender.standing.doubts if contender is not None else ():
        yield f"Not proven: {doubt.detail}."


def _lineage(house: House, strategy_id: str) -> list[str]:
    from cfsm.projections.lineage import LineageView

    family = house.view(LineageView).tree(strategy_id)
    labels = {node.id: node.label for node in family.nodes}
    return [
        f"{labels[edge.source]} → {edge.kind.value} → {labels[edge.target]}"
        for edge in family.edges
        if edge.source in labels and edge.target in labels
    ] or ["It was added by hand and nothing came of it yet."]


def _findings(verdicts: Sequence[RecordedVerdict]) -> Iterator[Mapping[str, Any]]:
    """Give what the last run of each kind found: earlier ones mostly found the same."""
    for verdict in {each.kind: each for each in verdicts}.values():
        yield from ({**finding, "run": f"{verdict.kind.value} {verdict.run_id[:8]}"} for finding in verdict.findings)


def _event(happening: Happening) -> tuple[int, str, str, str]:
    tell = WORDS.get(happening.topic)
    words = tell(happening.facts) if tell else ""
    return happening.id, happening.at.strftime("%Y-%m-%d %H:%M:%S"), happening.topic, words


def _hashes(found: "Metadata", verdicts: Sequence[RecordedVerdict], backtest: Backtest | None) -> Mapping[str, str]:
    hashes = {"Code": found.code_hash, "Code, normalised": found.normalised_hash}
    if backtest is not None:
        verdict = backtest.verdict
        identity = asdict(verdict.identity) if verdict.identity else {}
        hashes |= {"Run": verdict.run_id, "List of trades": verdict.result_hash}
        hashes |= {f"Identity: {name}": value for name, value in identity.items()}
        hashes |= {f"Blob: {name}": value for name, value in verdict.blobs.items()}
    return hashes | {"Verdicts": str(len(verdicts))}


def _conditions(backtest: Backtest) -> Mapping[str, Any]:
    conditions = asdict(backtest.verdict.conditions)
    shown = {
        **conditions,
        "pairs": ", ".join(conditions["pairs"]) or "all of the dataset",
        "timerange": conditions["timerange"] or "all candles",
        "timeframe": backtest.figure("timeframe"),
        "candles": backtest.data_label,
        "traded from": _minute(backtest.figure("backtest_start")),
        "traded to": _minute(backtest.figure("backtest_end")),
        "seen by selection": "no" if backtest.figure("is_out_of_sample") else "yes",
    }
    return {name: value for name, value in shown.items() if value is not None}


def _minute(moment: str) -> str:
    """Give a moment that is written in ISO 8601 and UTC, to the minute."""
    return f"{moment[:16].replace('T', ' ')} UTC"


def _source(house: House, code_hash: str) -> str:
    try:
        return house.blobs.get(code_hash).decode("utf-8", "replace")
    except (BlobMissing, BlobCorrupted) as error:
        return str(error)
