"""The end of a run, in a fork of the forge that has never seen the strategy.

What came out of the cage is checked against its schema, and everything that can be computed from the trades is
computed here.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import ValidationError

from cfsm.adapters.freqtrade.audit import audit
from cfsm.adapters.freqtrade.findings import finding, verdict_of
from cfsm.adapters.freqtrade.protocol import Ask, Failure, Kind, Progress, Reaction, Request, adapter
from cfsm.adapters.freqtrade.raw_results import (
    REQUIRED_COLUMNS,
    TRADE_COLUMNS,
    RawBacktest,
    RawEpoch,
    RawEpochs,
    RawSpaces,
    RawValidation,
    Settings,
)
from cfsm.adapters.freqtrade.risk import perfect_prices, risks_of
from cfsm.adapters.freqtrade.statistics import Columns, Span, statistics_of
from cfsm.adapters.freqtrade.trusted_market import bars_of, funding_of, market_change, rules_of, traded_span
from cfsm.adapters.freqtrade.versions import engine_identity
from cfsm.adapters.freqtrade.workshop import Prepared
from cfsm.domain.evaluation import (
    BacktestOutcome,
    Finding,
    Identity,
    Job,
    Stage,
    ValidationOutcome,
)
from cfsm.domain.hyperopt import MOST_DIMENSIONS, Dimension, Epoch, Search
from cfsm.domain.metrics import measure
from cfsm.domain.trades import BadTrade, Trade, trades_from

Send = Callable[[Kind, bytes], None]


class BrokenResult(Exception):
    """There is no result to give, for these reasons."""

    def __init__(self, message: str, *findings: Finding) -> None:
        super().__init__(message)
        self.findings = findings or (finding("BROKEN_RESULT", message),)


@dataclass(frozen=True)
class Measured:
    """What the server saw of the run from outside."""

    seconds: float


def conclude(request: Request, prepared: Prepared, raw: bytes, measured: Measured, send: Send) -> None:
    """Check the raw answer of a caged run and send the port's outcome, or why there is none."""
    try:
        content = _ANSWERS[request.ask](request, prepared, raw, measured, send)
    except BrokenResult as error:
        failure = Failure(Reaction.BROKEN, str(error), error.findings)
        send(Kind.ERROR, adapter(Failure).dump_json(failure))
    except Exception as error:  # noqa: BLE001 (a fault of ours must not look like one of the strategy's)
        failure = Failure(Reaction.TRY_AGAIN, f"The forge could not conclude the run: {type(error).__name__}: {error}")
        send(Kind.ERROR, adapter(Failure).dump_json(failure))
    else:
        send(Kind.RESULT, content)


def _validation(request: Request, prepared: Prepared, raw: bytes, measured: Measured, send: Send) -> bytes:
    del send
    given: RawValidation = _read(RawValidation, raw)
    outcome = ValidationOutcome(
        verdict=verdict_of(given.findings),
        findings=given.findings,
        identity=identity_of(request, prepared),
        seconds=round(measured.seconds, 4),
        timeframe=given.timeframe,
        can_short=given.can_short,
        startup_candle_count=given.startup_candle_count,
        signals=given.signals,
        microseconds_per_candle=given.microseconds_per_candle,
    )
    return adapter(ValidationOutcome).dump_json(outcome)


