"""What happens inside the cage: a strategy is loaded and run, and plain data comes out.

Everything before `_load` is ours; from there on strangers' code has run in this process, and what it says is checked
elsewhere.
"""

import gc
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from cfsm.adapters.freqtrade.caged_epochs import Epochs, hyperopt_config
from cfsm.adapters.freqtrade.examination import Examination
from cfsm.adapters.freqtrade.fast_backtesting import make_backtesting
from cfsm.adapters.freqtrade.findings import finding, verdict_of
from cfsm.adapters.freqtrade.inspection import Broken
from cfsm.adapters.freqtrade.last_look import LastLook
from cfsm.adapters.freqtrade.logs import Evidence, capture
from cfsm.adapters.freqtrade.protocol import Ask, Failure, Kind, Progress, Reaction, Request, Said, adapter
from cfsm.adapters.freqtrade.quick_parts import install
from cfsm.adapters.freqtrade.second_look import SecondLook
from cfsm.adapters.freqtrade.second_opinion import SecondOpinion
from cfsm.adapters.freqtrade.source_lines import line_of_attribute, wrong_attribute
from cfsm.adapters.freqtrade.static_policy import judge
from cfsm.adapters.freqtrade.strategy_errors import describe, line_of, load_error, run_error
from cfsm.adapters.freqtrade.trial import Trial, latest
from cfsm.adapters.freqtrade.trusted_market import traded_span
from cfsm.adapters.freqtrade.workshop import Prepared
from cfsm.domain.evaluation import Finding, Job, Stage, Verdict
from cfsm.domain.hyperopt import Candidate

Send = Callable[[Kind, bytes], None]
_SEED = 20_260_101
_CANDLES_LOOKED_AT, _PAIRS_LOOKED_AT, _CLOSENESS = 2000, 6, 5
_SELDOM = (50_000, 20, 50)
"""A run makes many objects that stay: looking for garbage is seldom worth its time."""


