"""``cfsm audit``: is what was recorded whole, and does every verdict come out the same again?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import cache
from typing import Any

import rich_click as click

from cfsm.application.audit import Audit, DataHash, Difference, Outcome, Rerun, examine, run_again
from cfsm.application.ports import Misconfigured
from cfsm.bootstrap import House
from cfsm.cli.completing import strategy_names
from cfsm.cli.engines import ProgressLine, engines
from cfsm.cli.output import EXIT_FAILED, as_json, print_json, printable, talk
from cfsm.cli.strategies import find
from cfsm.cli.verdicts import recorded_verdicts
from cfsm.domain.evaluation import Kind

SHOWN_DIFFERENCES = 12
HASH_DIGITS = 12


@click.command()
@click.argument("strategy", shell_complete=strategy_names)
@click.option("--rerun", is_flag=True, help="Run every verdict again from the stored code, and compare.")
@click.option("--stock", is_flag=True, help="With --rerun: by Freqtrade's own loop over the candles.")
@as_json
@click.pass_obj
def audit(house: House, strategy: str, rerun: bool, stock: bool, as_json: bool) -> int:
    """Hold every verdict on a strategy against its blobs and its candles; with --rerun make each verdict again.

    Always: are code, parameters, trades and equity curve whole; are the candles those that were used, every file read
    again; do the recorded figures follow from the recorded trades. With --rerun: from the stored code, under the
    recorded conditions, does the same come out, to the last trade; and if not, what differs. Nothing is recorded.

    The exit code is 0 if everything is the same and 1 if anything is not.

    \b
    Examples:
      cfsm audit VolatilityStrategy_predefined_20261121_093000
      cfsm audit Vola --rerun --stock
    """
    if stock and not rerun:
        raise click.UsageError("--stock says how to run again: give --rerun as well")
    found = find(house, strategy)
    verdicts = recorded_verdicts(house, found.id)
    audits = [examine(each, house.blobs, _data_hash_of(house)) for each in verdicts]
    if rerun and audits:
        audits = _run_again(house, audits, stock=stock)
    if as_json:
        print_json(
            {"strategy": found.name, "same": _are_same(audits), "verdicts": [_as_mapping(each) for each in audits]}
        )
    else:
        _show(found.name, audits, rerun=rerun)
    return 0 if _are_same(audits) else EXIT_FAILED


def _are_same(audits: Sequence[Audit]) -> bool:
    return all(each.is_same for each in audits)


def _data_hash_of(house: House) -> DataHash:
    """Give what reads a dataset through, whatever its index says, once in an audit."""

    @cache
    def looked_at(name: str) -> tuple[str, Misconfigured | None]:
        try:
            return house.datasets.open(name, trust_index=False).data_hash, None
        except Misconfigured as error:
            return "", error

    def data_hash_of(name: str) -> str:
        data_hash, error = looked_at(name)
        if error is not None:
            raise error
        return data_hash

    return data_hash_of


def _run_again(house: House, audits: Sequence[Audit], *, stock: bool) -> list[Audit]:
    progress = ProgressLine(len(audits))
    done = []
    with engines(house, 1, stock=stock) as (engine,):
        for each in audits:
            subject = f"{each.record.kind.value} {each.record.run_id[:8]}"
            report = _reporter(progress, subject)
            limits = house.validation_limits if each.record.kind is Kind.VALIDATION else house.limits
            done.append(replace(each, rerun=run_again(each.record, engine, house.blobs, limits, report)))
            progress.done += 1
    progress.clear()
    return done


def _reporter(progress: ProgressLine, subject: str) -> Callable[..., None]:
    return lambda stage, percent, words: progress.report(subject, stage, percent, words)


def _as_mapping(each: Audit) -> dict[str, Any]:
    record = each.record
    return {
        "run_id": record.run_id,
        "kind": record.kind.value,
        "at": record.at.isoformat(),
        "verdict": record.verdict,
        "identity": record.identity and asdict(record.identity),
        "result_hash": record.result_hash,
        "conditions": asdict(record.conditions),
        "same": each.is_same,
        "blobs": [asdict(blob) for blob in each.blobs],
        "differences": [asdict(difference) for difference in each.differences],
        "rerun": each.rerun and asdict(each.rerun),
    }


def _show(name: str, audits: Sequence[Audit], *, rerun: bool) -> None:
    if not audits:
        talk(f"{name} has no verdict yet: there is nothing to audit.")
        return
    for each in audits:
        record = each.record
        click.echo(f"{record.kind.value} {record.run_id[:8]} of {record.at:%Y-%m-%d %H:%M:%S} UTC: {record.verdict}")
        for line in _lines(each):
            click.echo(f"  {printable(line)}")
    wrong = sum(not each.is_same for each in audits)
    how = "run again" if rerun else "held against blobs and candles; --rerun makes each verdict again"
    click.echo(f"{name}: {len(audits) - wrong} of {len(audits)} verdicts are the same ({how}).")


def _lines(each: Audit) -> Iterator[str]:
    identity = each.record.identity
    if identity is not None:
        parts = (f"{name.removesuffix('_hash')} {_short(value)}" for name, value in asdict(identity).items())
        yield "identity    " + ", ".join(parts)
    broken = [blob for blob in each.blobs if blob.problem]
    yield "blobs       " + (f"{len(each.blobs)} whole" if not broken else f"{len(broken)} of {len(each.blobs)} damaged")
    yield from (f"            {blob.name}: {blob.problem}" for blob in broken)
    yield "recorded    " + ("same: candles, and figures from trades" if not each.differences else "different:")
    yield from _differences(each.differences)
    if each.rerun is not None:
        yield from _rerun_lines(each.rerun)


def _rerun_lines(rerun: Rerun) -> Iterator[str]:
    if rerun.outcome is Outcome.NOT_RUN:
        yield f"run again   not run: {rerun.reason}"
        return
    seconds = "" if rerun.seconds is None else f" in {rerun.seconds:.2f} s"
    yield f"run again   {rerun.outcome.value}{seconds}"
    yield from _differences((*rerun.identity, *rerun.differences))


def _differences(differences: Sequence[Difference]) -> Iterator[str]:
    for each in differences[:SHOWN_DIFFERENCES]:
        recorded, found = _only_what_differs(each)
        yield f"            {each.what}: recorded {recorded}, now {found}"
    left = len(differences) - SHOWN_DIFFERENCES
    if left > 0:
        yield f"            and {left} more (--json has them)"


def _only_what_differs(each: Difference) -> tuple[str, str]:
    """Give both values; of an engine only the parts of the machinery that are others."""
    if each.what != "engine":
        return _short(each.recorded), _short(each.found)
    was, now = str(each.recorded).split(), str(each.found).split()
    return " ".join(part for part in was if part not in now), " ".join(part for part in now if part not in was)


def _short(value: Any) -> str:
    """Give a value in few words: of a hash its beginning."""
    text = str(value)
    is_hash = len(text) == 64 and all(char in "0123456789abcdef" for char in text)  # noqa: PLR2004  a sha256 in hex
    return text[:HASH_DIGITS] if is_hash else text
