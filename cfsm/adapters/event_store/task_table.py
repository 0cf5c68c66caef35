"""The task table: what is due, who holds it for how long, and the fencing token of each attempt."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from cfsm.adapters.event_store.database import Cursor, Database
from cfsm.application.tasks import Claim, LeaseLost, Releasing, Settling, TaskKind, planned
from cfsm.domain.log import LogEntry

TRACKING = "factory:tasks"
PAGE = 5_000
MAX_PROGRESS_CHARACTERS = 500

_TRACK = (
    "INSERT INTO {schema}tracking (name, position) VALUES (?, ?) ON CONFLICT (name) DO UPDATE "
    "SET position = excluded.position WHERE tracking.position < excluded.position RETURNING position"
)
_TRACKED = "SELECT position FROM {schema}tracking WHERE name = ?"
_PLAN = (
    "INSERT INTO {schema}task (key, kind, subject, cause_id, cause_name) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (key) DO NOTHING"
)
_DUE = "state = 'open' AND (era <> ? OR lease < {now}) AND kind IN ({kinds})"
_IS_DUE = "SELECT 1 FROM {schema}task WHERE " + _DUE + " LIMIT 1"
_CLAIM = (
    "UPDATE {schema}task SET owner = ?, era = ?, lease = {now} + ?, attempt = attempt + 1, tries = tries + 1 "
    "WHERE key = (SELECT key FROM {schema}task WHERE " + _DUE + " ORDER BY cause_id LIMIT 1 {skip_locked}) "
    "AND state = 'open' RETURNING key, kind, subject, cause_id, cause_name, attempt, tries"
)
_HELD = " WHERE key = ? AND attempt = ? AND state = 'open' RETURNING key"
_RENEW = "UPDATE {schema}task SET era = ?, lease = {now} + ?, progress = ?" + _HELD
_PUT_BACK = "UPDATE {schema}task SET owner = '', era = ?, lease = {now} + ?, tries = tries - ?, progress = ''" + _HELD
_SETTLE = "UPDATE {schema}task SET state = ?, progress = ''" + _HELD
_RELEASE = (
    "UPDATE {schema}task SET state = 'open', tries = 0, lease = 0, owner = '' "
    "WHERE key = ? AND state = 'parked' RETURNING key"
)
_OVERVIEW = (
    "SELECT key, kind, subject, cause_id, state, owner, attempt, tries, progress, "
    "state = 'open' AND owner <> '' AND era = ? AND lease >= {now} "
    "FROM {schema}task WHERE state <> 'done' ORDER BY cause_id, key"
)
_OVERVIEW_FACTS = ("key", "kind", "subject", "cause_id", "state", "owner", "attempt", "tries", "progress")


class TaskTable(ABC):
    """The tasks of an event store. A lease is a time of the database's lease clock, which no wall clock moves."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._sql = database.sql

    @abstractmethod
    def read(self, after: int, limit: int) -> Sequence[LogEntry]:
        """Give up to ``limit`` entries of the log after the id ``after``."""

    def plan(self, policy: Mapping[str, TaskKind]) -> int:
        """Plan what new entries ask for, one transaction a page; give how many entries were looked at."""
        looked_at = 0
        while entries := self.read(self._planned_until(), PAGE):
            if self._plan_page(entries, policy):  # else a peer was faster
                looked_at += len(entries)
        return looked_at

    def _planned_until(self) -> int:
        rows = self.database.query(_TRACKED, (TRACKING,))
        return int(rows[0][0]) if rows else 0

    def _plan_page(self, entries: Sequence[LogEntry], policy: Mapping[str, TaskKind]) -> bool:
        tasks = planned(entries, policy)
        with self.database.transaction() as cursor:
            cursor.execute(self._sql(_TRACK), (TRACKING, entries[-1].id))
            if cursor.fetchone() is None:
                return False
            if tasks:
                rows = [(task.key, task.kind, task.subject, task.cause_id, task.cause_name) for task in tasks]
                cursor.executemany(self._sql(_PLAN), rows)
        return True

    def claim(self, kinds: Sequence[str], owner: str, lease_seconds: float) -> Claim | None:
        """Claim the oldest due task of these kinds, or give None."""
        marks = ", ".join("?" * len(kinds))
        era = self.database.era
        # Most looks find nothing: they are a reader's, which waits for nobody.
        if not self.database.query(_IS_DUE.replace("{kinds}", marks), (era, *kinds)):
            return None
        with self.database.transaction() as cursor:
            statement = self._sql(_CLAIM.replace("{kinds}", marks))
            cursor.execute(statement, (owner, era, lease_seconds, era, *kinds))
            row = cursor.fetchone()
        return Claim(*row) if row else None

    def renew(self, claim: Claim, lease_seconds: float, progress: str) -> None:
        """Hold the claim for longer. Raise LeaseLost."""
        words = progress[:MAX_PROGRESS_CHARACTERS]
        with self.database.transaction() as cursor:
            cursor.execute(self._sql(_RENEW), (self.database.era, lease_seconds, words, claim.key, claim.attempt))
            if cursor.fetchone() is None:
                raise LeaseLost(claim.key)

    def put_back(self, claim: Claim, delay_seconds: float, *, counted: bool = True) -> None:
        """Make the task due again after the delay; a lost lease is no matter. Not ``counted``, it was no try."""
        taken_back = 0 if counted else 1
        with self.database.transaction() as cursor:
            values = (self.database.era, delay_seconds, taken_back, claim.key, claim.attempt)
            cursor.execute(self._sql(_PUT_BACK), values)
            cursor.fetchone()

    def settle(self, cursor: Cursor, change: Settling | Releasing) -> None:
        """Close or open a task in the transaction of its events. Raise LeaseLost: then nothing is recorded."""
        if isinstance(change, Settling):
            cursor.execute(self._sql(_SETTLE), (change.state.value, change.key, change.attempt))
        else:
            cursor.execute(self._sql(_RELEASE), (change.key,))
        if cursor.fetchone() is None:
            raise LeaseLost(change.key)

    def overview(self) -> list[dict[str, Any]]:
        """Give the tasks that are not done, oldest first; ``claimed`` says whether somebody holds it now."""
        rows = self.database.query(_OVERVIEW, (self.database.era,))
        return [
            {**dict(zip(_OVERVIEW_FACTS, facts, strict=True)), "claimed": bool(claimed)} for *facts, claimed in rows
        ]
