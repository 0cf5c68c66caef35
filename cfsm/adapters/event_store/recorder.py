"""The recorder of an event store: appends to the log with its chain, reads it back, and keeps the tasks."""

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    InfrastructureFactory,
    Notification,
    StoredEvent,
)
from eventsourcing.utils import Environment, strtobool

from cfsm.adapters.event_store.database import Cursor, Database
from cfsm.adapters.event_store.errors import StoreDamaged
from cfsm.adapters.event_store.tables import CHAIN_COLUMNS, EVENT_COLUMNS, insert
from cfsm.adapters.event_store.task_table import TaskTable
from cfsm.application.tasks import Releasing, Settling
from cfsm.domain.chain import START, Break, ChainReport, link, verify
from cfsm.domain.log import LogEntry, pages

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


class Recorder(TaskTable, ApplicationRecorder):
    """Keeps the log, the chain and the tasks in one database: what belongs together is one transaction."""

    # Append

    def insert_events(
        self, stored_events: Sequence[StoredEvent], task: Settling | Releasing | None = None, **_: Any
    ) -> Sequence[int]:
        """Record events, their links and the task's change in one transaction; give the events' ids.

        Raise LeaseLost, IntegrityError (another process was faster), TryAgain or Misconfigured; then nothing is
        recorded.
        """
        with self.database.transaction() as cursor:
            if task is not None:
                self.settle(cursor, task)
            if not stored_events:
                return []
            self.database.lock_log(cursor)
            return self._append(cursor, stored_events)

    def _append(self, cursor: Cursor, events: Sequence[StoredEvent]) -> list[int]:
        last, before = self._ends(cursor)
        rows, links = [], []
        for place, event in enumerate(events, last + 1):
            originator_id = event.originator_id
            assert isinstance(originator_id, UUID), "CFSM's ids are UUIDs"
            entry = LogEntry(place, originator_id.hex, event.originator_version, event.topic, event.state)
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

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Give an aggregate's stored events, as the library's repository asks for them."""
        assert isinstance(originator_id, UUID), "CFSM's ids are UUIDs"
        rows = self.database.query(_STREAM, (originator_id.hex,))
        events = [
            StoredEvent(originator_id, version, topic, state)
            for _, _, version, topic, state in rows
            if (gt is None or version > gt) and (lte is None or version <= lte)
        ]
        return (events[::-1] if desc else events)[:limit]

    def max_notification_id(self) -> int | None:
        """Give the id of the last entry, None for an empty log."""
        return self.head() or None

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Refuse: the log is read with ``read``."""
        raise NotImplementedError("the log is read with `read`")

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> NoReturn:
        """Refuse: the log is followed with a bell and ``read``."""
        raise NotImplementedError("the log is followed with a bell and `read`")

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


class StoreFactory(InfrastructureFactory[Any]):
    """Makes the recorder of a database, as the library's application asks for it."""

    def __init__(self, env: Environment, database: Database) -> None:
        super().__init__(env)
        self.database = database

    def application_recorder(self) -> Recorder:
        """Give the recorder, with its tables made unless ``CREATE_TABLE`` says no."""
        if strtobool(self.env.get("CREATE_TABLE") or "yes"):
            self.database.create()
        return Recorder(self.database)

    def aggregate_recorder(self, purpose: str = "events") -> NoReturn:
        """Refuse: CFSM takes no snapshots."""
        raise NotImplementedError(f"CFSM keeps no {purpose} of their own")

    def tracking_recorder(self, tracking_recorder_class: type[Any] | None = None) -> NoReturn:
        """Refuse: projections keep their own positions."""
        raise NotImplementedError("projections keep their own positions")

    def process_recorder(self) -> NoReturn:
        """Refuse: tasks are planned by the recorder itself."""
        raise NotImplementedError("tasks are planned by the recorder itself")

    def close(self) -> None:
        """Close the database's connections."""
        self.database.close()
