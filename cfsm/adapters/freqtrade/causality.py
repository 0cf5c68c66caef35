"""Does the future change the past? Indicators and signals are computed again on histories that end earlier.

A strategy may use what was known when a candle closed, and nothing else. So the rows before a cut must come out the
same whether or not the candles after it are there, and whatever they are; informative candles are cut too, to those
that were closed by then. Cuts lie on candles with signals, where a look at the next candle shows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from freqtrade.strategy import IStrategy

from cfsm.adapters.freqtrade.findings import finding
from cfsm.adapters.freqtrade.strategy_errors import describe, line_of
from cfsm.domain.evaluation import Finding

_CANDLES = frozenset({"date", "open", "high", "low", "close", "volume"})
_TAGS = frozenset({"enter_tag", "exit_tag"})
_ROWS_IN_A_WINDOW = 1000
_ROWS_COMPARED = 50
_MOST_PAIRS = 4
_CUTS = {"enter_long": 2, "enter_short": 2, "exit_long": 1, "exit_short": 1}
"""How many histories end on a candle with such a signal, of each pair."""

_OTHER_FUTURES = (3.0, 1 / 3)
"""By what the prices and volumes after a cut are multiplied."""

_PAIRS_WITH_OTHER_FUTURES = 2
_SCALED = ["open", "high", "low", "close", "volume"]
_SIGNALS = tuple(_CUTS)
_RELATIVE, _ABSOLUTE = 1e-7, 1e-12
_WARM_RELATIVE = 0.01
_TIMES_AS_MANY = (2, 4, 8)
_SEED = 7

Analyse = Callable[[IStrategy, str, pd.DataFrame, int], tuple[pd.DataFrame, pd.DataFrame]]
"""Gives the indicators, and these with the signals, of a pair's candles as known at a time in milliseconds."""

Where = Callable[[Sequence[str]], int | None]
"""Gives the line of the strategy's text that assigns one of these columns."""


@dataclass
class _Window:
    """A part of a pair's history, analysed to its end."""

    pair: str
    candles: pd.DataFrame
    indicators: pd.DataFrame
    analysed: pd.DataFrame
    cuts: list[int]


