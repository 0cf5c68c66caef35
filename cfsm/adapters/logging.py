"""How processes log: one line per thing that happened, on stderr, for people or as JSON.

Fields of the factory are written in capitals, the same in a JSON line as in the journal. Those that are bound to
structlog's context variables belong to everything that is logged meanwhile, the lines of other libraries included.
"""

import json as standard_json
import logging
import sys
from typing import Any, Protocol

import orjson
import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger


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

    ``worker`` is the WORKER of every JSON line; people see it in the log's name. ``stream`` is stderr if not given.
    """
    out = stream or sys.stderr
    handler = logging.StreamHandler(out)
    rendering = _json(worker) if json else _console(colors=out.isatty())
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=(*_SHARED, structlog.stdlib.ExtraAdder()),
            processors=(ProcessorFormatter.remove_processors_meta, *rendering),
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False  # a terminal that is gone must not end a worker
    structlog.configure(
        processors=(structlog.stdlib.filter_by_level, *_SHARED, ProcessorFormatter.wrap_for_formatter),
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


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
