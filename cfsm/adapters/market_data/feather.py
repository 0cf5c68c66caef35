"""Feather files: candles read from and written to Freqtrade's files, without importing Freqtrade."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import feather

from cfsm.adapters.market_data.candles import Candles, Floats
from cfsm.adapters.market_data.series import CandleType, Series


class UnreadableFile(Exception):
    """The file holds no candles that can be read; the message says why."""


def read_candles(path: Path, series: Series) -> Candles:
    """Read one file. Raise UnreadableFile if it is damaged or has other columns than the series asks for."""
    try:
        table = feather.read_table(path, memory_map=False)
        return _candles(series, table)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableFile(f"is no readable feather file ({_one_line(error)})") from error


def write_candles(folder: Path, candles: Candles) -> Path:
    """Write one file under the name that Freqtrade expects, and give its path."""
    dates = pa.array(candles.dates_ms, type=pa.timestamp("ms", tz="UTC"))
    table = pa.table({"date": dates, **candles.columns})
    path = folder / candles.series.file_name
    feather.write_feather(table, path, compression="lz4")
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
    return Candles(series, dates.to_numpy(), columns)


def _current_layout(series: Series, table: pa.Table) -> dict[str, str]:
    """Map today's column names to the file's own; funding rates used to be stored as candles, in ``open``."""
    names = {name: name for name in table.column_names}
    if series.candle_type is CandleType.FUNDING_RATE and "funding_rate" not in names and "open" in names:
        names["funding_rate"] = "open"
    return names


def _floats(column: pa.ChunkedArray, name: str) -> Floats:
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise UnreadableFile(f"has a column {name} that holds no numbers")
    values: Floats = column.cast(pa.float64()).to_numpy()
    return np.ascontiguousarray(values)


def _one_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