def _backtest(request: Request, prepared: Prepared, raw: bytes, measured: Measured, send: Send) -> bytes:
    assert request.job is not None
    given: RawBacktest = _read(RawBacktest, raw)
    if given.findings or given.settings is None:
        raise BrokenResult("The strategy cannot be backtested", *given.findings)
    send(Kind.PROGRESS, adapter(Progress).dump_json(Progress(Stage.GENERATING_REPORT, 85.0, "statistics")))
    trades, columns = _trades(given)
    perfect = _hold_against_the_market(request.job, prepared, given, given.settings)
    change = market_change(
        prepared.candles, prepared.datadir, prepared.pairs, given.settings.timeframe, (given.start_ms, given.end_ms)
    )
    start = datetime.fromtimestamp(given.start_ms / 1000, UTC)
    end = datetime.fromtimestamp(given.end_ms / 1000, UTC)
    metrics = measure(trades, request.job.conditions.dry_run_wallet, start, end)
    findings = (*given.logged, *perfect, *risks_of(trades, metrics))
    outcome = BacktestOutcome(
        trades=trades,
        statistics=statistics_of(
            columns, Span(start, end), request.job.conditions, given.settings, change, len(prepared.pairs)
        ),
        identity=identity_of(request, prepared),
        result_hash=hash_of_trades(trades),
        timeframe=given.settings.timeframe,
        backtest_start=start,
        backtest_end=end,
        seconds=round(measured.seconds, 4),
        stage_seconds=given.stage_seconds,
        findings=findings,
        verdict=verdict_of(findings),
    )
    return adapter(BacktestOutcome).dump_json(outcome)


def _spaces(request: Request, prepared: Prepared, raw: bytes, measured: Measured, send: Send) -> bytes:
    del request, prepared, measured, send
    given: RawSpaces = _read(RawSpaces, raw)
    if given.findings:
        raise BrokenResult("The spaces of the strategy cannot be told", *given.findings)
    if len(given.dimensions) > MOST_DIMENSIONS:
        raise BrokenResult(f"{len(given.dimensions)} dimensions, {MOST_DIMENSIONS} are the most")
    try:
        dimensions = tuple(adapter(Dimension).validate_python(each) for each in given.dimensions)
    except ValidationError as error:
        raise BrokenResult(f"a dimension that cannot be searched: {error.errors()[0]['msg']}") from error
    return adapter(Search).dump_json(Search(dimensions, given.is_analysed_once))


def _epochs(request: Request, prepared: Prepared, raw: bytes, measured: Measured, send: Send) -> bytes:
    """Give what each epoch's trades are worth.

    The trades are not held against the market: who wants to rely on an epoch backtests with its parameters.
    """
    del measured, send
    assert request.job is not None
    given: RawEpochs = _read(RawEpochs, raw)
    if given.findings or given.settings is None:
        raise BrokenResult("The strategy cannot be backtested", *given.findings)
    if len(given.epochs) != len(request.candidates):
        raise BrokenResult(f"{len(request.candidates)} epochs were asked for, {len(given.epochs)} came")
    _check_span(request.job, prepared, (given.start_ms, given.end_ms), given.settings)
    start = datetime.fromtimestamp(given.start_ms / 1000, UTC)
    end = datetime.fromtimestamp(given.end_ms / 1000, UTC)
    wallet = request.job.conditions.dry_run_wallet
    epochs = tuple(_epoch(each, wallet, start, end) for each in given.epochs)
    return adapter(tuple[Epoch, ...]).dump_json(epochs)


def _epoch(raw: RawEpoch, wallet: float, start: datetime, end: datetime) -> Epoch:
    if raw.findings:
        return Epoch(raw.parameters, {}, "", raw.findings)
    try:
        trades = _trades_of(raw.trades, TRADE_COLUMNS)
        figures = measure(trades, wallet, start, end).figures()
    except (BadTrade, ValueError) as error:
        raise BrokenResult(str(error)) from error
    return Epoch(raw.parameters, figures, hash_of_trades(trades))


def _read(kind: type, raw: bytes) -> Any:
    try:
        return adapter(kind).validate_python(orjson.loads(raw))
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise BrokenResult(f"{where}: {problem['msg']}") from error
    except orjson.JSONDecodeError as error:
        raise BrokenResult(f"no JSON: {error}") from error


def _trades(given: RawBacktest) -> tuple[tuple[Trade, ...], Columns]:
    """Give the trades, each within the bounds of a trade, and what their figures are computed from."""
    try:
        return _trades_of(given.trades, REQUIRED_COLUMNS), Columns(given.trades)
    except (BadTrade, ValueError, TypeError, OverflowError) as error:
        raise BrokenResult(str(error)) from error


