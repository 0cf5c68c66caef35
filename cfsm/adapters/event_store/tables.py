"""The tables of an event store, in SQL that SQLite and PostgreSQL share."""

VERSION = 1
"""The version of these tables. A store of a higher one was made by a newer CFSM and is refused."""

STORE = "cfsm:store"
"""Under this name the tracking table keeps that version, where the database has no better place for it."""

CREATE = [
    "CREATE TABLE {schema}stored_events ("
    "id {bigint} PRIMARY KEY, originator_id TEXT NOT NULL, originator_version {bigint} NOT NULL, "
    "topic TEXT NOT NULL, state {bytes} NOT NULL, UNIQUE (originator_id, originator_version)){strict}",
    "CREATE TABLE {schema}chain (id {bigint} PRIMARY KEY, link {bytes} NOT NULL){strict}",
    "CREATE TABLE {schema}tracking (name TEXT PRIMARY KEY, position {bigint} NOT NULL){strict}",
    "CREATE TABLE {schema}task ("
    "key TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, "
    "cause_id {bigint} NOT NULL, cause_name TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'open', "
    "owner TEXT NOT NULL DEFAULT '', era TEXT NOT NULL DEFAULT '', lease {real} NOT NULL DEFAULT 0, "
    "attempt {bigint} NOT NULL DEFAULT 0, tries {bigint} NOT NULL DEFAULT 0, "
    "progress TEXT NOT NULL DEFAULT ''){strict}",
    "CREATE INDEX task_open ON {schema}task (kind, cause_id) WHERE state = 'open'",
    "CREATE INDEX task_not_done ON {schema}task (cause_id, key) WHERE state <> 'done'",
]
"""The statements that make the tables. Ids rise by one without a gap; an originator's id is 32 hex digits. The ids are
a column of their own, so that VACUUM and a dump keep them."""

EVENT_COLUMNS = "id, originator_id, originator_version, topic, state"
CHAIN_COLUMNS = "id, link"
TRACKING_COLUMNS = "name, position"
TASK_COLUMNS = "key, kind, subject, cause_id, cause_name, state, owner, era, lease, attempt, tries, progress"

RELEASE_LEASES = "UPDATE {schema}task SET owner = '', era = '', lease = 0"
"""The statement after which nobody holds a task: leases are times of one machine's clock."""


def insert(table: str, columns: str) -> str:
    """Give the statement that inserts one row of these columns."""
    return f"INSERT INTO {{schema}}{table} ({columns}) VALUES ({', '.join('?' * (columns.count(',') + 1))})"
