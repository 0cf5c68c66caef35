"""A cleaning requested -> the old, the weak and the surplus are retired."""

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar
from uuid import UUID

from cfsm.application.tasks import Claim, TaskKind
from cfsm.domain.aggregate import Recorded
from cfsm.domain.housekeeping import Cleaning
from cfsm.domain.retention import RetentionRules, Retirement, Summary, to_retire
from cfsm.domain.strategy import Strategy
from cfsm.workers.base import Equipment, TaskWorker


class CleanerWorker(TaskWorker):
    """Cleans house: all that a cleaning retires, and that it is done, is one transaction."""

    name: ClassVar[str] = "cleaner"
    kinds: ClassVar[tuple[TaskKind, ...]] = (TaskKind.CLEAN,)
    subject_field: ClassVar[str] = "CLEANING_ID"

    def __init__(self, equipment: Equipment, rules: RetentionRules, summaries: Callable[[], Sequence[Summary]]) -> None:
        super().__init__(equipment)
        self._rules = rules
        self._summaries = summaries

    def handle(self, claim: Claim) -> None:
        """Retire what the rules say and record it with what was done."""
        retired: list[Strategy] = []
        self.factory.transact(lambda: self._decide(claim, retired), claim)
        for strategy in retired:
            self.log.info(
                "retired",
                EVENT=Strategy.Retired.TOPIC,
                STRATEGY_ID=strategy.id.hex,
                CORRELATION_ID=str(strategy.id),
                strategy=strategy.name,
                reason=strategy.retired_because,
            )

    def _decide(self, claim: Claim, retired: list[Strategy]) -> Iterable[Recorded]:
        stamp = self.factory.stamp(claim)
        summaries = self._summaries()
        found = [self._retire(claim, each) for each in to_retire(summaries, self._rules, stamp.at)]
        retired[:] = [strategy for strategy in found if strategy.pending_events]
        names = [strategy.name for strategy in retired]
        cleaning = self.factory.get(Cleaning, UUID(claim.subject))
        cleaning.finish(names, len(summaries) - len(found), stamp)
        return [*retired, cleaning]

    def _retire(self, claim: Claim, retirement: Retirement) -> Strategy:
        self.tick(claim, f"retiring {retirement.name}")
        strategy = self.factory.get(Strategy, Strategy.id_of(retirement.name))
        stamp = self.factory.stamp(claim, correlation=str(strategy.id))
        strategy.retire(retirement.reason, retirement.detail, stamp, retirement.evidence)
        return strategy
