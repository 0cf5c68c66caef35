"""What a strategy gives back for real candles, looked at while Freqtrade runs it."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from freqtrade.strategy import IStrategy

from cfsm.adapters.freqtrade.callbacks import watch
from cfsm.adapters.freqtrade.findings import finding
from cfsm.domain.evaluation import Finding

_CANDLE_COLUMNS = ("date", "open", "high", "low", "close", "volume")
_ALWAYS = 0.95
_SIGNALS = ("enter_long", "exit_long", "enter_short", "exit_short")
_MOSTLY = 0.5


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
        self._without_values: set[str] = set()
        self._is_first = True
        self.entry_rows: dict[str, list[int]] = {}
        self._strategy = strategy
        self.seconds = 0.0
        strategy.advise_indicators = self._around_indicators(strategy.advise_indicators)
        strategy.ft_advise_signals = self._around_signals(strategy.ft_advise_signals)
        watch(strategy, self.note)

    def note(self, found: Finding) -> None:
        """Keep a finding, once."""
        if (found.code, found.message) not in {(known.code, known.message) for known in self.findings}:
            self.findings.append(found)

    def conclude(self, trades: int) -> None:
        """Note what the run as a whole says, with this number of trades."""
        longs, shorts = self.signals["enter_long"], self.signals["enter_short"]
        entries, meant = longs + shorts, longs + shorts * bool(self._strategy.can_short)
        if shorts and not self._strategy.can_short:
            code = "SHORTS_DROPPED" if longs else "SHORTS_ONLY"
            self.note(finding(code, f"{shorts} short signals are dropped silently"))
        if self.rows and max(longs, shorts) > _ALWAYS * self.rows:
            self.note(finding("ALWAYS_IN", f"{max(longs, shorts)} of {self.rows} candles have an entry signal"))
        if not entries:
            empty = ", ".join(sorted(self._without_values)[:5])
            words = f"No candle has an entry signal; these columns have no values: {empty}" if empty else ""
            self.note(finding("NO_SIGNALS", words))
        elif not longs and not self._strategy.can_short:
            return
        elif not self.usable_entries:
            self.note(finding("SIGNAL_CONFLICT", f"All {entries} entry signals are cancelled by other signals"))
        elif not trades:
            self.note(finding("NO_TRADES", f"{self.usable_entries} entry signals, but no trade"))
        elif meant - self.usable_entries > _MOSTLY * meant:
            words = f"{meant - self.usable_entries} of {meant} entry signals are cancelled by other signals"
            self.note(finding("SIGNALS_CANCELLED", words))

    def _around_indicators(self, advise: Callable[..., pd.DataFrame]) -> Callable[..., pd.DataFrame]:
        def advise_indicators(dataframe: pd.DataFrame, metadata: Mapping[str, Any]) -> pd.DataFrame:
            before = dataframe.copy()
            after = self._timed(advise, dataframe, metadata)
            self._compare(before, after, "populate_indicators", metadata)
            self._look_for_values(after)
            return after

        return advise_indicators

    def _around_signals(self, advise: Callable[..., pd.DataFrame]) -> Callable[..., pd.DataFrame]:
        def ft_advise_signals(dataframe: pd.DataFrame, metadata: Mapping[str, Any]) -> pd.DataFrame:
            before = dataframe.copy()
            after = self._timed(advise, dataframe, metadata)
            self._compare(before, after, "populate_entry_trend and populate_exit_trend", metadata)
            self._count(after, str(metadata.get("pair", "")))
            return after

        return ft_advise_signals

    def _timed(
        self, advise: Callable[..., pd.DataFrame], dataframe: pd.DataFrame, metadata: Mapping[str, Any]
    ) -> pd.DataFrame:
        begun = time.process_time()
        after = advise(dataframe, metadata)
        self.seconds += time.process_time() - begun
        return after

    def _look_for_values(self, indicators: pd.DataFrame) -> None:
        """Keep the names of the columns that have no value for any pair so far."""
        empty = {str(name) for name in indicators.columns[indicators.isna().all()]}
        self._without_values = empty if self._is_first else self._without_values & empty
        self._is_first = False

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
