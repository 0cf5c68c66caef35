import sqlite3
from dataclasses import dataclass

import pytest

from cfsm.projections.table import KEPT_ROWS, Table


@dataclass(slots=True)
class Row:
    id: str
    count: int
    share: float | None = None


@pytest.fixture
def connection():
    with sqlite3.connect(":memory:", isolation_level=None) as connection:
        yield connection
    connection.close()


def table_in(connection):
    table = Table("things", Row, ("count",))
    for statement in table.ddl:
        connection.execute(statement)
    table.bind(connection)
    return table


def stored(connection):
    return connection.execute("SELECT * FROM things ORDER BY id").fetchall()


def test_rows_are_in_the_database_only_when_they_are_written(connection):
    table = table_in(connection)
    table.put(Row("a", 1, 0.5))
    table.put(Row("b", 2))
    assert stored(connection) == []

    table.write()

    assert stored(connection) == [("a", 1, 0.5), ("b", 2, None)]


def test_a_row_is_changed_in_place_whether_it_is_in_memory_or_not(connection):
    table = table_in(connection)
    table.put(Row("a", 1))
    table.change("a").count += 1
    table.write()
    table.change("a").count += 1
    table.write()
    table.forget()

    table.change("a").count += 1
    table.write()

    assert stored(connection) == [("a", 4, None)]


def test_changing_what_is_not_there_gives_none_and_writes_nothing(connection):
    table = table_in(connection)

    assert table.change("nobody") is None
    table.write()

    assert stored(connection) == []


def test_a_row_put_again_takes_the_place_of_the_one_before(connection):
    table = table_in(connection)
    table.put(Row("a", 1, 0.5))
    table.write()

    table.put(Row("a", 7))
    table.write()

    assert stored(connection) == [("a", 7, None)]


def test_what_is_forgotten_was_never_written(connection):
    table = table_in(connection)
    table.put(Row("a", 1))
    table.write()
    table.change("a").count = 99
    table.put(Row("b", 1))

    table.forget()
    table.write()

    assert stored(connection) == [("a", 1, None)]
    assert table.change("a").count == 1


def test_rows_beyond_the_bound_leave_memory_and_come_back_from_the_database(connection):
    table = table_in(connection)
    for number in range(KEPT_ROWS + 10):
        table.put(Row(f"{number:06}", number))
    table.write()

    assert len(table._clean) == KEPT_ROWS
    assert table.change("000000") == Row("000000", 0)


def test_a_column_without_none_refuses_none(connection):
    table = table_in(connection)
    table.put(Row("a", None))

    with pytest.raises(sqlite3.IntegrityError):
        table.write()


def test_indexes_are_made_for_the_columns_that_are_looked_up(connection):
    table_in(connection)

    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").fetchall()

    assert names == [("things_by_count",)]
