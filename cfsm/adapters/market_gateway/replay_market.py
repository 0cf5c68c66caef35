"""The market of a replay: the tapes of one dataset, read once for all sessions."""

from functools import cached_property

from cfsm.adapters.market_data import CandleType, Dataset, Series, funding_of, mark_of
from cfsm.adapters.market_gateway.asked import INTERVALS_MS, Refusal
from cfsm.adapters.market_gateway.price_path import Bar
from cfsm.adapters.market_gateway.symbols import Symbol, symbol_of
from cfsm.adapters.market_gateway.tape import Digits, Tape

FUNDING_STEP_MS = 8 * 3_600_000
_MARK_INTERVAL = "1h"


class ReplayMarket:
    """The candles of a dataset by symbol and interval. Tapes are made when they are first asked for, and kept."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.symbols = {each.name: each for each in (symbol_of(dataset.markets[pair]) for pair in dataset.pairs)}
        self._tapes: dict[tuple[str, str, CandleType], Tape | None] = {}
        self._funding: dict[str, list[tuple[int, float]]] = {}

    @cached_property
    def base_interval(self) -> str:
        """The shortest interval that every pair has: the price's way is made from its candles."""
        return next(each for each in self._dataset.timeframes if self._dataset.pairs_with(each) == self._dataset.pairs)

    @cached_property
    def span_ms(self) -> tuple[int, int]:
        """When the last pair's candles begin and when the first pair's end."""
        tapes = [self.base(name) for name in self.symbols]
        return max(tape.first_ms for tape in tapes), min(tape.end_ms for tape in tapes)

    def symbol(self, name: str | None) -> Symbol:
        """Give a symbol. Raise Refusal for one that is not listed."""
        try:
            return self.symbols[name or ""]
        except KeyError:
            raise Refusal(400, -1121, "Invalid symbol.") from None

    def base(self, name: str) -> Tape:
        """Give the tape that the price of a symbol is made from."""
        tape = self.tape(name, self.base_interval, CandleType.FUTURES)
        assert tape is not None
        return tape

    def tape(self, name: str, interval: str, kind: CandleType) -> Tape | None:
        """Give the stored candles of an interval, None where the dataset has none."""
        key = name, interval, kind
        if key not in self._tapes:
            self._tapes[key] = self._read(*key)
        return self._tapes[key]

    def klines(
        self, name: str, interval: str, window: tuple[int | None, int | None, int], now_ms: int, seed: int,
        kind: CandleType = CandleType.FUTURES,
    ) -> bytes:  # fmt: skip
        """Give klines as JSON: the candles that ended by now, and the one that is forming, in a window.

        ``window`` is start, end and limit. Raise Refusal for an interval that the dataset has no candles of.
        """
        if kind is CandleType.MARK and interval != _MARK_INTERVAL:
            kind = CandleType.FUTURES  # a dataset has marks by the hour only; the last price is near the mark
        tape = self.tape(name, interval, kind)
        if tape is None:
            raise Refusal(400, -1120, f"Invalid interval. The replay's dataset has no {interval} candles.")
        start, end, limit = window
        forming = self._forming(name, tape, now_ms, seed, kind)
        if forming is not None and (
            (end is not None and forming[0] > end) or (start is not None and forming[0] < start)
        ):
            forming = None
        # Without a start the latest are wanted, the forming one among them.
        room = limit - 1 if forming is not None and start is None else limit
        rows = tape.rows(now_ms, start, end, room) if room else []
        if forming is not None and len(rows) < limit:
            rows = [*rows, tape.row(*forming)]
        return b"[" + b",".join(rows) + b"]"

    def funding(self, name: str) -> list[tuple[int, float]]:
        """Give when funding was settled, and the rates."""
        if name not in self._funding:
            candles = self._dataset.read(funding_of(self.symbols[name].pair))
            rates = candles.columns["funding_rate"].tolist()
            self._funding[name] = list(zip(candles.dates_ms.tolist(), rates, strict=True))
        return self._funding[name]

    def _forming(self, name: str, tape: Tape, now_ms: int, seed: int, kind: CandleType) -> tuple[int, Bar] | None:
        """Give the candle that is forming, made from the shorter ones that it is of."""
        opening = tape.first_ms + (now_ms - tape.first_ms) // tape.step_ms * tape.step_ms
        base = tape if kind is CandleType.MARK else self.base(name)
        found = base.forming(now_ms, seed)
        if found is None or base.opening_ms(found[0]) < opening or opening >= tape.end_ms:
            return None  # the candles are at their end, or one is missing
        parts = [*base.since(opening, found[0]), found[1]]
        high, low = max(part.high for part in parts), min(part.low for part in parts)
        volume = sum(part.volume for part in parts)
        return opening, Bar(parts[0].open, high, low, parts[-1].close, volume)

    def _read(self, name: str, interval: str, kind: CandleType) -> Tape | None:
        symbol = self.symbols[name]
        series = mark_of(symbol.pair) if kind is CandleType.MARK else Series(symbol.pair, interval, kind)
        if interval not in INTERVALS_MS or self._dataset.file(series) is None:
            return None
        return Tape(self._dataset.read(series), Digits(symbol.price_digits), Digits(symbol.amount_digits))
