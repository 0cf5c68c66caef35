"""A validation inside the cage: a strategy runs under inspection, on as little history as shows what it does."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
from freqtrade.constants import Config
from freqtrade.exceptions import StrategyError
from freqtrade.persistence import LocalTrade

from cfsm.adapters.freqtrade.backtesting import StageClock
from cfsm.adapters.freqtrade.callbacks import line_of_definition, only_in_life, uncalled, wrong_signatures
from cfsm.adapters.freqtrade.findings import finding, verdict_of
from cfsm.adapters.freqtrade.inspection import Broken, Inspector
from cfsm.adapters.freqtrade.logs import STRATEGY_FILES, Evidence
from cfsm.adapters.freqtrade.risk import LIQUIDATED_SHARE, MOST_LEVERAGE
from cfsm.adapters.freqtrade.second_look import SecondLook
from cfsm.adapters.freqtrade.strategy_errors import line_of, run_error
from cfsm.adapters.freqtrade.trial import Part, Trial, parts
from cfsm.adapters.freqtrade.trusted_market import traded_span
from cfsm.adapters.freqtrade.workshop import Prepared
from cfsm.domain.evaluation import Finding, Job, Stage, Verdict

_ENOUGH_ENTRIES, _ENOUGH_TRADES = 30, 4
_LEVERAGED = 1.5
_CONSEQUENCES = frozenset({"NO_SIGNALS", "NO_TRADES", "SIGNAL_CONFLICT"})


@dataclass
class _Run:
    """A run under inspection: what was run, what was noted, and the trades, made from ``start_ms`` on."""

    part: Part
    backtesting: Any
    inspector: Inspector
    trial: Trial | None = None
    trades: pd.DataFrame | None = None
    start_ms: int = 0

    @property
    def shows_enough(self) -> bool:
        """Say whether there is something to judge by: no more candles are needed then."""
        if verdict_of(self.inspector.findings) is not Verdict.ACCEPTED or self.trades is None:
            return True
        return self.inspector.usable_entries >= _ENOUGH_ENTRIES and len(self.trades) >= self.enough_trades

    @property
    def enough_trades(self) -> int:
        """Trades that show what there is to see: as many as can be open at once, where they do not end."""
        slots = self.backtesting.config["max_open_trades"]
        return int(min(_ENOUGH_TRADES, len(self.part.pairs), slots))


class Examination:
    """Examines one strategy.

    ``load`` makes a backtesting and raises Broken where the strategy cannot be loaded;
    ``config`` gives a configuration for one more load, of a part of the range, and ``make`` a backtesting of it.
    """

    def __init__(
        self,
        load: Callable[[], Any],
        config: Callable[[str | None], Config],
        make: Callable[[Config, StageClock], Any],
        prepared: Prepared,
        clock: StageClock,
        evidence: Evidence,
    ) -> None:
        self._load = load
        self._config = config
        self._make = make
        self._prepared = prepared
        self._clock = clock
        self._evidence = evidence
        self._span = (0, 0)

    def answer(self, static: list[Finding], job: Job) -> dict[str, Any]:
        """Give the raw answer to a validation; ``static`` is what the text showed."""
        try:
            first = self._load()
        except Broken as broken:
            return {"findings": [asdict(found) for found in (*static, *broken.findings)]}
        strategy = first.strategylist[0]
        run = self._run(first, job)
        for found in (*wrong_signatures(strategy), *uncalled(strategy), *only_in_life(run.backtesting.strategylist[0])):
            run.inspector.note(found)
        self._judge(run, job)
        return {
            "findings": [asdict(found) for found in _ordered((*static, *run.inspector.findings))],
            "timeframe": first.timeframe,
            "can_short": bool(strategy.can_short),
            "startup_candle_count": int(strategy.startup_candle_count),
            "signals": run.inspector.signals,
            "microseconds_per_candle": round(1e6 * run.inspector.seconds / max(1, run.inspector.rows), 1),
        }

    def _run(self, first: Any, job: Job) -> _Run:
        """Run the strategy on ever more candles, until it has shown what there is to see."""
        self._span = traded_span(
            self._prepared.candles,
            self._prepared.datadir,
            self._prepared.pairs,
            first.timeframe,
            first.required_startup,
            job.conditions.timerange,
        )
        for part in parts(self._span, first.timeframe_secs * 1000, self._prepared.pairs):
            run = self._run_part(part)
            if run.shows_enough:
                break
        return run

    def _run_part(self, part: Part) -> _Run:
        backtesting = self._make(self._config_of(part), self._clock)
        run = _Run(part, backtesting, Inspector(backtesting.strategylist[0]))
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("default")
            try:
                self._trade(run)
            except Broken as broken:
                for found in broken.findings:
                    run.inspector.note(found)
            except BaseException as error:  # noqa: BLE001 (whatever it is, it is what is to be found)
                logged = tuple(self._evidence.findings()) if isinstance(error, StrategyError) else ()
                for found in logged or (run_error(error),):
                    run.inspector.note(found)
        for found in (*_chained_assignments(warned), *self._evidence.findings()):
            run.inspector.note(found)
        return run

    def _config_of(self, part: Part) -> Config:
        return self._config(None if part.is_whole else part.timerange)

    def _trade(self, run: _Run) -> None:
        """Analyse; trade where there is enough to trade on, or where there are no more candles to find it on."""
        run.trial = Trial.of_pairs(run.backtesting, run.part.pairs)
        self._clock.enter(Stage.ANALYZING, 0)
        run.trial.analyse()
        inspector = run.inspector
        if inspector.usable_entries < _ENOUGH_ENTRIES and not run.part.is_whole:
            run.trades = pd.DataFrame()
            return
        run.start_ms = run.trial.start_of_trading(inspector.entry_rows)
        run.trades = run.trial.trade(run.start_ms)
        if run.start_ms and len(run.trades) < run.enough_trades:
            run.start_ms = 0
            run.trades = run.trial.trade()

    def _too_slow(self, run: _Run, job: Job) -> Iterator[Finding]:
        """Give the finding where indicators and signals of the whole range would take longer than a run may."""
        inspector = run.inspector
        seconds_a_candle = inspector.seconds / max(1, inspector.rows)
        candles = (self._span[1] - self._span[0]) // (run.backtesting.timeframe_secs * 1000) * len(self._prepared.pairs)
        seconds = seconds_a_candle * candles
        if seconds > job.limits.cpu_seconds:
            yield finding(
                "SLOW", f"{seconds_a_candle * 1000:.1f} ms a candle make {seconds:.0f} s for {candles} of them"
            )

    def _judge(self, run: _Run, job: Job) -> None:
        """Note what the run says as a whole; look a second time where nothing is wrong so far."""
        inspector, strategy = run.inspector, run.backtesting.strategylist[0]
        if run.trades is None or run.trial is None:
            return
        inspector.conclude(len(run.trades))
        for found in (*_liquidations(strategy), *_leverage(strategy), *self._too_slow(run, job)):
            inspector.note(found)
        if verdict_of(inspector.findings) is not Verdict.ACCEPTED:
            return
        look = SecondLook(
            run.backtesting, lambda: self._config_of(run.part), self._make, self._prepared, job.source, self._clock
        )
        try:
            found_again = look.findings(run.trial, inspector.entry_rows, run.start_ms)
        except BaseException as error:
            if line_of(error.__traceback__) is None:
                raise  # a fault of ours
            found_again = [run_error(error)]  # it ran before: it minds how often it is run
        for found in found_again:
            inspector.note(found)


def _ordered(findings: tuple[Finding, ...]) -> list[Finding]:
    """Put causes before consequences, and leave out what a wrong signature explains."""
    misnamed = {found.message.partition("(")[0] for found in findings if found.code == "SIGNATURE"}
    kept = [
        found
        for found in findings
        if not (found.code == "CALLBACK_FAILED" and found.message.partition("(")[0] in misnamed)
    ]
    return sorted(kept, key=lambda found: found.code in _CONSEQUENCES)


def _leverage(strategy: Any) -> Iterator[Finding]:
    """Give the finding where more is borrowed than any stop can make good."""
    most = max((trade.leverage for trade in LocalTrade.bt_trades), default=1.0)
    if most > MOST_LEVERAGE:
        words = f"A trade has a leverage of {most:g}; {MOST_LEVERAGE:g} is the most that is taken on"
        yield finding("LEVERAGE", words, line_of_definition(strategy, "leverage"))


def _liquidations(strategy: Any) -> Iterator[Finding]:
    """Give the finding where leverage and stop do not fit: the exchange ends trades before the stop does."""
    trades = LocalTrade.bt_trades
    liquidated = sum(trade.exit_reason == "liquidation" for trade in trades)
    if liquidated > LIQUIDATED_SHARE * len(trades):
        yield finding("LIQUIDATION", f"{liquidated} of {len(trades)} trades are liquidated")
    elif not strategy.use_custom_stoploss:
        beyond = next((trade for trade in trades if _stop_is_beyond_liquidation(trade)), None)
        if beyond is not None:
            words = f"With leverage {beyond.leverage:g} the stop at {beyond.initial_stop_loss:g} lies beyond "
            yield finding("LIQUIDATION", f"{words}the liquidation price {beyond.liquidation_price:g} ({beyond.pair})")


def _stop_is_beyond_liquidation(trade: LocalTrade) -> bool:
    if not trade.liquidation_price or trade.leverage < _LEVERAGED:
        return False
    if trade.is_short:
        return bool(trade.initial_stop_loss > trade.liquidation_price)
    return bool(trade.initial_stop_loss < trade.liquidation_price)


def _chained_assignments(warned: list[warnings.WarningMessage]) -> list[Finding]:
    return [
        finding("CHAINED_ASSIGNMENT", line=warning.lineno if STRATEGY_FILES in warning.filename else None)
        for warning in warned
        if warning.category.__name__ == "ChainedAssignmentError"
    ]
