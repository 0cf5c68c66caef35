"""Health: how the factory is doing: the pipeline, what is parked, cleanings, and how much happened of what."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import ClassVar

import orjson

from cfsm.domain.evaluation import Evaluation
from cfsm.domain.generation import Generation
from cfsm.domain.housekeeping import Cleaning, ParkedTask
from cfsm.domain.lifecycle import State
from cfsm.domain.log import LogEntry
from cfsm.domain.strategy import Strategy
from cfsm.projections.base import Facts, Projection, View, handles
from cfsm.projections.facts import text_of

_topic = itemgetter(3)


@dataclass(slots=True)
class TopicRow:
    """How many events there were of a topic."""

    topic: str
    count: int


@dataclass(slots=True)
class LastRow:
    """The only row of its table: when the last event was recorded."""

    id: str
    at: str


@dataclass(slots=True)
class PipelineRow:
    """Where a strategy is."""

    id: str
    state: str


@dataclass(slots=True)
class ParkedRow:
    """A task that was set aside; ``is_parked`` is 0 once it was released."""

    id: str
    place: int
    key: str
    kind: str
    subject: str
    attempts: int
    error: str
    at: str
    is_parked: int = 1


@dataclass(slots=True)
class CleaningRow:
    """A cleaning; ``done_at`` is None until it is done."""

    id: str
    place: int
    why: str
    requested_at: str
    done_at: str | None = None
    retired: str = "[]"
    kept: int = 0


class Health(Projection):
    """Folds every event into counts, and housekeeping into lists."""

    name = "health"
    version = 1

    def __init__(self) -> None:
        super().__init__()
        self._topics = self.table("topics", TopicRow)
        self._last = self.table("last", LastRow)
        self._pipeline = self.table("pipeline", PipelineRow)
        self._parked = self.table("parked", ParkedRow)
        self._cleanings = self.table("cleanings", CleaningRow)

    def see(self, entries: Sequence[LogEntry]) -> None:
        """Count the page's topics, those without a handler too, and keep when its last event was recorded."""
        for topic, count in Counter(map(_topic, entries)).items():
            row = self._topics.change(topic) or TopicRow(topic, 0)
            row.count += count
            self._topics.put(row)
        self._last.put(LastRow("last", orjson.loads(entries[-1].state)["timestamp"]))

    @handles(Strategy.Generated)
    def _generated(self, entry: LogEntry, _: Facts) -> None:
        self._pipeline.put(PipelineRow(entry.originator_id, State.GENERATED.value))

    @handles(Strategy.Validated, Strategy.Backtested, Strategy.Optimized, Strategy.DryRunStarted, Strategy.Retired)
    def _moved(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._pipeline.change(entry.originator_id):
            row.state = facts["destination"]

    @handles(ParkedTask.Parked)
    def _task_parked(self, entry: LogEntry, facts: Facts) -> None:
        self._parked.put(
            ParkedRow(
                id=entry.originator_id,
                place=entry.id,
                key=facts["key"],
                kind=facts["kind"],
                subject=facts["subject"],
                attempts=facts["attempts"],
                error=facts["error"],
                at=facts["timestamp"],
            )
        )

    @handles(ParkedTask.ParkedAgain)
    def _task_parked_again(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._parked.change(entry.originator_id):
            row.is_parked, row.attempts, row.error = 1, facts["attempts"], facts["error"]
            row.at = facts["timestamp"]

    @handles(ParkedTask.Released)
    def _task_released(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._parked.change(entry.originator_id):
            row.is_parked, row.at = 0, facts["timestamp"]

    @handles(Cleaning.Requested)
    def _cleaning_requested(self, entry: LogEntry, facts: Facts) -> None:
        self._cleanings.put(
            CleaningRow(entry.originator_id, entry.id, why=facts["why"], requested_at=facts["timestamp"])
        )

    @handles(Cleaning.Done)
    def _cleaning_done(self, entry: LogEntry, facts: Facts) -> None:
        if row := self._cleanings.change(entry.originator_id):
            row.done_at, row.kept, row.retired = facts["timestamp"], facts["kept"], text_of(facts["retired"])


@dataclass(frozen=True)
class Parked:
    """A task that waits for a person: what it was to do, on what, how often it was tried, and the last error."""

    key: str
    kind: str
    subject: str
    attempts: int
    error: str
    at: str


@dataclass(frozen=True)
class CleaningInfo:
    """A cleaning: when it was asked for and why, when it was done (None: not yet), and what it retired."""

    requested_at: str
    why: str
    done_at: str | None
    retired: Sequence[str]
    kept: int


@dataclass(frozen=True)
class Outcomes:
    """How many of something were asked for, came to their end, failed; the others are under way."""

    requested: int
    concluded: int
    failed: int

    @property
    def under_way(self) -> int:
        """How many have not ended."""
        return self.requested - self.concluded - self.failed


class HealthView(View):
    """Answers how the factory is doing."""

    projection: ClassVar[type[Projection]] = Health

    def pipeline(self) -> Mapping[State, int]:
        """Give how many strategies are in each state, in the order of the lifecycle."""
        counts = dict(self._source.rows("SELECT state, count(*) FROM pipeline GROUP BY state"))
        return {state: counts.get(state.value, 0) for state in State}

    def parked(self) -> list[Parked]:
        """Give the tasks that wait for a person, the oldest first."""
        columns = ", ".join(Parked.__dataclass_fields__)
        sql = f"SELECT {columns} FROM parked WHERE is_parked ORDER BY place"
        return [Parked(*row) for row in self._source.rows(sql)]

    def cleanings(self, limit: int | None = None) -> list[CleaningInfo]:
        """Give the cleanings, the newest first."""
        rows = self._source.rows(
            "SELECT requested_at, why, done_at, retired, kept FROM cleanings ORDER BY place DESC LIMIT ?",
            -1 if limit is None else limit,
        )
        return [CleaningInfo(at, why, done, orjson.loads(retired), kept) for at, why, done, retired, kept in rows]

    def generations(self) -> Outcomes:
        """Give how many strategies were asked for, and what came of it."""
        counts = self.events_by_topic()
        topics = (Generation.Requested.TOPIC, Generation.Concluded.TOPIC, Generation.Failed.TOPIC)
        return Outcomes(*(counts.get(topic, 0) for topic in topics))

    def evaluations(self) -> Outcomes:
        """Give how many runs were begun, and what came of them."""
        counts = self.events_by_topic()
        topics = (Evaluation.Started.TOPIC, Evaluation.Completed.TOPIC, Evaluation.Failed.TOPIC)
        return Outcomes(*(counts.get(topic, 0) for topic in topics))

    def events_by_topic(self) -> Mapping[str, int]:
        """Give how many events there were of each topic, in the alphabet's order."""
        return dict(self._source.rows("SELECT topic, count FROM topics ORDER BY topic"))

    def last_event_at(self) -> str | None:
        """Give when the last event was recorded; None before the first."""
        rows = self._source.rows("SELECT at FROM last")
        return rows[0][0] if rows else None
