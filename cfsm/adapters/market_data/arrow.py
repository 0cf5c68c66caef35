"""Candles from and to files by pyarrow, which takes 28 MB: imported by ``feather`` when a file is read or written."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc
from pyarrow import feather

from cfsm.adapters.market_data.candles import Candles, Floats, UnreadableFile
from cfsm.adapters.market_data.series import CandleType, Series


def read(path: Path, series: Series) -> Candles:
    """Read one file. Raise UnreadableFile."""
    try:
        table = feather.read_table(path, memory_map=False)
        return _candles(series, table)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:  # KeyError: a column twice
        raise UnreadableFile(f"is no readable feather file ({_one_line(error)})") from error


def write(folder: Path, candles: Candles) -> Path:
    """Write one file under the name that Freqtrade expects, and give its path."""
    columns = {"date": _array(candles.dates_ms, pa.timestamp("ms", tz="UTC"))}
    columns |= {name: _array(values, pa.float64()) for name, values in candles.columns.items()}
    table = pa.table(columns)
    path = folder / candles.series.file_name
    with pa.ipc.new_file(path, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as file:
        file.write_table(table)
    return path


def _candles(series: Series, table: pa.Table) -> Candles:
    source = _current_layout(series, table)
    missing = [name for name in ("date", *series.columns) if name not in source]
    if missing:
        raise UnreadableFile(f"lacks the columns {', '.join(missing)} (it has {', '.join(table.column_names)})")
    if not pa.types.is_timestamp(table.schema.field("date").type):
        raise UnreadableFile("has a column date that holds no timestamps")
    dates = table.column("date").cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64())
    if dates.null_count:
        raise UnreadableFile("has empty dates")
    columns = {name: _floats(table.column(source[name]), name) for name in series.columns}
    return Candles(series, _numpy(dates), columns)


def _current_layout(series: Series, table: pa.Table) -> dict[str, str]:
    """Map today's column names to the file's own; funding rates used to be stored as candles, in ``open``."""
    names = {name: name for name in table.column_names}
    if series.candle_type is CandleType.FUNDING_RATE and "funding_rate" not in names and "open" in names:
        names["funding_rate"] = "open"
    return names


def _floats(column: pa.ChunkedArray, name: str) -> Floats:
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise UnreadableFile(f"has a column {name} that holds no numbers")
    values = column.cast(pa.float64())
    return _numpy(values.fill_null(math.nan) if values.null_count else values)


# pyarrow's own conversions to and from numpy import pandas; these do not.


def _numpy(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    return np.from_dlpack(column.combine_chunks())


def _array(values: npt.NDArray[Any], kind: pa.DataType) -> pa.Array:
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def _one_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
