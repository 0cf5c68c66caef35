"""Moves an event store from one database to another: the same ids, links, positions and tasks."""

from collections.abc import Iterator
from typing import Any

from cfsm.adapters.event_store.database import Cursor, Database
from cfsm.adapters.event_store.tables import (
    CHAIN_COLUMNS,
    EVENT_COLUMNS,
    RELEASE_LEASES,
    STORE,
    TASK_COLUMNS,
    TRACKING_COLUMNS,
    insert,
)
from cfsm.application.errors import Misconfigured
from cfsm.application.progress import Progress

PAGE = 2_000


def copy_log(source: Database, target: Database, progress: Progress) -> None:
    """Copy everything into an empty store, as it is at one moment, in one transaction.

    Nobody holds a task afterwards: leases are times of the source's clock. Raise Misconfigured if the target is not
    empty, TryAgain or Misconfigured if one of them fails; then the target is as it was.
    """
    with source.snapshot() as reading, target.transaction() as writing:
        writing.execute(target.sql("SELECT count(*) FROM {schema}stored_events"))
        if writing.fetchone()[0]:
            raise Misconfigured(f"the event store {target.place} is not empty: choose another, or move it away")
        reading.execute(source.sql("SELECT count(*) FROM {schema}stored_events"))
        whole = reading.fetchone()[0]
        done = 0
        for page in _pages(source, reading, "stored_events", EVENT_COLUMNS, first=0):
            writing.executemany(target.sql(insert("stored_events", EVENT_COLUMNS)), page)
            done += len(page)
            progress("events copied", done, whole)
        for page in _pages(source, reading, "chain", CHAIN_COLUMNS, first=0):
            writing.executemany(target.sql(insert("chain", CHAIN_COLUMNS)), page)
        for page in _pages(source, reading, "tracking", TRACKING_COLUMNS, first=""):
            rows = [row for row in page if row[0] != STORE]  # the target has its own
            writing.executemany(target.sql(insert("tracking", TRACKING_COLUMNS)), rows)
        for page in _pages(source, reading, "task", TASK_COLUMNS, first=""):
            writing.executemany(target.sql(insert("task", TASK_COLUMNS)), page)
        writing.execute(target.sql(RELEASE_LEASES))


def _pages(source: Database, cursor: Cursor, table: str, columns: str, first: Any) -> Iterator[list[tuple[Any, ...]]]:
    key = columns.partition(",")[0]
    after = first
    while True:
        statement = f"SELECT {columns} FROM {{schema}}{table} WHERE {key} > ? ORDER BY {key} LIMIT {PAGE}"
        cursor.execute(source.sql(statement), (after,))
        page = cursor.fetchmany(PAGE)
        if not page:
            return
        yield page
        after = page[-1][0]
