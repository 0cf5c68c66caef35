"""Rows of one table, held in memory while a page of events is folded and written together at its end."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, Generic, TypeVar, get_args, get_type_hints

KEPT_ROWS = 2_000
"""How many rows that were folded lately stay in memory after their page is written."""

Row = TypeVar("Row")

_SQL_TYPES: Mapping[type, str] = {str: "TEXT", int: "INTEGER", float: "REAL"}


class Table(Generic[Row]):
    """A table whose columns are the fields of a dataclass (text, whole numbers, floats; None where allowed).

    The first field is the key. ``indexes`` names columns that are looked up.
    """

    def __init__(self, name: str, row: type[Row], indexes: Sequence[str] = ()) -> None:
        self._row = row
        self._values: Callable[[Row], tuple[Any, ...]] = attrgetter(*(field.name for field in fields(row)))  # type: ignore[arg-type]  # a row is a dataclass
        self._clean: dict[str, Row] = {}
        self._touched: dict[str, Row] = {}
        self._connection: sqlite3.Connection | None = None
        columns = _columns(row)
        self._key = next(iter(columns))
        self.ddl = _ddl(name, columns, self._key, indexes)
        self._select, self._upsert = _select(name, columns, self._key), _upsert(name, columns, self._key)

    def bind(self, connection: sqlite3.Connection) -> None:
        """Read and write through this connection from now on."""
        self._connection = connection
        self.forget()

    def put(self, row: Row) -> None:
        """Keep a row: a new one, or one instead of that with the same key."""
        self._touched[getattr(row, self._key)] = row

    def change(self, key: str) -> Row | None:
        """Give the row with this key, to be changed in place; None if there is none."""
        row = self._touched.get(key)
        if row is None:
            row = self._clean.get(key) or self._load(key)
            if row is not None:
                self._touched[key] = row
        return row

    def write(self) -> None:
        """Write what was put or changed."""
        if not self._touched:
            return
        assert self._connection is not None, "a table is bound before it is written"
        self._connection.executemany(self._upsert, map(self._values, self._touched.values()))
        if len(self._clean) + len(self._touched) > KEPT_ROWS:
            self._clean = dict(list(self._touched.items())[-KEPT_ROWS:])
        else:
            self._clean.update(self._touched)
        self._touched = {}

    def forget(self) -> None:
        """Drop all rows in memory: what the database holds counts."""
        self._clean, self._touched = {}, {}

    def _load(self, key: str) -> Row | None:
        assert self._connection is not None, "a table is bound before it is read"
        found = self._connection.execute(self._select, (key,)).fetchone()
        return None if found is None else self._row(*found)


def _columns(row: type[Any]) -> dict[str, str]:
    hints = get_type_hints(row)
    return {field.name: _column_type(hints[field.name]) for field in fields(row)}


def _column_type(hint: Any) -> str:
    inner = [each for each in get_args(hint) if each is not type(None)]
    return _SQL_TYPES[inner[0]] if inner else f"{_SQL_TYPES[hint]} NOT NULL"


def _ddl(name: str, columns: Mapping[str, str], key: str, indexes: Sequence[str]) -> list[str]:
    listed = ", ".join(f"{column} {kind}{' PRIMARY KEY' if column == key else ''}" for column, kind in columns.items())
    return [
        f"CREATE TABLE {name} ({listed}) STRICT",
        *(f"CREATE INDEX {name}_by_{column} ON {name} ({column})" for column in indexes),
    ]


def _select(name: str, columns: Mapping[str, str], key: str) -> str:
    return f"SELECT {', '.join(columns)} FROM {name} WHERE {key} = ?"


def _upsert(name: str, columns: Mapping[str, str], key: str) -> str:
    places = ", ".join("?" * len(columns))
    changes = ", ".join(f"{column} = excluded.{column}" for column in columns if column != key)
    return f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({places}) ON CONFLICT ({key}) DO UPDATE SET {changes}"
