"""An audit: is what was recorded of a strategy's evaluations whole, and does each verdict come out the same again?

Everything is taken from the log and from the blobs that its events name, nothing from what projections made of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import StrEnum
from time import monotonic
from typing import Any

import orjson

from cfsm.application.epochs import epochs_again
from cfsm.application.ports import (
    BlobCorrupted,
    BlobMissing,
    Blobs,
    BrokenStrategy,
    Engine,
    HyperoptEngine,
    Misconfigured,
    Report,
    accepted,
)
from cfsm.application.verdicts import (
    BACKTESTED,
    BROKEN,
    CODE,
    EQUITY_CURVE,
    PARAMETERS,
    TRADES,
    RecordedVerdict,
    stored_trades,
)
from cfsm.domain.equity import equity_curve
from cfsm.domain.evaluation import Identity, Job, Kind, Limits
from cfsm.domain.metrics import measure
from cfsm.domain.trades import BadTrade, Trade

MOST_DIFFERENCES = 50

DataHash = Callable[[str], str]
"""Gives the hash of a dataset's content, every file of it read again. Raise Misconfigured for one that is of no use."""


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was recorded."""

    what: str
    recorded: Any
    found: Any


@dataclass(frozen=True)
class Blob:
    """One blob that a verdict rests on; ``problem`` is empty if it is whole."""

    name: str
    blob_hash: str
    problem: str = ""


class Outcome(StrEnum):
    """What came of running a verdict again."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Rerun:
    """A verdict made again.

    ``identity`` are the parts of the identity that are others now; ``differences`` what came out otherwise. Another
    engine that gives the same result leaves the outcome the same; other data, code, parameters or configuration do
    not, since the recorded verdict is not about them. ``reason`` says why it could not be run.
    """

    outcome: Outcome
    identity: tuple[Difference, ...] = ()
    differences: tuple[Difference, ...] = ()
    engine: str = ""
    seconds: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Audit:
    """What an audit found out about one verdict; ``differences`` without running anything, ``rerun`` by doing so."""

    record: RecordedVerdict
    blobs: tuple[Blob, ...]
    differences: tuple[Difference, ...]
    rerun: Rerun | None = None

    @property
    def is_same(self) -> bool:
        """Say whether everything that was looked at is as it was recorded."""
        whole = not self.differences and not any(blob.problem for blob in self.blobs)
        return whole and (self.rerun is None or self.rerun.outcome is Outcome.SAME)


def examine(record: RecordedVerdict, blobs: Blobs, data_hash_of: DataHash) -> Audit:
    """Hold a verdict against its blobs and its data, without running anything. Raise Misconfigured or TryAgain."""
    looked_at = tuple(_look(name, blob_hash, blobs) for name, blob_hash in _blobs_of(record).items())
    differences = [*_inputs(record, data_hash_of)]
    damaged = {blob.name for blob in looked_at if blob.problem}
    if record.verdict == BACKTESTED and not damaged & {TRADES, EQUITY_CURVE}:
        differences += _figures_again(record, blobs)
    return Audit(record, looked_at, tuple(differences[:MOST_DIFFERENCES]))


def _blobs_of(record: RecordedVerdict) -> dict[str, str]:
    parameters = {PARAMETERS: record.parameters_hash} if record.parameters_hash else {}
    epochs = {f"epochs {number}": blob_hash for number, blob_hash in enumerate(record.epoch_blobs, start=1)}
    return {CODE: record.code_hash, **parameters, **epochs, **record.blobs}


def _look(name: str, blob_hash: str, blobs: Blobs) -> Blob:
    try:
        blobs.get(blob_hash)
    except (BlobMissing, BlobCorrupted) as error:
        return Blob(name, blob_hash, str(error.args[0]))
    return Blob(name, blob_hash)


def _inputs(record: RecordedVerdict, data_hash_of: DataHash) -> Iterator[Difference]:
    if record.identity is None:
        return
    if record.identity.code_hash != record.code_hash:
        yield Difference("code_hash", record.identity.code_hash, record.code_hash)
    try:
        found = data_hash_of(record.conditions.dataset)
    except Misconfigured as error:
        yield Difference("data_hash", record.identity.data_hash, str(error))
    else:
        if found != record.identity.data_hash:
            yield Difference("data_hash", record.identity.data_hash, found)


def _figures_again(record: RecordedVerdict, blobs: Blobs) -> Iterator[Difference]:
    """Compute the figures and the equity curve from the trades that were kept."""
    try:
        trades = stored_trades(record, blobs)
        start, end = (datetime.fromisoformat(record.figures[side]) for side in ("backtest_start", "backtest_end"))
        again = measure(trades, record.conditions.dry_run_wallet, start, end).figures()
        curve = equity_curve(trades, record.conditions.dry_run_wallet, start, end)
        kept = orjson.loads(blobs.get(record.blobs[EQUITY_CURVE]))
    except (KeyError, TypeError, ValueError) as error:  # BadTrade and broken JSON among them
        yield Difference(TRADES, "trades whose figures can be computed", f"{type(error).__name__}: {error}")
        return
    yield from _differing("figures", record.figures, again)
    if orjson.loads(orjson.dumps(asdict(curve))) != kept:
        yield Difference(EQUITY_CURVE, "the curve of the recorded trades", "another curve")


