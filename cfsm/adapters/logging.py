"""How processes log: one line per thing that happened, in the journal, or on stderr for people or as JSON.

Fields of the factory are written in capitals, the same in a JSON line as in the journal. Those that are bound to
structlog's context variables belong to everything that is logged meanwhile, the lines of other libraries included.
"""

import json as standard_json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import orjson
import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from cfsm.adapters.journal import Journal, JournalHandler, is_our_stderr

_ELSEWHERE = frozenset({"time", "level", "logger"})
"""What the journal keeps in fields of its own."""


class TextOut(Protocol):
    """Where lines go: a text file, or the supervisor's Terminal, which never waits."""

    def write(self, text: str, /) -> object:
        """Take the text."""

    def flush(self) -> object:
        """Pass on what was taken."""

    def isatty(self) -> bool:
        """Tell whether a person may be looking."""


_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
)


def configure(worker: str, *, json: bool, level: int = logging.INFO, stream: TextOut | None = None) -> None:
    """Set up structlog and the standard library's logging for this process; again replaces the former set-up.

    ``worker`` is the WORKER of every record; people see it in the log's name. ``stream`` is stderr if not given. Where
    stderr is the journal's, records go there with their fields instead.
    """
    logging.basicConfig(level=level, handlers=[_handler(worker, stream, json=json)], force=True)
    logging.captureWarnings(capture=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each request says nothing that ours do not
    logging.raiseExceptions = False  # a terminal that is gone must not end a worker
    structlog.configure(
        processors=(structlog.stdlib.filter_by_level, *_SHARED, ProcessorFormatter.wrap_for_formatter),
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _handler(worker: str, stream: TextOut | None, *, json: bool) -> logging.Handler:
    if stream is None and is_our_stderr(os.environ):
        return JournalHandler(Journal(), _journal_fields(worker))
    out = stream or sys.stderr
    handler = logging.StreamHandler(out)
    handler.setFormatter(_formatter(_json(worker) if json else _console(colors=out.isatty())))
    return handler


def _formatter(rendering: tuple[Processor, ...]) -> ProcessorFormatter:
    return ProcessorFormatter(
        foreign_pre_chain=(*_SHARED, structlog.stdlib.ExtraAdder()),
        processors=(ProcessorFormatter.remove_processors_meta, *rendering),
    )


def _journal_fields(worker: str) -> Callable[[logging.LogRecord], Mapping[str, Any]]:
    """Give what makes the fields of a record: those in capitals, and one line for people as the message."""
    formatter = _formatter(_json(worker))
    of_process = {"SYSLOG_IDENTIFIER": f"cfsm-{worker}", "FACTORY": os.environ.get("CFSM_HOME", "")}

    def fields_of(record: logging.LogRecord) -> Mapping[str, Any]:
        facts = standard_json.loads(formatter.format(record))
        fields = {name: value for name, value in facts.items() if name.isupper()}
        message, exception = facts.pop("message", ""), facts.pop("exception", "")
        told = [f"{name}={value}" for name, value in facts.items() if name not in {*fields, *_ELSEWHERE}]
        fields["MESSAGE"] = " ".join([str(message), *told]) + (f"\n{exception}" if exception else "")
        return {**fields, **of_process}

    return fields_of


def _json(worker: str) -> tuple[Processor, ...]:
    def add_worker(_logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
        return {**fields, "WORKER": worker}

    return (
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
        add_worker,
        structlog.processors.JSONRenderer(serializer=_dumps),
    )


def _console(*, colors: bool) -> tuple[Processor, ...]:
    return (
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
        structlog.dev.ConsoleRenderer(
            colors=colors,
            pad_event_to=0,
            # neither rich, which prints the values of all variables, secrets too, nor any other taste
            exception_formatter=structlog.dev.plain_traceback,
        ),
    )


def _dumps(fields: EventDict, default: Any = None, **_: Any) -> str:
    """Give the line; values that are not JSON's become text, and no value at all loses the line."""
    try:
        return orjson.dumps(fields, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # a lone surrogate, an integer beyond 64 bits
        return standard_json.dumps(fields, default=default or str)
