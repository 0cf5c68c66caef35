"""Freqtrade's log as evidence: it swallows what strategies raise and only says so there."""

import logging
import re
from collections.abc import Callable, Iterator
from typing import Final

from cfsm.adapters.freqtrade.findings import finding
from cfsm.domain.evaluation import Finding

STRATEGY_FILES: Final = "/strategy-"
"""What the path of a strategy's file contains: the folder of each is named so."""

_MOST_RECORDS: Final = 200
_MOST_CHARACTERS: Final = 500
_MOST_NAME_CHARACTERS: Final = 100
Tell = Callable[[int, str, str], None]
"""Hears of a record: its level, its logger, its text."""

_CALLBACK = re.compile(r"Unexpected error (?P<error>.*) calling <.*?(?:method|function) (?P<name>[\w.]+)", re.DOTALL)
_VALUE_ERROR = re.compile(
    r"Strategy caused the following exception: (?P<error>.*) in (?P<where>.*), calling (?P<name>\w+)"
)
_NOT_IMPORTED = re.compile(r"Could not import .*? due to '(?P<error>.*)'", re.DOTALL)


class Evidence(logging.Handler):
    """Keeps the first warnings and errors of a run, shortened, and tells of each."""

    def __init__(self, tell: Tell) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell
        self.records: list[tuple[int, str, int | None]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, its text, and the line of the strategy where its exception came from."""
        if len(self.records) < _MOST_RECORDS:
            try:
                text = record.getMessage()
            except Exception:  # noqa: BLE001 (a strategy's own logging may be wrong; that is no fault of the run)
                text = str(record.msg)
            self.records.append((record.levelno, text[:_MOST_CHARACTERS], _line_of(record)))
            self._tell(record.levelno, record.name[:_MOST_NAME_CHARACTERS], text[:_MOST_CHARACTERS])

    def findings(self) -> Iterator[Finding]:
        """Give what the log says of the strategy, each thing once."""
        seen = set()
        for level, text, line in self.records:
            found = _read(level, text, line)
            if found and (found.code, found.message) not in seen:
                seen.add((found.code, found.message))
                yield found

    def why_not_loaded(self) -> Finding | None:
        """Give the cause of an import that failed, which Freqtrade hides behind "Impossible to load"."""
        for _, text, line in self.records:
            match = _NOT_IMPORTED.search(text)
            if match:
                error = match["error"]
                code = "MISSING_MODULE" if error.startswith("No module named") else "LOAD_FAILED"
                return finding(code, error, line)
        return None


def capture(tell: Tell) -> Evidence:
    """Send all logging of this process to new evidence, which tells of it, and nowhere else; give the evidence."""
    evidence = Evidence(tell)
    root = logging.getLogger()
    root.handlers[:] = [evidence]
    root.setLevel(logging.WARNING)
    return evidence


def _read(level: int, text: str, line: int | None) -> Finding | None:
    callback = _CALLBACK.search(text)
    if callback:
        name = callback["name"].rpartition(".")[2]
        return finding("CALLBACK_FAILED", f"{name}() raised {callback['error']}", line)
    value_error = _VALUE_ERROR.search(text)
    if value_error:
        where = value_error["where"].rpartition(":")[2]
        message = f"{value_error['name']}() raised {value_error['error']}"
        return finding("CALLBACK_FAILED", message, int(where) if where.isdigit() else line)
    if level >= logging.ERROR:
        return finding("LOGGED_ERROR", text, line)
    return None


def _line_of(record: logging.LogRecord) -> int | None:
    trace = record.exc_info[2] if record.exc_info else None
    line = None
    while trace is not None:
        if STRATEGY_FILES in trace.tb_frame.f_code.co_filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
