"""What the validator and the backtester share: a run is started or resumed, its stages recorded."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

import structlog

from cfsm.application.ports import Blobs, Engine
from cfsm.application.tasks import Claim
from cfsm.domain.aggregate import Recorded
from cfsm.domain.evaluation import Conditions, Evaluation, Finding, Job, Kind, Limits, Stage
from cfsm.domain.strategy import Strategy
from cfsm.workers.base import Equipment, TaskWorker

ENGINE_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Run:
    """One run of a task that has several: its id, its conditions, the text of its parameters; ``kind`` if another."""

    id: str
    conditions: Conditions
    parameters: str | None = None
    kind: Kind | None = None


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

    def fields_of(self, claim: Claim) -> Mapping[str, str]:
        """Give the fields of a task's records, the run's id among them: of several runs the present one's."""
        return {**super().fields_of(claim), "RUN_ID": Evaluation.run_id_of(claim.key)}

    def begin(self, claim: Claim, strategy: Strategy, run: Run | None = None) -> Job:
        """Record that the run starts, or goes on after an attempt that died, and give the engine's job.

        Without ``run`` it is the only one of its task.
        """
        while not self._is_engine_ready():
            self.tick(claim, "waiting for the forge")
            time.sleep(ENGINE_POLL_SECONDS)
        run = run or Run(Evaluation.run_id_of(claim.key), self._conditions, self._parameters_of(strategy))
        stamp = self.factory.stamp(claim, correlation=str(strategy.id))

        def decide() -> Iterable[Recorded]:
            evaluation = self.factory.find(Evaluation, Evaluation.id_of(run.id))
            if evaluation is None:
                evaluation = Evaluation.start(
                    run.id,
                    kind=run.kind or self.kind,
                    strategy_id=strategy.id,
                    strategy_name=strategy.name,
                    code_hash=strategy.code_hash,
                    conditions=run.conditions,
                    stamp=stamp,
                )
            else:
                evaluation.resume(run.conditions, stamp)
            return [evaluation]

        self.factory.transact(decide)
        structlog.contextvars.bind_contextvars(RUN_ID=run.id)  # until the task's records end
        return Job(
            run_id=run.id,
            strategy_name=strategy.name,
            source=self._blobs.get(strategy.code_hash),
            conditions=run.conditions,
            parameters=run.parameters,
            limits=replace(self._limits),
        )

    def _parameters_of(self, strategy: Strategy) -> str | None:
        """Give the text of the parameters that the strategy trades with; None for its own."""
        return self._blobs.get(strategy.parameters_hash).decode() if strategy.parameters_hash else None

    def run_ids(self, claim: Claim) -> Iterable[str]:
        """Give the ids of the runs that a task may have begun."""
        return [Evaluation.run_id_of(claim.key)]

    def call_off(self, claim: Claim, strategy: Strategy) -> None:
        """Close the task of a strategy that was retired meanwhile, and the runs that an attempt before began."""

        def decide() -> Iterable[Recorded]:
            runs = [self.factory.find(Evaluation, Evaluation.id_of(run_id)) for run_id in self.run_ids(claim)]
            begun = [run for run in runs if run is not None]
            stamp = self.factory.stamp(claim, correlation=str(strategy.id))
            for run in begun:
                run.fail("called off: the strategy was retired", (), stamp)
            return begun

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
