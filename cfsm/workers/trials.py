"""Runs proposals in the forge beside a conversation with models: in a thread, one at a time, until called off."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict
from threading import Event
from typing import TypeVar

from cfsm.application.ports import BrokenStrategy, Cancelled, Engine, Report, accepted
from cfsm.domain.conversation import Execution, Screening, ScreenOutcome
from cfsm.domain.evaluation import BacktestOutcome, Conditions, Job, Limits, Stage
from cfsm.domain.metrics import measure
from cfsm.domain.naming import id_of

Outcome = TypeVar("Outcome")

ENGINE_POLL_SECONDS = 0.2


class EngineTrials:
    """The trials of one generation. Ids of runs are functions of generation and step: a repeated run is the same one.

    ``doing`` is what is shown of the work that goes on, empty where none does.
    """

    def __init__(
        self,
        engine: Engine,
        is_engine_ready: Callable[[], bool],
        conditions: Conditions,
        execution_limits: Limits,
        screening_limits: Limits,
        generation_id: str,
    ) -> None:
        self._engine = engine
        self._is_engine_ready = is_engine_ready
        self._conditions = conditions
        self._execution_limits = execution_limits
        self._screening_limits = screening_limits
        self._generation_id = generation_id
        self._one_at_a_time = asyncio.Lock()
        self._is_called_off = Event()
        self.doing = ""

    def call_off(self) -> None:
        """Let the run that is under way end soon, by Cancelled."""
        self._is_called_off.set()

    async def execute(self, step: str, class_name: str, source: bytes) -> Execution:
        """Load and execute a proposal. Raise TryAgain, Misconfigured or Cancelled."""
        job = self._job("execution", step, class_name, source, self._execution_limits)
        outcome = await self._in_turn(f"executes {step}", lambda report: self._engine.validate(job, report))
        return Execution(
            step=step,
            verdict=outcome.verdict.value,
            findings=[asdict(finding) for finding in outcome.findings],
            signals=dict(outcome.signals),
            timeframe=outcome.timeframe,
            engine=outcome.identity.engine,
            seconds=round(outcome.seconds, 3),
        )

    async def screen(self, step: str, class_name: str, source: bytes) -> Screening:
        """Backtest a proposal on the screening range. Raise TryAgain, Misconfigured or Cancelled."""
        job = self._job("screening", step, class_name, source, self._screening_limits)
        try:
            outcome = accepted(
                await self._in_turn(f"screens {step}", lambda report: self._engine.backtest(job, report))
            )
        except BrokenStrategy as error:
            return self._screening(step, ScreenOutcome.BROKEN, findings=[asdict(each) for each in error.findings])
        traded = ScreenOutcome.TRADED if outcome.trades else ScreenOutcome.NEVER_TRADES
        return self._screening(
            step,
            traded,
            timerange=f"{outcome.backtest_start:%Y%m%d}-{outcome.backtest_end:%Y%m%d}",
            figures=self._figures(outcome),
            result_hash=outcome.result_hash,
            seconds=round(outcome.seconds, 3),
        )

    def _screening(self, step: str, outcome: ScreenOutcome, **facts: object) -> Screening:
        common: dict[str, object] = {
            "step": step,
            "outcome": outcome.value,
            "findings": [],
            "dataset": self._conditions.dataset,
            "timerange": self._conditions.timerange,
            "figures": {},
            "result_hash": "",
            "engine": self._engine.name,
            "seconds": 0.0,
        }
        return Screening.of(common | facts)

    def _figures(self, outcome: BacktestOutcome) -> dict[str, float | int | None]:
        span = outcome.backtest_start, outcome.backtest_end
        return measure(outcome.trades, self._conditions.dry_run_wallet, *span).figures()

    def _job(self, kind: str, step: str, class_name: str, source: bytes, limits: Limits) -> Job:
        return Job(
            run_id=str(id_of("run", f"{kind}/{self._generation_id}/{step}")),
            strategy_name=class_name,
            source=source,
            conditions=self._conditions,
            limits=limits,
        )

    async def _in_turn(self, doing: str, run: Callable[[Report], Outcome]) -> Outcome:
        async with self._one_at_a_time:
            try:
                return await asyncio.to_thread(self._when_ready, doing, run)
            finally:
                self.doing = ""

    def _when_ready(self, doing: str, run: Callable[[Report], Outcome]) -> Outcome:
        self.doing = "waits for the forge"
        while not self._is_engine_ready():
            self._hear(Stage.LOADING_DATA, 0.0, self.doing)
            time.sleep(ENGINE_POLL_SECONDS)
        self.doing = doing
        return run(self._hear)

    def _hear(self, stage: Stage, percent: float, words: str) -> None:
        if self._is_called_off.is_set():
            raise Cancelled(f"{stage.value} {percent:.0f} % {words}")
