"""Feather files: candles read from and written to Freqtrade's files, without importing Freqtrade."""

from pathlib import Path

from cfsm.adapters.market_data.candles import Candles
from cfsm.adapters.market_data.series import Series


def read_candles(path: Path, series: Series) -> Candles:
    """Read one file. Raise UnreadableFile if it is damaged or has other columns than the series asks for."""
    from cfsm.adapters.market_data import arrow  # noqa: PLC0415  a worker that only names a dataset needs no pyarrow

    return arrow.read(path, series)


def write_candles(folder: Path, candles: Candles) -> Path:
    """Write one file under the name that Freqtrade expects, and give its path."""
    from cfsm.adapters.market_data import arrow  # noqa: PLC0415  as above

    return arrow.write(folder, candles)
