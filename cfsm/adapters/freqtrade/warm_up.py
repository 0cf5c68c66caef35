"""What every run would do anew, done once in the forge's process, so that its forks inherit it."""

import contextlib
import importlib
from collections.abc import Hashable
from functools import cache
from pathlib import Path
from typing import Any

import freqtrade
from freqtrade.resolvers import ProtectionResolver
from freqtrade.resolvers.iresolver import IResolver

from cfsm.adapters.freqtrade.protocol import Failure, Progress, Request, adapter
from cfsm.adapters.freqtrade.raw_results import RawBacktest, RawValidation
from cfsm.adapters.freqtrade.versions import engine_identity
from cfsm.domain.evaluation import BacktestOutcome, ValidationOutcome
from cfsm.domain.trades import Trade

_IMPORTED_BY_STRATEGIES = (
    *("talib.abstract", "technical.qtpylib", "technical.indicators", "technical.util", "technical.consensus"),
    *("scipy.stats", "scipy.signal", "pandas_ta"),
)
_SPOKEN = (
    Request,
    Progress,
    Failure,
    RawBacktest,
    RawValidation,
    BacktestOutcome,
    ValidationOutcome,
    tuple[Trade, ...],
)


_FREQTRADE = Path(freqtrade.__file__).parent
_PROTECTIONS_FOLDER = _FREQTRADE / "plugins" / "protections"
_PROTECTIONS = ("CooldownPeriod", "LowProfitPairs", "MaxDrawdown", "StoplossGuard")


def warm_up() -> None:
    """Import what strategies import, where it is installed, and build what reads and writes the protocol."""
    for name in _IMPORTED_BY_STRATEGIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    IResolver._search_object = classmethod(_search_object)  # noqa: SLF001 (Freqtrade has no other way to it)
    for name in _PROTECTIONS:
        ProtectionResolver._search_object(_PROTECTIONS_FOLDER, object_name=name)  # noqa: SLF001
    for kind in _SPOKEN:
        adapter(kind)
    for stock in (False, True):
        engine_identity(stock=stock)


def _search_object(
    resolver: type[IResolver], directory: Path, *, object_name: str, add_source: bool = False
) -> tuple[Any, Any]:
    """Do what `IResolver._search_object` does, once for each class that is Freqtrade's own."""
    if not directory.is_relative_to(_FREQTRADE):
        found: tuple[Any, Any] = _SEARCH_OBJECT(resolver, directory, object_name=object_name, add_source=add_source)
        return found
    return _own_class(resolver, directory, object_name, add_source)  # type: ignore[arg-type]  # classes are hashable


@cache
def _own_class(resolver: Hashable, directory: Path, name: str, add_source: bool) -> tuple[Any, Any]:
    found: tuple[Any, Any] = _SEARCH_OBJECT(resolver, directory, object_name=name, add_source=add_source)
    return found


_SEARCH_OBJECT = IResolver._search_object.__func__  # noqa: SLF001
