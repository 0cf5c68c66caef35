"""What a bot says it traded, held against candles that its strategy cannot touch: the gateway's own."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import httpx
import orjson

from cfsm.application.errors import TryAgain
from cfsm.domain.trades import Trade

Range = tuple[float, float]
"""The lowest and the highest price of a candle."""

MOST_FAULTS = 5
SLACK = 0.0005
"""A fill may lie so much outside of its candle, beside the spread: levels of the book behind the best one."""

PROFIT_SLACK = 0.01
"""So much of the stake may a profit be higher than what follows from the fills: funding, rounding."""

_SAME_STAKE = 0.02
"""A stake that differs more from amount times price was added to or taken from: its profit is not one of two fills."""

_TIMEOUT_SECONDS = 10.0


class CandlesOf:
    """Asks a replay for the candle of a pair at a moment."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, pair: str, moment_ms: int) -> Range | None:
        """Give a candle's lowest and highest price; None where there is none. Raise TryAgain without a gateway."""
        symbol = pair.partition(":")[0].replace("/", "")
        for interval, step_ms in (("5m", 300_000), ("15m", 900_000), ("1h", 3_600_000)):
            opening = moment_ms // step_ms * step_ms
            rows = self._rows(symbol, interval, opening)
            if rows and rows[0][0] == opening:
                return float(rows[0][3]), float(rows[0][2])
        return None

    def _rows(self, symbol: str, interval: str, opening_ms: int) -> list[list[Any]]:
        wanted: dict[str, str | int] = {
            "symbol": symbol, "interval": interval, "startTime": opening_ms, "limit": 1,
        }  # fmt: skip
        try:
            answer = httpx.get(f"{self._url}/fapi/v1/klines", params=wanted, timeout=_TIMEOUT_SECONDS, trust_env=False)
        except httpx.HTTPError as error:
            raise TryAgain(f"the market gateway does not answer: {error!r}") from error
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise TryAgain("the market gateway knows nothing of this replay yet")
        rows = orjson.loads(answer.content)
        return rows if isinstance(rows, list) else []


def faults_of(trades: Iterable[Trade], candle: Callable[[str, int], Range | None], spread_bps: float) -> Sequence[str]:
    """Give what is impossible about closed trades, in words, at most five; empty when nothing is."""
    found: list[str] = []
    for number, trade in enumerate(trades, start=1):
        found += [f"trade {number} ({trade.pair}): {fault}" for fault in _faults(trade, candle, spread_bps)]
        if len(found) >= MOST_FAULTS:
            break
    return found[:MOST_FAULTS]


def _faults(trade: Trade, candle: Callable[[str, int], Range | None], spread_bps: float) -> Iterator[str]:
    slack = spread_bps / 10_000 + SLACK
    for what, moment, rate in (
        ("opened", trade.open_date, trade.open_rate),
        ("closed", trade.close_date, trade.close_rate),
    ):
        there = candle(trade.pair, moment)
        if there is None:
            yield f"it was {what} where there is no candle"
        elif not there[0] * (1 - slack) <= rate <= there[1] * (1 + slack):
            yield f"it was {what} at {rate:g}, outside of its candle ({there[0]:g} to {there[1]:g})"
    if abs(trade.amount * trade.open_rate / trade.leverage - trade.stake_amount) > _SAME_STAKE * trade.stake_amount:
        return  # it was added to or taken from in between
    earned = _profit(trade)
    if trade.profit_abs > earned + PROFIT_SLACK * trade.stake_amount:
        yield f"it says it gained {trade.profit_abs:.4f}, where its fills give {earned:.4f}"


def _profit(trade: Trade) -> float:
    """Give the profit that follows from the two fills, fees and funding."""
    opened, closed = trade.amount * trade.open_rate, trade.amount * trade.close_rate
    fees = opened * trade.fee_open + closed * trade.fee_close
    return (opened - closed if trade.is_short else closed - opened) - fees + trade.funding_fees
