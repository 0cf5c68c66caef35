"""What the validator and the backtester share: a run is started or resumed, its stages recorded."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

from cfsm.application.ports import Blobs, Engine
from cfsm.application.tasks import Claim
from cfsm.domain.aggregate import Recorded
from cfsm.domain.evaluation import Conditions, Evaluation, Finding, Job, Kind, Limits, Stage
from cfsm.domain.strategy import Strategy
from cfsm.workers.base import Equipment, TaskWorker

ENGINE_POLL_SECONDS = 0.2


class EvaluationWorker(TaskWorker):
    """A worker whose tasks are runs of an engine; it waits for an engine that is not ready yet."""

    kind: Kind

    def __init__(
        self,
        equipment: Equipment,
        engine: Engine,
        is_engine_ready: Callable[[], bool],
        blobs: Blobs,
        conditions: Conditions,
        limits: Limits,
    ) -> None:
        super().__init__(equipment)
        self._engine = engine
        self._is_engine_ready = is_engine_ready
        self._blobs = blobs
        self._conditions = conditions
        self._limits = limits

    def begin(self, claim: Claim, strategy: Strategy) -> Job:
        """Record that the run starts, or goes on after an attempt that died, and give the engine's job."""
        while not self._is_engine_ready():
            self.tick(claim, "waiting for the forge")
            time.sleep(ENGINE_POLL_SECONDS)
        run_id = Evaluation.run_id_of(claim.key)
        stamp = self.factory.stamp(claim, correlation=str(strategy.id))

        def decide() -> Iterable[Recorded]:
            run = self.factory.find(Evaluation, Evaluation.id_of(run_id))
            if run is None:
                run = Evaluation.start(
                    run_id,
                    kind=self.kind,
                    strategy_id=strategy.id,
                    strategy_name=strategy.name,
                    code_hash=strategy.code_hash,
                    conditions=self._conditions,
                    stamp=stamp,
                )
            else:
                run.resume(self._conditions, stamp)
            return [run]

        self.factory.transact(decide)
        parameters = self._blobs.get(strategy.parameters_hash).decode() if strategy.parameters_hash else None
        return Job(
            run_id=run_id,
            strategy_name=strategy.name,
            source=self._blobs.get(strategy.code_hash),
            conditions=self._conditions,
            parameters=parameters,
            limits=replace(self._limits),
        )

    def call_off(self, claim: Claim, strategy: Strategy) -> None:
        """Close the task of a strategy that was retired meanwhile, and the run that an attempt before began."""

        def decide() -> Iterable[Recorded]:
            run = self.factory.find(Evaluation, Evaluation.id_of(Evaluation.run_id_of(claim.key)))
            if run is None:
                return []
            stamp = self.factory.stamp(claim, correlation=str(strategy.id))
            run.fail("called off: the strategy was retired", (), stamp)
            return [run]

        self.factory.transact(decide, claim)
        self.log.info("called off: the strategy was retired", strategy=strategy.name)

    def entered(self, claim: Claim, job: Job, stage: Stage) -> None:
        """Record that the run entered a stage."""

        def decide() -> Iterable[Recorded]:
            run = self.factory.get(Evaluation, Evaluation.id_of(job.run_id))
            run.reach(stage, self.factory.stamp(claim, correlation=run.strategy_id))
            return [run]

        self.factory.transact(decide)

    def strategy_of(self, claim: Claim) -> Strategy:
        """Give the strategy that the task is about."""
        return self.factory.get(Strategy, UUID(claim.subject))


def as_evidence(findings: Iterable[Finding], run_id: str) -> Mapping[str, Any]:
    """Give findings as the evidence of a retirement."""
    return {"run_id": run_id, "findings": [asdict(finding) for finding in findings]}


def in_words(findings: Iterable[Finding]) -> str:
    """Give findings as one line."""
    return "; ".join(f"{finding.code}: {finding.message}" for finding in findings)
