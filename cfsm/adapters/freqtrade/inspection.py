"""What a strategy gives back for real candles, looked at while Freqtrade runs it."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from freqtrade.strategy import IStrategy

from cfsm.adapters.freqtrade.findings import finding
from cfsm.domain.evaluation import Finding

_CANDLE_COLUMNS = ("date", "open", "high", "low", "close", "volume")
_ALWAYS = 0.95
_SIGNALS = ("enter_long", "exit_long", "enter_short", "exit_short")
CALLBACKS = (
    "leverage",
    "custom_stake_amount",
    "custom_stoploss",
    "custom_exit",
    "custom_roi",
    "custom_entry_price",
    "custom_exit_price",
    "confirm_trade_entry",
    "confirm_trade_exit",
    "adjust_trade_position",
    "adjust_entry_price",
    "adjust_exit_price",
    "adjust_order_price",
    "check_entry_timeout",
    "check_exit_timeout",
    "order_filled",
    "bot_start",
    "bot_loop_start",
)


class Broken(Exception):
    """The strategy cannot be run any further; the findings say why."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("; ".join(found.code for found in findings))
        self.findings = findings


class Inspector:
    """Stands between Freqtrade and a strategy: passes everything on, notes what is wrong."""

    def __init__(self, strategy: IStrategy) -> None:
        self.findings: list[Finding] = []
        self.signals: dict[str, int] = dict.fromkeys(_SIGNALS, 0)
        self.usable_entries = 0
        self.rows = 0
        self.entry_rows: dict[str, list[int]] = {}
        self._strategy = strategy
        self._nothing_confirmed = 0
        strategy.advise_indicators = self._around_indicators(strategy.advise_indicators)
        strategy.ft_advise_signals = self._around_signals(strategy.ft_advise_signals)
        if overrides(strategy, "confirm_trade_entry"):
            strategy.confirm_trade_entry = self._around_confirmation(strategy.confirm_trade_entry)

    def note(self, found: Finding) -> None:
        """Keep a finding, once."""
        if (found.code, found.message) not in {(known.code, known.message) for known in self.findings}:
            self.findings.append(found)

    def conclude(self, trades: int) -> None:
        """Note what the run as a whole says, with this number of trades."""
        longs, shorts = self.signals["enter_long"], self.signals["enter_short"]
        entries = longs + shorts
        if shorts and not self._strategy.can_short:
            code = "SHORTS_DROPPED" if longs else "SHORTS_ONLY"
            self.note(finding(code, f"{shorts} short signals are dropped silently"))
        if self.rows and max(longs, shorts) > _ALWAYS * self.rows:
            self.note(finding("ALWAYS_IN", f"{max(longs, shorts)} of {self.rows} candles have an entry signal"))
        if not entries:
            self.note(finding("NO_SIGNALS"))
        elif not longs and not self._strategy.can_short:
            return
        elif not self.usable_entries:
            self.note(finding("SIGNAL_CONFLICT", f"All {entries} entry signals are cancelled by other signals"))
        elif not trades and self._nothing_confirmed:
            self.note(finding("CONFIRM_NONE", f"confirm_trade_entry returned None {self._nothing_confirmed} times"))
        elif not trades:
            self.note(finding("NO_TRADES", f"{self.usable_entries} entry signals, but no trade"))

    def _around_indicators(self, advise: Callable[..., pd.DataFrame]) -> Callable[..., pd.DataFrame]:
        def advise_indicators(dataframe: pd.DataFrame, metadata: Mapping[str, Any]) -> pd.DataFrame:
            before = dataframe.copy()
            after = advise(dataframe, metadata)
            self._compare(before, after, "populate_indicators", metadata)
            return after

        return advise_indicators

    def _around_signals(self, advise: Callable[..., pd.DataFrame]) -> Callable[..., pd.DataFrame]:
        def ft_advise_signals(dataframe: pd.DataFrame, metadata: Mapping[str, Any]) -> pd.DataFrame:
            before = dataframe.copy()
            after = advise(dataframe, metadata)
            self._compare(before, after, "populate_entry_trend and populate_exit_trend", metadata)
            self._count(after, str(metadata.get("pair", "")))
            return after

        return ft_advise_signals

    def _around_confirmation(self, confirm: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(confirm)
        def confirm_trade_entry(*args: Any, **kwargs: Any) -> Any:
            answer = confirm(*args, **kwargs)
            self._nothing_confirmed += answer is None
            return answer

        return confirm_trade_entry

    def _compare(self, before: pd.DataFrame, after: Any, where: str, metadata: Mapping[str, Any]) -> None:
        pair = metadata.get("pair", "")
        if not isinstance(after, pd.DataFrame):
            raise Broken(finding("DATAFRAME", f"{where} returned {type(after).__name__}, not the dataframe"))
        if len(after) != len(before):
            raise Broken(finding("DATAFRAME", f"{where} returned {len(after)} rows of {len(before)} ({pair})"))
        missing = [name for name in _CANDLE_COLUMNS if name not in after.columns]
        if missing:
            raise Broken(finding("DATAFRAME", f"{where} lost the columns {', '.join(missing)}"))
        doubled = sorted({str(name) for name in after.columns[after.columns.duplicated()]})
        if doubled:
            raise Broken(finding("DATAFRAME", f"{where} made the columns {', '.join(doubled[:5])} twice"))
        changed = [name for name in _CANDLE_COLUMNS if not _same(before[name], after[name])]
        if changed:
            self.note(finding("CANDLES_CHANGED", f"{where} changed {', '.join(changed)}"))

    def _count(self, analysed: pd.DataFrame, pair: str) -> None:
        self.rows += len(analysed)
        true = {name: self._signal(analysed, name) for name in _SIGNALS}
        for name, values in true.items():
            self.signals[name] += int(values.sum())
        can_short = bool(self._strategy.can_short)
        short = true["enter_short"] if can_short else true["enter_short"] & False
        longs = true["enter_long"] & ~true["exit_long"] & ~short
        shorts = short & ~true["exit_short"] & ~true["enter_long"]
        usable = longs | shorts
        self.usable_entries += int(usable.sum())
        self.entry_rows[pair] = usable.to_numpy().nonzero()[0].tolist()

    def _signal(self, analysed: pd.DataFrame, name: str) -> "pd.Series[bool]":
        if name not in analysed.columns:
            return pd.Series(data=False, index=analysed.index)
        column = analysed[name]
        given = column.dropna()
        if not given.isin([0, 1]).all():
            example = next(value for value in given.tolist() if value not in (0, 1))
            self.note(finding("SIGNAL_VALUES", f"{name} holds {str(example)[:40]!r}"))
        return column == 1


def _same(before: "pd.Series[Any]", after: "pd.Series[Any]") -> bool:
    return bool(before.reset_index(drop=True).equals(after.reset_index(drop=True)))


def overrides(strategy: IStrategy, method: str) -> bool:
    """Say whether a strategy has a method of its own."""
    return getattr(type(strategy), method, None) is not getattr(IStrategy, method, None)


def signature_findings(strategy: IStrategy) -> list[Finding]:
    """Give the callbacks that do not take the arguments that Freqtrade gives them by name."""
    found = []
    for name in CALLBACKS:
        if not overrides(strategy, name):
            continue
        given = [
            parameter for parameter in _parameters(getattr(IStrategy, name)) if parameter not in {"self", "kwargs"}
        ]
        try:
            inspect.signature(getattr(strategy, name)).bind(**dict.fromkeys(given))
        except (TypeError, ValueError) as error:
            line = _line_of_definition(getattr(type(strategy), name))
            found.append(finding("SIGNATURE", f"{name}(): {error}", line))
    return found


def _parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def _line_of_definition(function: Any) -> int | None:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code.co_firstlineno if code else None