def _trades_of(columns: dict[str, list[Any]], required: Collection[str]) -> tuple[Trade, ...]:
    """Give the trades of these columns, each within the bounds of a trade. Raise BrokenResult or BadTrade."""
    if columns.keys() != set(required):
        raise BrokenResult(f"columns of the trades: {', '.join(sorted(columns.keys() ^ set(required)))[:200]}")
    if len({len(column) for column in columns.values()}) > 1:
        raise BrokenResult("columns of the trades have different lengths")
    columns["enter_tag"] = [None if tag is None else str(tag) for tag in columns["enter_tag"]]
    columns["exit_reason"] = [str(reason) for reason in columns["exit_reason"]]
    names = list(columns)
    return trades_from(dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True))


def _hold_against_the_market(job: Job, prepared: Prepared, given: RawBacktest, settings: Settings) -> list[Finding]:
    """Raise BrokenResult with the finding FORGED_RESULT where the candles do not allow these trades.

    Give what is suspicious though it is possible.
    """
    conditions = job.conditions
    candles, datadir, pairs = prepared.candles, prepared.datadir, prepared.pairs
    span = _check_span(job, prepared, (given.start_ms, given.end_ms), settings)
    bars = bars_of(candles, datadir, pairs, conditions.timeframe_detail or settings.timeframe)
    funding = funding_of(candles, datadir, prepared.exchange, pairs)
    names = list(given.trades)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*given.trades.values(), strict=True)]
    faults = audit(rows, bars, funding, rules_of(prepared.exchange, conditions, pairs, span))
    if faults:
        raise BrokenResult(faults[0], *(finding("FORGED_RESULT", fault) for fault in faults))
    return list(perfect_prices(rows, bars))


def _check_span(job: Job, prepared: Prepared, span: tuple[int, int], settings: Settings) -> tuple[int, int]:
    """Give the time that was traded, as asked for. Raise BrokenResult if it was another."""
    conditions = job.conditions
    if settings.timeframe not in prepared.timeframes or conditions.timeframe not in {None, settings.timeframe}:
        raise BrokenResult(f"the timeframe {settings.timeframe!r} was not asked for")
    timeframe, startup = settings.timeframe, settings.startup_candle_count
    traded = traded_span(prepared.candles, prepared.datadir, prepared.pairs, timeframe, startup, conditions.timerange)
    if traded != span:
        raise BrokenResult("the candles that were traded on are not those that were asked for")
    return span


def identity_of(request: Request, prepared: Prepared) -> Identity:
    """Give what the outcome of this request is a function of."""
    assert request.job is not None
    return Identity(
        code_hash=hashlib.sha256(request.job.source).hexdigest(),
        parameters_hash=hashlib.sha256((request.job.parameters or "").encode()).hexdigest(),
        data_hash=prepared.data_hash,
        config_hash=prepared.config_hash,
        engine=engine_identity(stock=request.stock),
    )


def hash_of_trades(trades: Iterable[Trade]) -> str:
    """Give the sha256 over the canonical list of trades: every field of every trade, floats to the last bit."""
    return hashlib.sha256(adapter(tuple[Trade, ...]).dump_json(tuple(trades))).hexdigest()


_VALIDATIONS = frozenset({Ask.VALIDATE, Ask.SECOND_OPINION})
_ANSWERS = {
    **dict.fromkeys(_VALIDATIONS, _validation),
    Ask.BACKTEST: _backtest,
    Ask.SPACES: _spaces,
    Ask.EPOCHS: _epochs,
}


def broken(found: Finding, request: Request, prepared: Prepared, seconds: float) -> tuple[Kind, bytes]:
    """Give the last frame of a run that ended without an answer: a rejection, or a failed backtest."""
    if request.ask in _VALIDATIONS:
        outcome = ValidationOutcome(
            verdict=verdict_of((found,)),
            findings=(found,),
            identity=identity_of(request, prepared),
            seconds=round(seconds, 4),
        )
        return Kind.RESULT, adapter(ValidationOutcome).dump_json(outcome)
    failure = Failure(Reaction.BROKEN, found.message, (found,))
    return Kind.ERROR, adapter(Failure).dump_json(failure)