class Causality:
    """Checks one strategy. ``fresh`` loads it anew: what an instance remembers must not help it.

    ``closeness`` times as many histories are cut on signals.
    """

    def __init__(
        self,
        fresh: Callable[[], IStrategy],
        analyse: Analyse,
        step_ms: int,
        startup: int,
        line_of_columns: Where,
        closeness: int = 1,
    ) -> None:
        self._fresh = fresh
        self._analyse = analyse
        self._step_ms = step_ms
        self._startup = startup
        self._line_of_columns = line_of_columns
        self._closeness = closeness
        self._draw = np.random.default_rng(_SEED)

    def findings(self, data: Mapping[str, pd.DataFrame], signals: Mapping[str, Sequence[int]]) -> list[Finding]:
        """Give what is found on these candles; ``signals`` are the rows of each pair that have an entry signal."""
        busiest = sorted(data, key=lambda pair: -len(signals.get(pair, ())))[:_MOST_PAIRS]
        windows = []
        strategy = self._fresh()
        for pair in busiest:
            part = _around(data[pair], list(signals.get(pair, ())), self._startup)
            indicators, analysed = self._analysed(strategy, pair, part)
            windows.append(_Window(pair, part, indicators, analysed, self._cuts(analysed)))
        found = list(self._compare_cuts(windows))
        if not any(each.code in {"LOOKAHEAD", "SHORT_HISTORY"} for each in found):
            others = list(self._compare_futures(windows[:_PAIRS_WITH_OTHER_FUTURES]))
            found = [each for each in others if each.code == "LOOKAHEAD"] or found or others
        if found and self._differs_by_itself(windows):
            return [finding("NOT_DETERMINISTIC")]
        return found or list(self._compare_starts(windows))

    def findings_of_whole(self, pair: str, candles: pd.DataFrame, analysed: pd.DataFrame, cut: int) -> list[Finding]:
        """Give what is found where a pair's whole history, analysed elsewhere, is cut once: of every row before."""
        indicators = analysed.drop(columns=[name for name in (*_SIGNALS, *_TAGS) if name in analysed.columns])
        windows = [_Window(pair, candles, indicators, analysed, [cut])]
        found = list(self._compare_cuts(windows, rows=cut + 1))
        if found and self._differs_by_itself(windows):
            return [finding("NOT_DETERMINISTIC")]
        return found

    def _analysed(self, strategy: IStrategy, pair: str, candles: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        last_ms = int(candles["date"].iloc[-1].timestamp() * 1000)
        return self._analyse(strategy, pair, candles.copy(), last_ms + self._step_ms)

    def _cuts(self, analysed: pd.DataFrame) -> list[int]:
        """Give the last rows of the histories to be compared: on signals, and one anywhere."""
        first, last = self._startup, len(analysed) - 2
        if last <= first:
            return []
        cuts = {int(self._draw.integers(first, last + 1))}
        for name, count in _CUTS.items():
            rows = np.flatnonzero(_true(analysed, name))
            rows = rows[(rows >= first) & (rows <= last)]
            if len(rows):
                cuts.update(
                    int(row) for row in self._draw.choice(rows, min(count * self._closeness, len(rows)), replace=False)
                )
        return sorted(cuts)

    def _compare_cuts(self, windows: Sequence[_Window], rows: int = _ROWS_COMPARED) -> Iterator[Finding]:
        unused: dict[str, Finding] = {}
        for window in windows:
            for cut in window.cuts:
                strategy = self._fresh()
                try:
                    _, analysed = self._analysed(strategy, window.pair, window.candles.iloc[: cut + 1])
                except Exception as error:  # noqa: BLE001 (whatever it is, it is what is to be found)
                    when = window.candles["date"].iloc[cut]
                    words = f"With a history that ends at {when:%Y-%m-%d %H:%M}: {describe(error)}"
                    yield finding("SHORT_HISTORY", words, line_of(error.__traceback__))
                    return
                changed = _changed_columns(window.analysed, analysed, cut, rows)
                if not changed:
                    continue
                found = self._judged(window, cut, changed)
                if found.code == "LOOKAHEAD":
                    yield found
                    return
                unused[",".join(changed)] = found
        yield from unused.values()

    def _compare_futures(self, windows: Sequence[_Window]) -> Iterator[Finding]:
        """Give later candles other prices: what asks the whole history for its highest is not always seen by a cut."""
        for window in windows:
            for factor in _OTHER_FUTURES if window.cuts else ():
                cut = window.cuts[len(window.cuts) // 2]
                candles = window.candles.copy()
                later = candles.index > candles.index[cut]
                candles.loc[later, _SCALED] *= factor
                try:
                    _, analysed = self._analysed(self._fresh(), window.pair, candles)
                except Exception:  # noqa: BLE001 (prices that leap like this are nobody's duty)
                    return
                changed = _changed_columns(window.analysed, analysed, cut, rows=cut + 1)
                if changed:
                    yield self._judged(window, cut, changed, "are others")
                    return

    def _judged(
        self, window: _Window, cut: int, changed: Sequence[str], what_happens: str = "are taken away"
    ) -> Finding:
        when = window.candles["date"].iloc[cut]
        named = ", ".join(changed[:4]) + (f" and {len(changed) - 4} more" if len(changed) > 4 else "")  # noqa: PLR2004
        words = f"{named} of {window.pair} up to {when:%Y-%m-%d %H:%M} change when the later candles {what_happens}"
        used = any(name in _SIGNALS or name in _TAGS for name in changed) or self._signals_need(window, changed)
        return finding("LOOKAHEAD" if used else "LOOKAHEAD_UNUSED", words, self._line_of_columns(changed))

    def _signals_need(self, window: _Window, columns: Sequence[str]) -> bool:
        """Say whether signals change where the values of these columns are shuffled."""
        shuffled = window.indicators.copy()
        for name in columns:
            if name in shuffled.columns:
                shuffled[name] = shuffled[name].to_numpy()[self._draw.permutation(len(shuffled))]
        strategy = self._fresh()
        try:
            with_signals = strategy.ft_advise_signals(shuffled, {"pair": window.pair})
        except Exception:  # noqa: BLE001 (code that minds the order of the values needs them)
            return True
        last = len(with_signals) - 1
        differing = _changed_columns(window.analysed, with_signals, last, rows=last + 1)
        return any(name in _SIGNALS or name in _TAGS for name in differing)

    def _differs_by_itself(self, windows: Sequence[_Window]) -> bool:
        strategy = self._fresh()
        for window in windows:
            _, again = self._analysed(strategy, window.pair, window.candles)
            last = len(again) - 1
            if _changed_columns(window.analysed, again, last, rows=last + 1):
                return True
        return False

    def _compare_starts(self, windows: Sequence[_Window]) -> Iterator[Finding]:
        """Compare a row with what it is when only the startup candles stand before it, and find out how many do."""
        for window in windows[:2]:
            late = [cut for cut in window.cuts if cut > 2 * self._startup + _ROWS_COMPARED]
            if not late or not self._startup:
                continue
            row = late[-1]
            changed = self._changed_by_start(window, row, self._startup)
            if not changed:
                continue
            words = f"With {self._startup} candles before it, {', '.join(changed[:4])} differ by more than 1 %"
            yield finding("STARTUP_SHORT", words + self._how_many_do(window, row), self._line_of_columns(changed))
            return

    def _how_many_do(self, window: _Window, row: int) -> str:
        for times in _TIMES_AS_MANY:
            if times * self._startup <= row and not self._changed_by_start(window, row, times * self._startup):
                return f"; with {times * self._startup} none does"
        return "; more candles change that little: values that depend on where the history begins never settle"

    def _changed_by_start(self, window: _Window, row: int, startup: int) -> list[str]:
        """Give the columns that are others at this row where so many candles stand before it."""
        part = window.candles.iloc[row - startup : row + 1].reset_index(drop=True)
        try:
            _, short = self._analysed(self._fresh(), window.pair, part)
        except Exception:  # noqa: BLE001 (a hint only; errors are found elsewhere)
            return []
        return _changed_values(window.analysed, row, short.iloc[-1])


def _around(candles: pd.DataFrame, signals: list[int], startup: int) -> pd.DataFrame:
    """Give a part of the history that has room before it and signals in it."""
    length = startup + _ROWS_IN_A_WINDOW
    if len(candles) <= length:
        return candles
    middle = signals[len(signals) // 2] if signals else len(candles) // 2
    start = min(max(0, middle - length // 2 - startup // 2), len(candles) - length)
    return candles.iloc[start : start + length].reset_index(drop=True)


def _changed_columns(whole: pd.DataFrame, cut: pd.DataFrame, last: int, rows: int = _ROWS_COMPARED) -> list[str]:
    """Give the columns that differ in the last rows up to this one."""
    first = max(0, last + 1 - rows)
    one, other = whole.iloc[first : last + 1], cut.iloc[first : last + 1]
    values = [name for name in one.columns if name not in _CANDLES and name not in _SIGNALS]
    changed = [str(name) for name in values if name not in other.columns or not _equal(one[name], other[name])]
    return changed + [name for name in _SIGNALS if not np.array_equal(_true(one, name), _true(other, name))]


def _true(rows: pd.DataFrame, signal: str) -> npt.NDArray[np.bool_]:
    return (rows[signal] == 1).to_numpy() if signal in rows.columns else np.zeros(len(rows), dtype=bool)


def _equal(one: "pd.Series[float]", other: "pd.Series[float]") -> bool:
    if one.dtype.kind in "fiub" and other.dtype.kind in "fiub":
        left, right = one.to_numpy(dtype="float64"), other.to_numpy(dtype="float64")
        return bool(np.allclose(left, right, rtol=_RELATIVE, atol=_ABSOLUTE, equal_nan=True))
    pairs = zip(one.tolist(), other.tolist(), strict=True)
    return all(a == b or (_nothing(a) and _nothing(b)) for a, b in pairs)


def _nothing(value: object) -> bool:
    return value is None or value == "" or value != value  # noqa: PLR0124 (NaN is not itself)


def _changed_values(analysed: pd.DataFrame, row: int, other: "pd.Series[float]") -> list[str]:
    """Give the columns whose value at a row differs: by more than a share of it, and of how much the column varies."""
    one = analysed.iloc[row]
    changed = []
    for name in one.index:
        left, right = one[name], other.get(name)
        if name in _CANDLES | _TAGS | set(_SIGNALS) or not isinstance(left, float) or not isinstance(right, float):
            continue
        size = max(abs(left), float(analysed[name].std()))  # near zero a share of the value says nothing
        if np.isnan(right) != np.isnan(left) or abs(left - right) > _WARM_RELATIVE * size + _ABSOLUTE:
            changed.append(str(name))
    return changed
