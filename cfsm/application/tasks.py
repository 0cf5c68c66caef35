"""Tasks: what is due, who has claimed it, and the errors of claiming."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cfsm.domain.forward_test import ForwardTest
from cfsm.domain.generation import Generation
from cfsm.domain.housekeeping import Cleaning
from cfsm.domain.log import LogEntry
from cfsm.domain.strategy import Strategy


class TaskKind(StrEnum):
    """What a task asks of a worker."""

    GENERATE = "generate"
    VALIDATE = "validate"
    BACKTEST = "backtest"
    OPINION = "opinion"
    OPTIMIZE = "optimize"
    CLEAN = "clean"
    FORWARD_TEST = "forward_test"


class TaskState(StrEnum):
    """Whether a task still wants doing."""

    OPEN = "open"
    DONE = "done"
    PARKED = "parked"


class LeaseLost(Exception):
    """Another worker has the task now, or it is closed: what this one did for it is not recorded."""


@dataclass(frozen=True)
class Task:
    """Something due: its key is a pure function of the event that asks for it."""

    key: str
    kind: str
    subject: str
    cause_id: int
    cause_name: str


@dataclass(frozen=True)
class Claim(Task):
    """A task that a worker holds. ``attempt`` is its fencing token; ``tries`` counts since it was last released."""

    attempt: int
    tries: int


@dataclass(frozen=True)
class Settling:
    """How a claim ends, in the transaction of the events that are its effect."""

    key: str
    attempt: int
    state: TaskState


@dataclass(frozen=True)
class Releasing:
    """A parked task is opened again, in the transaction of the event that says so."""

    key: str


POLICY: Mapping[str, TaskKind] = {
    Generation.Requested.TOPIC: TaskKind.GENERATE,
    Strategy.Generated.TOPIC: TaskKind.VALIDATE,
    Strategy.Validated.TOPIC: TaskKind.BACKTEST,
    Strategy.BacktestRequested.TOPIC: TaskKind.BACKTEST,
    Strategy.OpinionRequested.TOPIC: TaskKind.OPINION,
    Strategy.OptimizationRequested.TOPIC: TaskKind.OPTIMIZE,
    Strategy.Optimized.TOPIC: TaskKind.BACKTEST,
    Cleaning.Requested.TOPIC: TaskKind.CLEAN,
    ForwardTest.Requested.TOPIC: TaskKind.FORWARD_TEST,
}
"""Which event asks for what: the whole process, in one table."""


def planned(entries: Iterable[LogEntry], policy: Mapping[str, TaskKind] = POLICY) -> list[Task]:
    """Give the tasks that these entries ask for."""
    return [
        Task(
            key=f"{policy[entry.topic]}/{entry.originator_id}/{entry.originator_version}",
            kind=policy[entry.topic],
            subject=entry.originator_id,
            cause_id=entry.id,
            cause_name=entry.name,
        )
        for entry in entries
        if entry.topic in policy
    ]
