"""What happens inside the cage: a strategy is loaded and run, and plain data comes out.

Everything before `_load` is ours; from there on strangers' code has run in this process, and what it says is checked
elsewhere.
"""

import random
import sys
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
from freqtrade.constants import Config
from freqtrade.exceptions import StrategyError
from freqtrade.persistence import LocalTrade

from cfsm.adapters.freqtrade.backtesting import StageClock
from cfsm.adapters.freqtrade.fast_backtesting import make_backtesting
from cfsm.adapters.freqtrade.findings import finding, verdict_of
from cfsm.adapters.freqtrade.inspection import Broken, Inspector, signature_findings
from cfsm.adapters.freqtrade.logs import STRATEGY_FILES, Evidence, capture
from cfsm.adapters.freqtrade.protocol import Ask, Failure, Kind, Progress, Reaction, Request, adapter
from cfsm.adapters.freqtrade.quick_parts import install
from cfsm.adapters.freqtrade.second_look import SecondLook
from cfsm.adapters.freqtrade.static_policy import judge
from cfsm.adapters.freqtrade.strategy_errors import describe, line_of, load_error, run_error
from cfsm.adapters.freqtrade.workshop import Prepared
from cfsm.domain.evaluation import Finding, Job, Stage, Verdict

Send = Callable[[Kind, bytes], None]
_SEED = 20_260_101
_LIQUIDATED_SHARE = 0.02
_LEVERAGED = 1.5
_CONSEQUENCES = frozenset({"NO_SIGNALS", "NO_TRADES", "SIGNAL_CONFLICT"})


def run(request: Request, prepared: Prepared, folder: Path, send: Send) -> None:
    """Do what is asked, with the strategy in this folder, and send progress and one result."""
    assert request.job is not None
    evidence = capture()
    sys.dont_write_bytecode = True
    random.seed(_SEED)
    np.random.seed(_SEED)  # noqa: NPY002 (strategies use the old generator)
    prepared.candles.serve()
    if not request.stock:
        install(prepared.exchange)  # for the rest of this process's life

    def tell(stage: Stage, percent: float, words: str) -> None:
        send(Kind.PROGRESS, orjson.dumps(asdict(Progress(stage, percent, words))))

    work = _Run(request.job, prepared, folder, StageClock(tell), evidence, stock=request.stock)
    try:
        answer = work.validate() if request.ask is Ask.VALIDATE else work.backtest()
    except Exception as error:  # noqa: BLE001 (a fault of ours must not look like one of the strategy's)
        failure = Failure(Reaction.TRY_AGAIN, f"The forge could not run the strategy: {describe(error)}")
        send(Kind.ERROR, adapter(Failure).dump_json(failure))
        return
    send(Kind.RESULT, orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY, default=_plain))


