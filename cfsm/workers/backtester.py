"""Validated, or a backtest requested -> backtest -> Backtested, or Retired when Freqtrade cannot run it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar
from uuid import UUID

import orjson

from cfsm.application.ports import Blobs, BrokenStrategy, Engine
from cfsm.application.tasks import Claim, TaskKind
from cfsm.domain.aggregate import Recorded
from cfsm.domain.equity import equity_curve
from cfsm.domain.evaluation import BacktestOutcome, Conditions, Evaluation, Finding, Job, Kind, Limits
from cfsm.domain.figures import figures_of
from cfsm.domain.metrics import measure
from cfsm.domain.strategy import Reason, Strategy
from cfsm.workers.base import Equipment
from cfsm.workers.evaluating import EvaluationWorker, as_evidence, in_words


class BacktesterWorker(EvaluationWorker):
    """Backtests, and computes the figures itself from the list of trades.

    ``data_label`` says what the candles are (``synthetic``, ``imported``, ``downloaded``) wherever the result is
    shown; ``name_of_result`` finds a strategy with the same list of trades.
    """

    name: ClassVar[str] = "backtester"
    kinds: ClassVar[tuple[TaskKind, ...]] = (TaskKind.BACKTEST,)
    kind = Kind.BACKTEST

    def __init__(
        self,
        equipment: Equipment,
        engine: Engine,
        is_engine_ready: Callable[[], bool],
        blobs: Blobs,
        conditions: Conditions,
        limits: Limits,
        *,
        data_label: str,
        name_of_result: Callable[[str], str | None],
    ) -> None:
        super().__init__(equipment, engine, is_engine_ready, blobs, conditions, limits)
        self._data_label = data_label
        self._name_of_result = name_of_result

    def handle(self, claim: Claim) -> None:
        """Backtest the strategy and record the figures with their consequence."""
        strategy = self.strategy_of(claim)
        if strategy.is_retired:
            self.call_off(claim, strategy)
            return
        job = self.begin(claim, strategy)
        hear = self.report(claim, f"backtesting {strategy.name}", lambda stage: self.entered(claim, job, stage))
        try:
            outcome = self._engine.backtest(job, hear)
        except BrokenStrategy as error:
            self._retire(claim, job, error.findings)
            return
        figures, blobs = self._figures(job, outcome)
        self.factory.transact(lambda: self._decide(claim, job, outcome, figures, blobs), claim)
        self.log.info(
            "backtested",
            EVENT=Strategy.Backtested.TOPIC,
            RUN_ID=job.run_id,
            strategy=strategy.name,
            trades=figures["total_trades"],
            sharpe_daily=figures["sharpe_daily"],
            seconds=round(outcome.seconds, 2),
        )

    def _figures(self, job: Job, outcome: BacktestOutcome) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        span = (job.conditions.dry_run_wallet, outcome.backtest_start, outcome.backtest_end)
        metrics = measure(outcome.trades, *span)
        curve = equity_curve(outcome.trades, *span)
        blobs = {
            "trades": self._blobs.put(orjson.dumps([asdict(trade) for trade in outcome.trades])),
            "equity_curve": self._blobs.put(orjson.dumps(asdict(curve))),
        }
        figures = figures_of(
            outcome,
            metrics,
            dataset=job.conditions.dataset,
            data_label=self._data_label,
            # Parameters that were sought on candles have seen them; code that was written without them has not.
            is_out_of_sample=job.parameters is None,
        )
        return figures, blobs

    def _decide(
        self,
        claim: Claim,
        job: Job,
        outcome: BacktestOutcome,
        figures: Mapping[str, Any],
        blobs: Mapping[str, str],
    ) -> Iterable[Recorded]:
        run = self.factory.get(Evaluation, Evaluation.id_of(job.run_id))
        strategy = self.factory.get(Strategy, UUID(claim.subject))
        stamp = self.factory.stamp(claim, correlation=str(strategy.id))
        run.complete(
            verdict="backtested",
            identity=outcome.identity,
            result_hash=outcome.result_hash,
            figures=figures,
            findings=outcome.findings,
            blobs=blobs,
            seconds=outcome.seconds,
            stamp=stamp,
        )
        timerange = f"{outcome.backtest_start:%Y%m%d}-{outcome.backtest_end:%Y%m%d}"
        strategy.record_backtest(job.run_id, timerange, outcome.result_hash, figures, stamp)
        twin = self._name_of_result(outcome.result_hash) if outcome.trades else None
        if twin is not None and twin != strategy.name:
            strategy.note_twin(twin, outcome.result_hash, stamp)
        return [run, strategy]

    def _retire(self, claim: Claim, job: Job, findings: Sequence[Finding]) -> None:
        self.factory.transact(lambda: self._broken(claim, job, findings), claim)
        self.log.warning("broken", EVENT=Strategy.Retired.TOPIC, RUN_ID=job.run_id, findings=in_words(findings))

    def _broken(self, claim: Claim, job: Job, findings: Sequence[Finding]) -> Iterable[Recorded]:
        run = self.factory.get(Evaluation, Evaluation.id_of(job.run_id))
        strategy = self.factory.get(Strategy, UUID(claim.subject))
        stamp = self.factory.stamp(claim, correlation=str(strategy.id))
        run.fail("broken strategy", findings, stamp)
        evidence = as_evidence(findings, job.run_id)
        strategy.retire(Reason.BROKEN, in_words(findings), stamp, evidence)
        return [run, strategy]
