"""Errors out of a strategy's code, turned into findings with the line where they came from."""

from types import TracebackType

from cfsm.adapters.freqtrade.findings import finding
from cfsm.adapters.freqtrade.logs import STRATEGY_FILES, Evidence
from cfsm.domain.evaluation import Finding

_MOST_CHARACTERS = 400


def load_error(error: BaseException, evidence: Evidence) -> Finding:
    """Give why a strategy could not be loaded; Freqtrade's log knows where its exception does not."""
    text = describe(error)
    if "Impossible to load" in text and "mapping is incomplete" not in text:
        return evidence.why_not_loaded() or finding("LOAD_FAILED", text)
    for code, words in _LOAD_CODES:
        if any(word in text for word in words):
            return finding(code, text, line_of(error.__traceback__))
    if isinstance(error, ModuleNotFoundError):
        return finding("MISSING_MODULE", text, line_of(error.__traceback__))
    return finding("LOAD_FAILED", text, line_of(error.__traceback__))


def run_error(error: BaseException) -> Finding:
    """Give the finding for an error that ended a run, by the method that it came out of."""
    code = "LIMIT_MEMORY" if isinstance(error, MemoryError) else _code_by_method(error.__traceback__)
    return finding(code, describe(error), line_of(error.__traceback__))


def describe(error: BaseException) -> str:
    """Give an error in one line: its class, unless that says nothing, and its message, shortened."""
    try:
        message = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 (an exception of the strategy's own may do anything)
        message = "its message cannot be shown"
    name = type(error).__name__
    text = message if name in {"OperationalException", "ConfigurationError"} else f"{name}: {message}"
    return text[:_MOST_CHARACTERS]


def line_of(trace: TracebackType | None) -> int | None:
    """Give the last line of the strategy's file that a traceback goes through."""
    line = None
    while trace is not None:
        if STRATEGY_FILES in trace.tb_frame.f_code.co_filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _code_by_method(trace: TracebackType | None) -> str:
    while trace is not None:
        name = trace.tb_frame.f_code.co_name
        if name in {"advise_indicators", "advise_all_indicators"}:
            return "INDICATORS_FAILED"
        if name in {"ft_advise_signals", "advise_entry", "advise_exit"}:
            return "SIGNALS_FAILED"
        trace = trace.tb_next
    return "RUN_FAILED"


_LOAD_CODES = (
    ("STOPLOSS", ("stoploss", "could not convert string to float", "greater than or equal to the maximum of 0")),
    ("TIMEFRAME", ("imeframe",)),
    ("ROI", ("minimal_roi", "roi", "expected string or bytes-like object")),
    ("METHOD_MISSING", ("must be implemented", "abstract method")),
    ("INTERFACE_V2", ("Please migrate", "DEPRECATED", "sell_", "Strategy Interface v1", "ask_strategy", "use_sell")),
)