def run(request: Request, prepared: Prepared, folder: Path, send: Send) -> None:
    """Do what is asked, with the strategy in this folder, and send progress and one result."""
    assert request.job is not None
    evidence = capture(lambda *said: send(Kind.LOG, orjson.dumps(asdict(Said(*said)))))
    gc.set_threshold(*_SELDOM)
    sys.dont_write_bytecode = True
    random.seed(_SEED)
    np.random.seed(_SEED)  # noqa: NPY002 (strategies use the old generator)
    prepared.candles.serve()
    if not request.stock:
        install(prepared.exchange)  # for the rest of this process's life

    def tell(stage: Stage, percent: float, words: str) -> None:
        send(Kind.PROGRESS, orjson.dumps(asdict(Progress(stage, percent, words))))

    work = _Run(request.job, prepared, folder, StageClock(tell), evidence, stock=request.stock)
    answers: dict[Ask, Callable[[], dict[str, Any]]] = {
        Ask.VALIDATE: work.validate,
        Ask.SECOND_OPINION: work.second_opinion,
        Ask.BACKTEST: work.backtest,
        Ask.SPACES: lambda: work.spaces(request.spaces),
        Ask.EPOCHS: lambda: work.epochs(request.spaces, request.candidates),
    }
    try:
        answer = answers[request.ask]()
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
        self._more_config: dict[str, Any] = {}

    def validate(self) -> dict[str, Any]:
        """Look at the text; if that is safe, load and run it under inspection."""
        static = judge(self._job.source)
        if verdict_of(static) is not Verdict.ACCEPTED:
            return {"findings": [asdict(found) for found in static]}
        examination = Examination(self._load, self._config, self._make, self._prepared, self._clock, self._evidence)
        return examination.answer(static, self._job)

    def second_opinion(self) -> dict[str, Any]:
        """Look closer, with what Freqtrade has for that and with more histories of our own."""
        static = judge(self._job.source)
        if verdict_of(static) is not Verdict.ACCEPTED:
            return {"findings": [asdict(found) for found in static]}
        try:
            first = self._load()
            found = list(self._looked_at_closely(first))
        except Broken as broken:
            return {"findings": [asdict(found) for found in broken.findings]}
        except BaseException as error:
            if line_of(error.__traceback__) is None:
                raise  # a fault of ours
            return {"findings": [asdict(run_error(error))]}
        return {"findings": [asdict(each) for each in found], "timeframe": first.timeframe}

    def _looked_at_closely(self, first: Any) -> Iterator[Finding]:
        prepared, step_ms = self._prepared, first.timeframe_secs * 1000
        timerange = self._job.conditions.timerange
        startup, candles = first.required_startup, prepared.candles
        span = traded_span(candles, prepared.datadir, prepared.pairs, first.timeframe, startup, timerange)
        part = latest(span, step_ms, prepared.pairs, _CANDLES_LOOKED_AT, _PAIRS_LOOKED_AT)
        backtesting = self._make(self._config(part.timerange), self._clock)
        kept = LastLook(backtesting.strategylist[0])
        trial = Trial.of_pairs(backtesting, part.pairs)
        self._clock.enter(Stage.ANALYZING, 0)
        trial.analyse()
        look = SecondLook(
            backtesting, lambda: self._config(part.timerange), self._make, prepared, self._job.source, self._clock
        )
        entries = kept.entries(startup)
        start_ms = trial.start_of_trading(entries)
        trial.trade(start_ms)
        found = look.findings(trial, entries, start_ms, _CLOSENESS)
        yield from found
        if verdict_of(found) is not Verdict.ACCEPTED:
            return
        opinion = SecondOpinion(lambda: self._config(part.timerange), prepared, part.pairs, startup)
        yield from opinion.of_lookahead(self._clock)
        self._clock.enter(Stage.GENERATING_REPORT, 0)
        yield from opinion.of_startup(self._clock)

    def backtest(self) -> dict[str, Any]:
        """Run Freqtrade's backtest and give its trades, or the findings that kept it from ending."""
        static = judge(self._job.source)
        if verdict_of(static) is Verdict.UNSAFE:
            return {"findings": [asdict(found) for found in static]}
        try:
            backtesting = self._load()
            kept = LastLook(backtesting.strategylist[0])
            data, start, end = self._execute(backtesting)
        except Broken as broken:
            return {"findings": [asdict(found) for found in broken.findings]}
        self._clock.enter(Stage.GENERATING_REPORT, 0)
        trades = _columns(backtesting)
        logged = [*self._evidence.findings(), *self._last_look(backtesting, kept, data)]
        self._clock.leave()
        return {
            "findings": [],
            "logged": [asdict(found) for found in logged],
            "trades": trades,
            "start_ms": int(start.timestamp() * 1000),
            "end_ms": int(end.timestamp() * 1000),
            "settings": _settings(backtesting),
            "stage_seconds": self._clock.seconds,
        }

    def _last_look(self, backtesting: Any, kept: LastLook, data: Mapping[str, pd.DataFrame]) -> list[Finding]:
        """Give the faults that a last look finds; what is mere advice the validation has said."""
        causality = SecondLook(
            backtesting, self._config, self._make, self._prepared, self._job.source, self._clock
        ).causality()
        try:
            found = kept.findings(data, causality, backtesting.required_startup)
        except BaseException as error:
            if line_of(error.__traceback__) is None:
                raise  # a fault of ours
            return [run_error(error)]
        return found if verdict_of(found) is not Verdict.ACCEPTED else []

    def spaces(self, spaces: Sequence[str]) -> dict[str, Any]:
        """Give the dimensions of these spaces, and whether indicators are the same for all epochs."""
        try:
            epochs, _ = self._epochs(spaces)
            with _blamed_on_the_strategy():
                return {"findings": [], "dimensions": epochs.dimensions(), "is_analysed_once": epochs.analyse()}
        except Broken as broken:
            return {"findings": [asdict(found) for found in broken.findings]}

    def epochs(self, spaces: Sequence[str], candidates: Sequence[Candidate]) -> dict[str, Any]:
        """Backtest with one candidate after the other; an epoch that breaks keeps no other from its turn."""
        clock, self._clock = self._clock, StageClock(lambda *_: None)  # not of the stages of each epoch
        try:
            epochs, backtesting = self._epochs(spaces)
            with _blamed_on_the_strategy():
                epochs.analyse()
        except Broken as broken:
            return {"findings": [asdict(found) for found in broken.findings]}
        start, end = epochs.span
        clock.enter(Stage.BACKTESTING, len(candidates))
        tried = []
        for candidate in candidates:
            tried.append(_tried(epochs, candidate))
            clock.advance(1)
        return {
            "findings": [],
            "epochs": tried,
            "start_ms": int(start.timestamp() * 1000),
            "end_ms": int(end.timestamp() * 1000),
            "settings": _settings(backtesting),
        }

    def _epochs(self, spaces: Sequence[str]) -> tuple[Epochs, Any]:
        """Load the strategy for hyperopt. Raise Broken."""
        static = judge(self._job.source)
        if verdict_of(static) is Verdict.UNSAFE:
            raise Broken(*static)
        self._more_config = hyperopt_config(spaces)
        backtesting = self._load()
        with _blamed_on_the_strategy():
            return Epochs(backtesting, spaces, _SEED), backtesting

    def _config(self, timerange: str | None = None) -> Config:
        """Give a configuration for one load of the strategy, which the resolver writes into; of a part of the range."""
        config = deepcopy(self._prepared.config)
        if timerange is not None:
            config["timerange"] = timerange
        config["strategy"] = self._job.strategy_name
        config["strategy_path"] = str(self._folder)
        return config | self._more_config

    def _make(self, config: Config, clock: StageClock) -> Any:
        return make_backtesting(config, self._prepared.exchange, clock, stock=self._stock)

    def _load(self) -> Any:
        self._clock.enter(Stage.LOADING_DATA, 0)
        try:
            backtesting = self._make(self._config(), self._clock)
        except BaseException as error:
            raise Broken(self._named(load_error(error, self._evidence))) from error
        if backtesting.timeframe not in self._prepared.timeframes:
            there = ", ".join(self._prepared.timeframes)
            words = f"There are no {backtesting.timeframe} candles here; there are {there}"
            raise Broken(finding("TIMEFRAME", words, line_of_attribute(self._job.source, "timeframe")))
        stoploss = backtesting.strategylist[0].stoploss
        if not -1.0 <= stoploss < 0.0:
            words = f"stoploss is {stoploss}; it is a ratio from -1 to 0"
            raise Broken(finding("STOPLOSS", words, line_of_attribute(self._job.source, "stoploss")))
        return backtesting

    def _named(self, found: Finding) -> Finding:
        name = self._job.strategy_name
        wrong = wrong_attribute(self._job.source)
        if wrong is not None and found.code in {"LOAD_FAILED", wrong.code}:
            return wrong
        if found.message.startswith("Impossible to load") and f"class {name}(".encode() not in self._job.source:
            return finding("CLASS_NAME", f"There is no `class {name}(...)` in the file")
        return found

    def _execute(self, backtesting: Any) -> Any:
        try:
            data, timerange = backtesting.load_bt_data()
            return data, *backtesting.backtest_one_strategy(backtesting.strategylist[0], data, timerange)
        except Broken:
            raise
        except BaseException as error:
            logged = tuple(self._evidence.findings()) if isinstance(error, StrategyError) else ()
            raise Broken(*(logged or (run_error(error),))) from error


@contextmanager
def _blamed_on_the_strategy() -> Iterator[None]:
    """Make of whatever is raised a finding."""
    try:
        yield
    except Broken:
        raise
    except (Exception, SystemExit) as error:
        raise Broken(run_error(error)) from error


def _tried(epochs: Epochs, candidate: Candidate) -> dict[str, Any]:
    try:
        with _blamed_on_the_strategy():
            trades, parameters = epochs.try_one(candidate)
    except Broken as broken:
        return {"findings": [asdict(found) for found in broken.findings]}
    columns = _columns_of(trades)
    del columns["orders"]
    return {"trades": columns, "parameters": parameters}


def _columns(backtesting: Any) -> dict[str, list[Any]]:
    """Give the closed trades by columns, as Freqtrade's own report has them, with the liquidation prices."""
    name = backtesting.strategylist[0].get_strategy_name()
    return _columns_of(backtesting.all_bt_content[name]["results"])


def _columns_of(trades: pd.DataFrame) -> dict[str, list[Any]]:
    frame = trades.drop(columns=["open_date", "close_date"])
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


def _plain(value: Any) -> Any:
    """Make the values plain that strategies put where Freqtrade takes anything."""
    if isinstance(value, np.generic):
        return value.item()
    return str(value)[:255]