class _Run:
    """One strategy in its cage."""

    def __init__(
        self, job: Job, prepared: Prepared, folder: Path, clock: StageClock, evidence: Evidence, *, stock: bool
    ) -> None:
        self._job = job
        self._prepared = prepared
        self._folder = folder
        self._clock = clock
        self._evidence = evidence
        self._stock = stock
        self._data: dict[str, pd.DataFrame] = {}

    def validate(self) -> dict[str, Any]:
        """Look at the text; if that is safe, load and run it under inspection."""
        static = judge(self._job.source)
        if verdict_of(static) is not Verdict.ACCEPTED:
            return {"findings": [asdict(found) for found in static]}
        try:
            backtesting = self._load()
        except Broken as broken:
            return {"findings": [asdict(found) for found in (*static, *broken.findings)]}
        strategy = backtesting.strategylist[0]
        inspector = Inspector(strategy)
        for found in signature_findings(strategy):
            inspector.note(found)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("default")
            data = self._execute_under(inspector, backtesting)
        for found in (*_chained_assignments(warned), *self._evidence.findings(), *_liquidations(strategy)):
            inspector.note(found)
        if data and verdict_of(inspector.findings) is Verdict.ACCEPTED:
            for found in self._second_look(backtesting, data, inspector):
                inspector.note(found)
        return {
            "findings": [asdict(found) for found in _ordered((*static, *inspector.findings))],
            "timeframe": backtesting.timeframe,
            "can_short": bool(strategy.can_short),
            "startup_candle_count": int(strategy.startup_candle_count),
            "signals": inspector.signals,
        }

    def backtest(self) -> dict[str, Any]:
        """Run Freqtrade's backtest and give its trades, or the findings that kept it from ending."""
        static = judge(self._job.source)
        if verdict_of(static) is Verdict.UNSAFE:
            return {"findings": [asdict(found) for found in static]}
        try:
            backtesting = self._load()
            start, end = self._execute(backtesting)
        except Broken as broken:
            return {"findings": [asdict(found) for found in broken.findings]}
        self._clock.enter(Stage.GENERATING_REPORT, 0)
        return {
            "findings": [],
            "logged": [asdict(found) for found in self._evidence.findings()],
            "trades": _columns(backtesting),
            "start_ms": int(start.timestamp() * 1000),
            "end_ms": int(end.timestamp() * 1000),
            "settings": _settings(backtesting),
            "stage_seconds": self._clock.seconds,
        }

    def _execute_under(self, inspector: Inspector, backtesting: Any) -> dict[str, pd.DataFrame]:
        """Run the strategy under inspection and give the candles that it ran on; none where it broke."""
        try:
            self._execute(backtesting)
            inspector.conclude(len(LocalTrade.bt_trades))
        except Broken as broken:
            for found in broken.findings:
                inspector.note(found)
            return {}
        return self._data

    def _second_look(self, backtesting: Any, data: dict[str, pd.DataFrame], inspector: Inspector) -> list[Finding]:
        name = backtesting.strategylist[0].get_strategy_name()
        trades = backtesting.all_bt_content[name]["results"]
        look = SecondLook(backtesting, self._config(), self._prepared, stock=self._stock)
        try:
            return look.findings(data, inspector.entry_rows, trades)
        except (Exception, SystemExit) as error:
            if line_of(error.__traceback__) is None:
                raise  # a fault of ours
            return [run_error(error)]  # it ran before: it minds how often it is run

    def _config(self) -> Config:
        """Give a configuration for one load of the strategy; the resolver writes into it."""
        config = deepcopy(self._prepared.config)
        config["strategy"] = self._job.strategy_name
        config["strategy_path"] = str(self._folder)
        return config

    def _load(self) -> Any:
        config = self._config()
        self._clock.enter(Stage.LOADING_DATA, 0)
        try:
            backtesting = make_backtesting(config, self._prepared.exchange, self._clock, stock=self._stock)
        except (Exception, SystemExit) as error:
            raise Broken(self._named(load_error(error, self._evidence))) from error
        if backtesting.timeframe not in self._prepared.timeframes:
            there = ", ".join(self._prepared.timeframes)
            raise Broken(finding("TIMEFRAME", f"There are no {backtesting.timeframe} candles here; there are {there}"))
        stoploss = backtesting.strategylist[0].stoploss
        if not -1.0 <= stoploss < 0.0:
            raise Broken(finding("STOPLOSS", f"stoploss is {stoploss}; it is a ratio from -1 to 0"))
        return backtesting

    def _named(self, found: Finding) -> Finding:
        name = self._job.strategy_name
        if found.message.startswith("Impossible to load") and f"class {name}(".encode() not in self._job.source:
            return finding("CLASS_NAME", f"There is no `class {name}(...)` in the file")
        return found

    def _execute(self, backtesting: Any) -> Any:
        try:
            self._data, timerange = backtesting.load_bt_data()
            return backtesting.backtest_one_strategy(backtesting.strategylist[0], self._data, timerange)
        except Broken:
            raise
        except (Exception, SystemExit) as error:
            logged = tuple(self._evidence.findings()) if isinstance(error, StrategyError) else ()
            raise Broken(*(logged or (run_error(error),))) from error


def _columns(backtesting: Any) -> dict[str, list[Any]]:
    """Give the closed trades by columns, as Freqtrade's own report has them, with the liquidation prices."""
    name = backtesting.strategylist[0].get_strategy_name()
    frame = backtesting.all_bt_content[name]["results"].drop(columns=["open_date", "close_date"])
    columns: dict[str, list[Any]] = {column: frame[column].tolist() for column in frame.columns}
    columns["liquidation_price"] = [trade.liquidation_price for trade in LocalTrade.bt_trades]
    return columns


def _settings(backtesting: Any) -> dict[str, Any]:
    """Give what the strategy set of the configuration that the statistics and the audit read."""
    strategy = backtesting.strategylist[0]
    slots = backtesting.config["max_open_trades"]
    return {
        "timeframe": backtesting.timeframe,
        "startup_candle_count": backtesting.required_startup,
        "max_open_trades": slots if slots != float("inf") else -1,
        "can_short": bool(strategy.can_short),
        "fee": backtesting.fee,
        "rejected_signals": backtesting.rejected_trades,
        "timedout_entry_orders": backtesting.timedout_entry_orders,
        "timedout_exit_orders": backtesting.timedout_exit_orders,
        "canceled_trade_entries": backtesting.canceled_trade_entries,
        "canceled_entry_orders": backtesting.canceled_entry_orders,
        "replaced_entry_orders": backtesting.replaced_entry_orders,
    }


def _ordered(findings: tuple[Finding, ...]) -> list[Finding]:
    """Put causes before consequences, and leave out what a wrong signature explains."""
    misnamed = {found.message.partition("(")[0] for found in findings if found.code == "SIGNATURE"}
    kept = [
        found
        for found in findings
        if not (found.code == "CALLBACK_FAILED" and found.message.partition("(")[0] in misnamed)
    ]
    return sorted(kept, key=lambda found: found.code in _CONSEQUENCES)


def _liquidations(strategy: Any) -> Iterator[Finding]:
    """Give the finding where leverage and stop do not fit: the exchange ends trades before the stop does."""
    trades = LocalTrade.bt_trades
    liquidated = sum(trade.exit_reason == "liquidation" for trade in trades)
    if liquidated > _LIQUIDATED_SHARE * len(trades):
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


def _plain(value: Any) -> Any:
    """Make the values plain that strategies put where Freqtrade takes anything."""
    if isinstance(value, np.generic):
        return value.item()
    return str(value)[:255]
