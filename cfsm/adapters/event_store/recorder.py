"""The recorder of an event store: appends to the log with its chain, reads it back, and keeps the tasks."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from cfsm.adapters.event_store.database import Cursor
from cfsm.adapters.event_store.errors import StoreDamaged
from cfsm.adapters.event_store.tables import CHAIN_COLUMNS, EVENT_COLUMNS, insert
from cfsm.adapters.event_store.task_table import TaskTable
from cfsm.application.tasks import Releasing, Settling
from cfsm.domain.chain import START, Break, ChainReport, link, verify
from cfsm.domain.log import LogEntry, NewEntry, pages

PAGE = 5_000

_APPEND = insert("stored_events", EVENT_COLUMNS)
_LINK = insert("chain", CHAIN_COLUMNS)
_SELECT = f"SELECT {EVENT_COLUMNS} FROM {{schema}}stored_events WHERE "
_READ = _SELECT + "id > ? ORDER BY id LIMIT ?"
_STREAM = _SELECT + "originator_id = ? ORDER BY originator_version"
_HEAD = "SELECT max(id) FROM {schema}stored_events"
_LAST_LINK = "SELECT id, link FROM {schema}chain ORDER BY id DESC LIMIT 1"
_ENDS = "SELECT (SELECT max(id) FROM {schema}stored_events), id, link FROM {schema}chain ORDER BY id DESC LIMIT 1"
_SPAN = "SELECT min(id), max(id), (SELECT max(id) FROM {schema}chain) FROM {schema}stored_events"
_LINKS = "SELECT id, link FROM {schema}chain WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
_LINK_OF = "SELECT link FROM {schema}chain WHERE id = ?"


class Recorder(TaskTable):
    """Keeps the log, the chain and the tasks in one database: what belongs together is one transaction."""

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self.database.close()

    # Append

    def append(self, entries: Sequence[NewEntry], task: Settling | Releasing | None = None) -> Sequence[int]:
        """Record entries, their links and the task's change in one transaction; give the entries' ids.

        Raise LeaseLost, Conflict (another process was faster), TryAgain or Misconfigured; then nothing is recorded.
        """
        with self.database.transaction() as cursor:
            if task is not None:
                self.settle(cursor, task)
            if not entries:
                return []
            self.database.lock_log(cursor)
            return self._append(cursor, entries)

    def _append(self, cursor: Cursor, entries: Sequence[NewEntry]) -> list[int]:
        last, before = self._ends(cursor)
        rows, links = [], []
        for place, new in enumerate(entries, last + 1):
            entry = LogEntry(place, *new)
            before = link(before, entry)
            rows.append(entry)
            links.append((place, before))
        cursor.executemany(self._sql(_APPEND), rows)
        cursor.executemany(self._sql(_LINK), links)
        return [entry.id for entry in rows]

    def _ends(self, cursor: Cursor) -> tuple[int, bytes]:
        """Give the last id and link. Raise StoreDamaged where log and chain do not end at the same entry."""
        cursor.execute(self._sql(_ENDS))
        last, linked, before = cursor.fetchone() or (None, None, START)
        if linked is None:
            cursor.execute(self._sql(_HEAD))
            (last,) = cursor.fetchone()
        if last != linked:
            what = f"its last event is {last or 0}, the chain's last link is of {linked or 0} (`cfsm history verify`)"
            raise StoreDamaged(self.database.place, what)
        return last or 0, before

    # Read

    def read(self, after: int, limit: int) -> Sequence[LogEntry]:
        """Give up to ``limit`` entries after the id ``after``."""
        return list(map(LogEntry._make, self.database.query(_READ, (after, limit))))

    def stream(self, originator_id: UUID) -> Sequence[LogEntry]:
        """Give the entries of one aggregate."""
        return list(map(LogEntry._make, self.database.query(_STREAM, (originator_id.hex,))))

    def head(self) -> int:
        """Give the id of the last entry, 0 for an empty log."""
        return int(self.database.query(_HEAD)[0][0] or 0)

    # The chain

    def verify_chain(self) -> ChainReport:
        """Hold the log, as far as it goes now, against the chain."""
        first, last, linked = self.database.query(_SPAN)[0]
        if first is not None and first < 1:  # where no reader looks, but an aggregate's stream would show it
            return ChainReport(0, "", Break(first, "inserted"))
        until = max(last or 0, linked or 0)
        return verify(pages(self.read, until), self._links(until))

    def _links(self, until: int) -> Iterator[tuple[int, bytes]]:
        after = 0
        while rows := self.database.query(_LINKS, (after, until, PAGE)):
            yield from ((place, bytes(kept)) for place, kept in rows)
            after = rows[-1][0]

    def chain_head(self) -> tuple[int, str]:
        """Give the id of the last linked entry and its link in hex; (0, "") for an empty log."""
        rows = self.database.query(_LAST_LINK)
        return (rows[0][0], bytes(rows[0][1]).hex()) if rows else (0, "")

    def chain_link(self, entry_id: int) -> str:
        """Give the link of an entry in hex, "" where there is none: to be held against a head noted earlier."""
        rows = self.database.query(_LINK_OF, (entry_id,))
        return bytes(rows[0][0]).hex() if rows else ""
