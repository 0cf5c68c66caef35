"""What CFSM adds to the library's tables, in SQL that SQLite and PostgreSQL share: the chain and the tasks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from eventsourcing.persistence import IntegrityError, Tracking

from cfsm.application.tasks import (
    Claim,
    LeaseLost,
    Releasing,
    Settling,
    TaskKind,
    planned,
)
from cfsm.domain.chain import START, ChainReport, link, verify
from cfsm.domain.log import LogEntry, pages

TRACKING = "factory:tasks"
PAGE = 5_000

CREATE = [
    "CREATE TABLE IF NOT EXISTS {schema}chain (id BIGINT PRIMARY KEY, link {bytes} NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {schema}task ("
    "key TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, "
    "cause_id BIGINT NOT NULL, cause_name TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'open', "
    "owner TEXT NOT NULL DEFAULT '', era TEXT NOT NULL DEFAULT '', lease DOUBLE PRECISION NOT NULL DEFAULT 0, "
    "attempt BIGINT NOT NULL DEFAULT 0, tries BIGINT NOT NULL DEFAULT 0, progress TEXT NOT NULL DEFAULT '')",
    "CREATE INDEX IF NOT EXISTS task_open ON {schema}task (kind, cause_id) WHERE state = 'open'",
]
"""The statements that make the tables. A lease is a time of the store's lease clock in its ``era``: a lease of
another era (the machine was started anew) is no lease."""


class Tables:
    """The chain and the task table of an event store.

    ``transaction(commit)`` opens the recorder's transaction and gives its cursor; ``sql`` turns ``?`` and the
    ``{schema}`` of a statement into what the database wants; ``lease_time(cursor)`` gives the era and the seconds
    of the store's lease clock, which no change of the wall clock moves.
    """

    def __init__(
        self,
        transaction: Callable[[bool], AbstractContextManager[Any]],
        sql: Callable[[str], str],
        lease_time: Callable[[Any], tuple[str, float]],
        skip_locked: str = "",
    ) -> None:
        self._transaction = transaction
        self._sql = sql
        self._lease_time = lease_time
        self._skip_locked = skip_locked

    # The chain

    def chain(self, cursor: Any, entries: Sequence[LogEntry]) -> None:
        """Link these new entries, in the transaction that records them."""
        cursor.execute(self._sql("SELECT link FROM {schema}chain ORDER BY id DESC LIMIT 1"))
        row = cursor.fetchone()
        before = bytes(row["link"]) if row else START
        for entry in entries:
            before = link(before, entry)
            cursor.execute(self._sql("INSERT INTO {schema}chain VALUES (?, ?)"), (entry.id, before))

    def head(self) -> tuple[int, str]:
        """Give the id of the last linked entry and its link in hex; (0, "") for an empty log."""
        with self._transaction(False) as cursor:
            cursor.execute(self._sql("SELECT id, link FROM {schema}chain ORDER BY id DESC LIMIT 1"))
            row = cursor.fetchone()
        return (row["id"], bytes(row["link"]).hex()) if row else (0, "")

    def verify(self, read: Callable[[int, int], Sequence[LogEntry]]) -> ChainReport:
        """Hold the log, as far as it goes now, against the chain."""
        last, _ = self.head()
        return verify(pages(read, last), self._links(last))

    def _links(self, last: int) -> Iterator[tuple[int, bytes]]:
        after = 0
        while True:
            with self._transaction(False) as cursor:
                cursor.execute(
                    self._sql("SELECT id, link FROM {schema}chain WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"),
                    (after, last, PAGE),
                )
                rows = [(row["id"], bytes(row["link"])) for row in cursor.fetchall()]
            if not rows:
                return
            yield from rows
            after = rows[-1][0]

    # The tasks

    def settle(self, cursor: Any, change: Settling | Releasing) -> None:
        """Close or open a task in the transaction of its events. Raise LeaseLost: then nothing is recorded."""
        if isinstance(change, Settling):
            cursor.execute(
                self._sql(
                    "UPDATE {schema}task SET state = ?, progress = '' "
                    "WHERE key = ? AND attempt = ? AND state = 'open' RETURNING key"
                ),
                (change.state.value, change.key, change.attempt),
            )
        else:
            cursor.execute(
                self._sql(
                    "UPDATE {schema}task SET state = 'open', tries = 0, lease = 0, owner = '' "
                    "WHERE key = ? AND state = 'parked' RETURNING key"
                ),
                (change.key,),
            )
        if cursor.fetchone() is None:
            raise LeaseLost(change.key)

    def plan(
        self,
        read: Callable[[int, int], Sequence[LogEntry]],
        position: Callable[[], int],
        track: Callable[[Any, Tracking], None],
        policy: Mapping[str, TaskKind],
    ) -> int:
        """Plan what new entries ask for, one transaction a page; a page that a peer planned is skipped."""
        looked_at = 0
        while entries := read(position(), PAGE):
            tasks = planned(entries, policy)
            try:
                with self._transaction(True) as cursor:
                    track(cursor, Tracking(TRACKING, entries[-1].id))
                    for task in tasks:
                        cursor.execute(
                            self._sql(
                                "INSERT INTO {schema}task (key, kind, subject, cause_id, cause_name) "
                                "VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING"
                            ),
                            (task.key, task.kind, task.subject, task.cause_id, task.cause_name),
                        )
            except IntegrityError:
                continue  # a peer was faster
            looked_at += len(entries)
        return looked_at

    def claim(self, kinds: Sequence[str], owner: str, lease_seconds: float) -> Claim | None:
        """Claim the oldest due task of these kinds, or give None."""
        due = f"state = 'open' AND (era <> ? OR lease < ?) AND kind IN ({', '.join('?' * len(kinds))})"
        with self._transaction(False) as cursor:  # most looks find nothing: a reader waits for nobody
            era, now = self._lease_time(cursor)
            cursor.execute(self._sql(f"SELECT 1 FROM {{schema}}task WHERE {due} LIMIT 1"), (era, now, *kinds))
            if cursor.fetchone() is None:
                return None
        with self._transaction(True) as cursor:
            era, now = self._lease_time(cursor)
            cursor.execute(
                self._sql(
                    "UPDATE {schema}task SET owner = ?, era = ?, lease = ?, attempt = attempt + 1, tries = tries + 1 "
                    f"WHERE key = (SELECT key FROM {{schema}}task WHERE {due} "
                    f"ORDER BY cause_id LIMIT 1 {self._skip_locked}) AND state = 'open' "
                    "RETURNING key, kind, subject, cause_id, cause_name, attempt, tries"
                ),
                (owner, era, now + lease_seconds, era, now, *kinds),
            )
            row = cursor.fetchone()
        return Claim(**dict(row)) if row else None

    def renew(self, claim: Claim, lease_seconds: float, progress: str) -> None:
        """Hold the claim for longer. Raise LeaseLost."""
        with self._transaction(True) as cursor:
            era, now = self._lease_time(cursor)
            cursor.execute(
                self._sql(
                    "UPDATE {schema}task SET era = ?, lease = ?, progress = ? "
                    "WHERE key = ? AND attempt = ? AND state = 'open' RETURNING key"
                ),
                (era, now + lease_seconds, progress, claim.key, claim.attempt),
            )
            if cursor.fetchone() is None:
                raise LeaseLost(claim.key)

    def put_back(self, claim: Claim, delay_seconds: float) -> None:
        """Make the task due again after the delay."""
        with self._transaction(True) as cursor:
            era, now = self._lease_time(cursor)
            cursor.execute(
                self._sql(
                    "UPDATE {schema}task SET owner = '', era = ?, lease = ?, progress = '' "
                    "WHERE key = ? AND attempt = ? AND state = 'open'"
                ),
                (era, now + delay_seconds, claim.key, claim.attempt),
            )

    def overview(self) -> list[dict[str, Any]]:
        """Give the tasks that are not done, oldest first; ``claimed`` says whether somebody holds it now."""
        with self._transaction(False) as cursor:
            era, now = self._lease_time(cursor)
            cursor.execute(
                self._sql(
                    "SELECT key, kind, subject, cause_id, state, owner, attempt, tries, progress, era, lease "
                    "FROM {schema}task WHERE state <> 'done' ORDER BY cause_id, key"
                )
            )
            rows = [dict(row) for row in cursor.fetchall()]
        for row in rows:
            row["claimed"] = bool(row["owner"]) and row.pop("era") == era and row.pop("lease") >= now
            row.pop("era", None), row.pop("lease", None)
        return rows
