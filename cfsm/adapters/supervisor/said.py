"""What the units of the embedded supervisor printed: their logs under the home, put together by time."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from cfsm.adapters.home import LOGS_FOLDER

LOOK_SECONDS = 0.2
TIME_CHARACTERS = len("2026-11-26 04:29:25")


def said(home: Path, workers: Sequence[str], lines: int, *, follow: bool) -> Iterator[tuple[str, str]]:
    """Give the last lines of workers, or of all, each with the worker's name; with ``follow`` the coming ones too."""
    folder = home / LOGS_FOLDER
    read = {path: path.stat().st_size for path in _logs(folder, workers)}
    last = [entry for path, size in read.items() for entry in _timed(path, 0, size)]
    yield from ((name, line) for _, name, line in sorted(last, key=lambda entry: entry[0])[-lines:] if lines)
    while follow:
        time.sleep(LOOK_SECONDS)
        for path in _logs(folder, workers):
            size, before = path.stat().st_size, read.get(path, 0)
            for _, name, line in _timed(path, before if before <= size else 0, size):  # shorter: it was begun anew
                yield name, line
            read[path] = size


def _logs(folder: Path, workers: Sequence[str]) -> list[Path]:
    found = [folder / f"{worker}.log" for worker in workers] if workers else sorted(folder.glob("*.log"))
    return [path for path in found if path.exists()]


def _timed(path: Path, start: int, end: int) -> Iterator[tuple[str, str, str]]:
    """Give each line with its time; one that has none, as those of a traceback, belongs to the one before it."""
    with path.open("rb") as file:
        file.seek(start)
        text = file.read(end - start).decode("utf-8", "replace")
    at = ""
    for line in text.splitlines():
        if line[:2] == "20" and line[TIME_CHARACTERS : TIME_CHARACTERS + 1] == " ":
            at = line[:TIME_CHARACTERS]
        yield at, path.stem, line
