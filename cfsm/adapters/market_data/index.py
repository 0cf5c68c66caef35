"""The index of a dataset: what was found in each file, so that listing reads no candles."""

import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from cfsm.adapters.market_data.candles import Gap, UnreadableFile, content_hash, find_faults, find_gaps
from cfsm.adapters.market_data.dataset import CandleFile, Problem
from cfsm.adapters.market_data.feather import read_candles
from cfsm.adapters.market_data.series import FUTURES_FOLDER, Series, series_of
from cfsm.application.progress import Progress, silent

INDEX_FILE = "index.json"
_VERSION = 1


def inspect_files(
    folder: Path, *, trust_index: bool = True, progress: Progress = silent
) -> tuple[tuple[CandleFile, ...], tuple[Problem, ...]]:
    """Give what every file holds and which are broken; reads only files that changed since the last time."""
    known = _load(folder) if trust_index else {}
    found: dict[str, Any] = {}
    paths = sorted(path for path in (folder / FUTURES_FOLDER).glob("*.feather") if series_of(path.name))
    for number, path in enumerate(paths):
        stamp = _stamp(path)
        entry = known.get(path.name)
        if entry is None or entry["stamp"] != stamp:
            progress(f"reading {path.name}", number, len(paths))
            entry = {"stamp": stamp, **_inspect(path)}
        found[path.name] = entry
    if found != known:
        _save(folder, found)
    files = tuple(_candle_file(name, entry) for name, entry in found.items() if "faults" not in entry)
    broken = tuple(Problem(name, fault) for name, entry in found.items() for fault in entry.get("faults", ()))
    return files, broken


def _inspect(path: Path) -> dict[str, Any]:
    series = _series(path.name)
    try:
        candles = read_candles(path, series)
    except UnreadableFile as error:
        return {"faults": [str(error)]}
    faults = list(find_faults(candles))
    if faults:
        return {"faults": faults}
    return {
        "first_ms": int(candles.dates_ms[0]),
        "last_ms": int(candles.dates_ms[-1]),
        "candles": len(candles),
        "gaps": [asdict(gap) for gap in find_gaps(candles)],
        "sha256": content_hash(candles),
    }


def _candle_file(name: str, entry: dict[str, Any]) -> CandleFile:
    return CandleFile(
        series=_series(name),
        first_ms=entry["first_ms"],
        last_ms=entry["last_ms"],
        candles=entry["candles"],
        gaps=tuple(Gap(**gap) for gap in entry["gaps"]),
        sha256=entry["sha256"],
    )


def _series(name: str) -> Series:
    series = series_of(name)
    assert series is not None, name
    return series


def _stamp(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _load(folder: Path) -> dict[str, Any]:
    """Give the index as it was left, or an empty one: it can always be made again from the files."""
    try:
        content = orjson.loads((folder / INDEX_FILE).read_bytes())
        return dict(content["files"]) if content["version"] == _VERSION else {}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _save(folder: Path, files: dict[str, Any]) -> None:
    """Leave the index for the next time; a folder that cannot be written to is read anew each time."""
    temporary = folder / f".{INDEX_FILE}.{os.getpid()}"
    with suppress(OSError):
        temporary.write_bytes(orjson.dumps({"version": _VERSION, "files": files}))
        temporary.replace(folder / INDEX_FILE)
