"""All that a projection holds, for comparing two of them row by row."""

from typing import Any

from cfsm.projections.base import View


def dump(view: View) -> dict[str, list[tuple[Any, ...]]]:
    """Give every row of every table, the position included."""
    rows = view._source.rows
    tables = [name for (name,) in rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    return {table: rows(f"SELECT * FROM {table} ORDER BY 1") for table in tables}
