"""Generated -> executed in the cage on real candles -> Validated, or Retired with the findings."""

from collections.abc import Iterable
from typing import ClassVar
from uuid import UUID

from cfsm.application.tasks import Claim, TaskKind
from cfsm.domain.aggregate import Recorded
from cfsm.domain.evaluation import Evaluation, Job, Kind, ValidationOutcome, Verdict
from cfsm.domain.strategy import Reason, Strategy
from cfsm.workers.evaluating import EvaluationWorker, as_evidence, in_words

REASONS = {Verdict.REJECTED: Reason.INVALID, Verdict.UNSAFE: Reason.UNSAFE}


class ValidatorWorker(EvaluationWorker):
    """Validates by executing; "validated" comes from nothing else."""

    name: ClassVar[str] = "validator"
    kinds: ClassVar[tuple[TaskKind, ...]] = (TaskKind.VALIDATE,)
    kind = Kind.VALIDATION

    def handle(self, claim: Claim) -> None:
        """Execute the strategy and record the verdict with its consequence."""
        strategy = self.strategy_of(claim)
        if strategy.is_retired:
            self.call_off(claim, strategy)
            return
        job = self.begin(claim, strategy)
        hear = self.report(claim, f"validating {strategy.name}", lambda stage: self.entered(claim, job, stage))
        outcome = self._engine.validate(job, hear)
        self.factory.transact(lambda: self._decide(claim, job, outcome), claim)
        self.log.info(
            "validated" if outcome.verdict is Verdict.ACCEPTED else "refused",
            EVENT=Evaluation.Completed.TOPIC,
            RUN_ID=job.run_id,
            strategy=strategy.name,
            verdict=outcome.verdict.value,
            findings=in_words(outcome.findings),
            seconds=round(outcome.seconds, 2),
        )

    def _decide(self, claim: Claim, job: Job, outcome: ValidationOutcome) -> Iterable[Recorded]:
        run = self.factory.get(Evaluation, Evaluation.id_of(job.run_id))
        strategy = self.factory.get(Strategy, UUID(claim.subject))
        stamp = self.factory.stamp(claim, correlation=str(strategy.id))
        run.complete(
            verdict=outcome.verdict.value,
            identity=outcome.identity,
            result_hash="",
            figures={
                "signals": dict(outcome.signals),
                "timeframe": outcome.timeframe,
                "can_short": outcome.can_short,
                "startup_candle_count": outcome.startup_candle_count,
            },
            findings=outcome.findings,
            blobs={},
            seconds=outcome.seconds,
            stamp=stamp,
        )
        if outcome.verdict is Verdict.ACCEPTED:
            strategy.record_validation(job.run_id, outcome.findings, stamp)
        else:
            evidence = as_evidence(outcome.findings, job.run_id)
            strategy.retire(REASONS[outcome.verdict], in_words(outcome.findings), stamp, evidence)
        return [run, strategy]
