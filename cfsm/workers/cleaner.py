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
    """Cleans house. What it retires is retired one by one: a cleaning that died goes on where it was."""

    name: ClassVar[str] = "cleaner"
    kinds: ClassVar[tuple[TaskKind, ...]] = (TaskKind.CLEAN,)

    def __init__(self, equipment: Equipment, rules: RetentionRules, summaries: Callable[[], Sequence[Summary]]) -> None:
        super().__init__(equipment)
        self._rules = rules
        self._summaries = summaries

    def handle(self, claim: Claim) -> None:
        """Retire what the rules say, then record what was done."""
        summaries = self._summaries()
        stamp = self.factory.stamp(claim)
        retirements = to_retire(summaries, self._rules, stamp.at)
        for retirement in retirements:
            self.tick(claim, f"retiring {retirement.name}")
            self.factory.transact(lambda each=retirement: self._retire(claim, each))  # type: ignore[misc]  # bound now
            self.log.info(
                "retired", EVENT=Strategy.Retired.TOPIC, strategy=retirement.name, reason=retirement.reason.value
            )
        self.factory.transact(lambda: self._finish(claim, retirements, len(summaries)), claim)

    def _retire(self, claim: Claim, retirement: Retirement) -> Iterable[Recorded]:
        strategy = self.factory.get(Strategy, Strategy.id_of(retirement.name))
        stamp = self.factory.stamp(claim, correlation=str(strategy.id))
        strategy.retire(retirement.reason, retirement.detail, stamp, retirement.evidence)
        return [strategy]

    def _finish(self, claim: Claim, retirements: Sequence[Retirement], before: int) -> Iterable[Recorded]:
        cleaning = self.factory.get(Cleaning, UUID(claim.subject))
        names = [retirement.name for retirement in retirements]
        cleaning.finish(names, before - len(names), self.factory.stamp(claim))
        return [cleaning]