def run_again(record: RecordedVerdict, engine: HyperoptEngine, blobs: Blobs, limits: Limits, report: Report) -> Rerun:
    """Make the verdict again from the blobs, under the recorded conditions. Raise TryAgain or Cancelled."""
    try:
        job = _job(record, blobs, limits)
        if record.kind is Kind.VALIDATION:
            return _validate_again(record, job, engine, report)
        if record.kind is Kind.OPTIMIZATION:
            return _optimize_again(record, job, engine, blobs, report)
        return _backtest_again(record, job, engine, blobs, report)
    except (BlobMissing, BlobCorrupted, Misconfigured) as error:
        return Rerun(Outcome.NOT_RUN, reason=str(error.args[0]))


def _job(record: RecordedVerdict, blobs: Blobs, limits: Limits) -> Job:
    return Job(
        run_id=record.run_id,
        strategy_name=record.strategy_name,
        source=blobs.get(record.code_hash),
        conditions=record.conditions,
        parameters=blobs.get(record.parameters_hash).decode() if record.parameters_hash else None,
        limits=limits,
    )


def _validate_again(record: RecordedVerdict, job: Job, engine: Engine, report: Report) -> Rerun:
    outcome = engine.validate(job, report)
    found = {
        "signals": dict(outcome.signals),
        "timeframe": outcome.timeframe,
        "can_short": outcome.can_short,
        "startup_candle_count": outcome.startup_candle_count,
    }
    differences = [
        *_if_different("verdict", record.verdict, outcome.verdict.value),
        *_if_different("findings", _places(record.findings), _places(map(asdict, outcome.findings))),
        *_differing("figures", record.figures, found),
    ]
    return _conclude(record, outcome.identity, differences, outcome.seconds)


def _optimize_again(record: RecordedVerdict, job: Job, engine: HyperoptEngine, blobs: Blobs, report: Report) -> Rerun:
    """Try every epoch again; the backtests of the comparison are verdicts of their own."""
    began = monotonic()
    try:
        differences = [Difference(*each) for each in epochs_again(record, job, engine, blobs, report)]
    except BrokenStrategy as error:
        found = _places(map(asdict, error.findings))
        return Rerun(Outcome.DIFFERENT, differences=(Difference("verdict", record.verdict, f"{BROKEN}: {found}"),))
    return Rerun(
        outcome=Outcome.DIFFERENT if differences else Outcome.SAME,
        differences=tuple(differences[:MOST_DIFFERENCES]),
        engine=engine.name,
        seconds=round(monotonic() - began, 3),
    )


def _backtest_again(record: RecordedVerdict, job: Job, engine: Engine, blobs: Blobs, report: Report) -> Rerun:
    try:
        outcome = accepted(engine.backtest(job, report))
    except BrokenStrategy as error:
        found = _places(map(asdict, error.findings))
        differences = [
            *_if_different("verdict", record.verdict, BROKEN),
            *_if_different("findings", _places(record.findings), found),
        ]
        return _conclude(record, None, differences, None)
    differences = list(_if_different("verdict", record.verdict, BACKTESTED))
    if not differences:
        again = measure(
            outcome.trades, record.conditions.dry_run_wallet, outcome.backtest_start, outcome.backtest_end
        ).figures()
        differences = [
            *_if_different("result_hash", record.result_hash, outcome.result_hash),
            *_if_different("findings", _places(record.findings), _places(map(asdict, outcome.findings))),
            *_first_differing_trade(_trades_or_none(record, blobs), outcome.trades),
            *_differing("figures", record.figures, again),
            *_differing("figures.freqtrade", record.figures.get("freqtrade", {}), outcome.statistics),
        ]
    return _conclude(record, outcome.identity, differences, outcome.seconds)


def _conclude(
    record: RecordedVerdict, identity: Identity | None, differences: Sequence[Difference], seconds: float | None
) -> Rerun:
    parts: tuple[Difference, ...] = ()
    if identity is not None and record.identity is not None:
        was, now = asdict(record.identity), asdict(identity)
        parts = tuple(Difference(name, was[name], now[name]) for name in was if was[name] != now[name])
    is_about_the_same = all(part.what == "engine" for part in parts)
    return Rerun(
        outcome=Outcome.SAME if is_about_the_same and not differences else Outcome.DIFFERENT,
        identity=parts,
        differences=tuple(differences[:MOST_DIFFERENCES]),
        engine="" if identity is None else identity.engine,
        seconds=seconds,
    )


def _trades_or_none(record: RecordedVerdict, blobs: Blobs) -> tuple[Trade, ...] | None:
    try:
        return stored_trades(record, blobs)
    except (BadTrade, BlobMissing, BlobCorrupted):
        return None  # the cheap part of the audit says so


def _first_differing_trade(recorded: Sequence[Trade] | None, found: Sequence[Trade]) -> Iterator[Difference]:
    """Give the fields of the first trade that is another one; that there are more, or fewer, where all before agree."""
    if recorded is None:
        return
    for number, (was, now) in enumerate(zip(recorded, found, strict=False), start=1):
        if was != now:
            for field in fields(Trade):
                before, after = getattr(was, field.name), getattr(now, field.name)
                if before != after:
                    yield Difference(f"trade {number} ({was.pair}): {field.name}", before, after)
            return
    yield from _if_different("number of trades", len(recorded), len(found))


def _differing(where: str, recorded: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Difference]:
    """Give the figures that both have and that are not equal."""
    for name in recorded:
        if name in found:
            yield from _if_different(f"{where}.{name}", recorded[name], found[name])


def _if_different(what: str, recorded: Any, found: Any) -> Iterator[Difference]:
    if recorded != found:
        yield Difference(what, recorded, found)


def _places(findings: Iterable[Mapping[str, Any]]) -> list[str]:
    """Give the codes and lines: the messages are for people and may be reworded."""
    return [each["code"] + (f":{each['line']}" if each.get("line") else "") for each in findings]
