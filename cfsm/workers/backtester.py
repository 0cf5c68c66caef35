"""Validated, or a backtest requested -> a run over each part of the days -> Backtested, or Retired if it cannot run."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar
from uuid import UUID

import orjson

from cfsm.application.ports import Blobs, BrokenStrategy, Engine, accepted
from cfsm.application.tasks import Claim, TaskKind
from cfsm.application.verdicts import BACKTESTED, EQUITY_CURVE, TRADES
from cfsm.domain.aggregate import Recorded, Stamp
from cfsm.domain.equity import equity_curve
from cfsm.domain.evaluation import BacktestOutcome, Conditions, Evaluation, Finding, Job, Kind, Limits
from cfsm.domain.figures import figures_of
from cfsm.domain.metrics import measure
from cfsm.domain.parts import PartResult, headline, joined_figures, window_figures
from cfsm.domain.strategy import Reason, Strategy
from cfsm.domain.walk_forward import OUT_OF_SAMPLE, DayRange, Division, Part
from cfsm.workers.base import Equipment
from cfsm.workers.evaluating import EvaluationWorker, Run, as_evidence, in_words


@dataclass(frozen=True)
class Backtest:
    """A run over one part that has ended, with what is recorded of it."""

    part: Part
    job: Job
    outcome: BacktestOutcome
    figures: dict[str, Any]
    blobs: dict[str, str]

    def complete(self, evaluation: Evaluation, stamp: Stamp) -> None:
        """Record it."""
        evaluation.complete(
            verdict=BACKTESTED,
            identity=self.outcome.identity,
            result_hash=self.outcome.result_hash,
            figures=self.figures,
            findings=self.outcome.findings,
            blobs=self.blobs,
            seconds=self.outcome.seconds,
            stamp=stamp,
        )

    @property
    def result(self) -> PartResult:
        """What stands beside the other parts."""
        timerange = f"{self.outcome.backtest_start:%Y%m%d}-{self.outcome.backtest_end:%Y%m%d}"
        return PartResult(self.part, self.job.run_id, timerange, self.outcome.result_hash, self.figures)


class Backtests:
    """Makes of an engine's outcome what is recorded of a backtest.

    ``data_label`` says what the candles are (``synthetic``, ``imported``, ``downloaded``) wherever it is shown.
    """

    def __init__(self, blobs: Blobs, data_label: str) -> None:
        self._blobs = blobs
        self._data_label = data_label

    def of(self, part: Part, job: Job, outcome: BacktestOutcome, windows: Sequence[DayRange] = ()) -> Backtest:
        """Give the figures, computed from the trades, and keep trades and equity curve as blobs."""
        wallet = job.conditions.dry_run_wallet
        span = (wallet, outcome.backtest_start, outcome.backtest_end)
        curve = equity_curve(outcome.trades, *span)
        figures = figures_of(
            outcome,
            measure(outcome.trades, *span),
            dataset=job.conditions.dataset,
            data_label=self._data_label,
            is_out_of_sample=part in OUT_OF_SAMPLE,
        )
        labels: dict[str, Any] = {"part": part.value}
        if part is Part.WALK_FORWARD:
            labels["windows"] = list(window_figures(outcome.trades, wallet, windows))
        blobs = {
            TRADES: self._blobs.put(orjson.dumps([asdict(trade) for trade in outcome.trades])),
            EQUITY_CURVE: self._blobs.put(orjson.dumps(asdict(curve))),
        }
        return Backtest(part, job, outcome, {**figures, **labels}, blobs)


class BacktesterWorker(EvaluationWorker):
    """Backtests each part of the days by itself; scores come from the days that nothing was chosen on.

    ``division`` gives how the days are divided now; ``name_of_result`` finds a strategy with the same list of trades.
    With ``wants_opinions`` a model is asked for its opinion of a strategy's first backtest.
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
        division: Callable[[], Division],
        data_label: str,
        name_of_result: Callable[[str], str | None],
        wants_opinions: bool = False,
    ) -> None:
        super().__init__(equipment, engine, is_engine_ready, blobs, conditions, limits)
        self._wants_opinions = wants_opinions
        self._division = division
        self._backtests = Backtests(blobs, data_label)
        self._name_of_result = name_of_result

    def handle(self, claim: Claim) -> None:
        """Backtest the strategy and record the figures with their consequence."""
        strategy = self.strategy_of(claim)
        if strategy.is_retired:
            self.call_off(claim, strategy)
            return
        division = self._division()
        ended: list[Backtest] = []
        for part, days in division.parts():
            job = self.begin(claim, strategy, self._run_over(claim, strategy, part, days))
            try:
                outcome = accepted(self._engine.backtest(job, self._hear(claim, strategy, part, job)))
            except BrokenStrategy as error:
                self._retire(claim, job, error.findings, ended)
                return
            ended.append(self._backtests.of(part, job, outcome, division.windows))
        self.factory.transact(lambda: self._decide(claim, ended), claim)
        best = headline([each.result for each in ended])
        self.log.info(
            "backtested",
            EVENT=Strategy.Backtested.TOPIC,
            RUN_ID=best.run_id,
            strategy=strategy.name,
            part=best.part.value,
            trades=best.figures["total_trades"],
            sharpe_daily=best.figures["sharpe_daily"],
            seconds=round(sum(each.outcome.seconds for each in ended), 2),
        )

    def run_ids(self, claim: Claim) -> Iterable[str]:
        """Give the ids of the runs over each part."""
        return [_run_id(claim, part) for part in Part]

    def _run_over(self, claim: Claim, strategy: Strategy, part: Part, days: DayRange) -> Run:
        conditions = self._conditions if part is Part.WHOLE else replace(self._conditions, timerange=days.timerange)
        return Run(_run_id(claim, part), conditions, self._parameters_of(strategy))

    def _hear(self, claim: Claim, strategy: Strategy, part: Part, job: Job) -> Any:
        over = "" if part is Part.WHOLE else f" ({part.in_words})"
        return self.report(claim, f"backtesting {strategy.name}{over}", lambda stage: self.entered(claim, job, stage))

    def _decide(self, claim: Claim, ended: Sequence[Backtest]) -> Iterable[Recorded]:
        strategy = self.factory.get(Strategy, UUID(claim.subject))
        stamp = self.factory.stamp(claim, correlation=str(strategy.id))
        runs = self._completed(ended, stamp)
        results = [each.result for each in ended]
        best = headline(results)
        strategy.record_backtest(best.run_id, best.timerange, best.result_hash, joined_figures(results), stamp)
        if self._wants_opinions and not strategy.opinions:
            strategy.request_opinion(best.run_id, stamp)
        twin = None if best.is_empty else self._name_of_result(best.result_hash)
        if twin is not None and twin != strategy.name:
            strategy.note_twin(twin, best.result_hash, stamp)
        return [*runs, strategy]

    def _completed(self, ended: Iterable[Backtest], stamp: Stamp) -> list[Evaluation]:
        runs = []
        for each in ended:
            run = self.factory.get(Evaluation, Evaluation.id_of(each.job.run_id))
            each.complete(run, stamp)
            runs.append(run)
        return runs

    def _retire(self, claim: Claim, job: Job, findings: Sequence[Finding], ended: Sequence[Backtest]) -> None:
        self.factory.transact(lambda: self._broken(claim, job, findings, ended), claim)
        self.log.warning("broken", EVENT=Strategy.Retired.TOPIC, RUN_ID=job.run_id, findings=in_words(findings))

    def _broken(
        self, claim: Claim, job: Job, findings: Sequence[Finding], ended: Sequence[Backtest]
    ) -> Iterable[Recorded]:
        run = self.factory.get(Evaluation, Evaluation.id_of(job.run_id))
        strategy = self.factory.get(Strategy, UUID(claim.subject))
        stamp = self.factory.stamp(claim, correlation=str(strategy.id))
        before = self._completed(ended, stamp)
        run.fail("broken strategy", findings, stamp)
        evidence = as_evidence(findings, job.run_id)
        strategy.retire(Reason.BROKEN, in_words(findings), stamp, evidence)
        return [*before, run, strategy]


def _run_id(claim: Claim, part: Part) -> str:
    """Give the id of a task's run over a part; over the whole it is the only run of its task."""
    return Evaluation.run_id_of(claim.key if part is Part.WHOLE else f"{claim.key}/{part}")
