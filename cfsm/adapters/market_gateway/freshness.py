"""How long an answer of the exchange holds: until the candle closes, for a second or two, or for ever."""

from cfsm.adapters.market_gateway.asked import INTERVALS_MS, Asked

FOREVER_MS = 3_600_000
"""Candles that are over do not change; they are kept for an hour."""

_WEEK_OFFSET_MS = 4 * 86_400_000  # weekly candles open on Mondays
_SETTLED_MS = 3_000
"""So long after its close an exchange may still correct a candle."""

_MINUTE_MS, _HOUR_MS = 60_000, 3_600_000
_HELD_MS = {
    "fapi/v1/exchangeInfo": _HOUR_MS,
    "fapi/v1/fundingInfo": _HOUR_MS,
    "fapi/v1/openInterest": 30_000,
}
_PRICES_HELD_MS = {
    "fapi/v1/premiumIndex": 5_000,
    "fapi/v1/ticker/24hr": 5_000,
    "fapi/v1/ticker/price": 1_000,
    "fapi/v2/ticker/price": 1_000,
    "fapi/v1/ticker/bookTicker": 10_000,  # two of Freqtrade's looks
    "fapi/v1/depth": 1_000,
}
"""No longer than the minute: who knows how a candle closed is given no price of before that."""

KLINES = frozenset(
    {"fapi/v1/klines", "fapi/v1/continuousKlines", "fapi/v1/indexPriceKlines", "fapi/v1/markPriceKlines"}
)


def held_until_ms(asked: Asked, now_ms: int) -> int:
    """Give until when an answer holds that comes now; ``now_ms`` itself for what is never kept.

    Candles hold until the one that is forming closes: bots look at closed ones. A range that is over holds long, unless
    its last candle has only just closed.
    """
    if asked.path in _PRICES_HELD_MS:
        return min(now_ms + _PRICES_HELD_MS[asked.path], (now_ms // _MINUTE_MS + 1) * _MINUTE_MS)
    if asked.path not in KLINES:
        return now_ms + _HELD_MS.get(asked.path, 0)
    step = INTERVALS_MS.get(asked.text("interval") or "", 0)
    if not step:
        return now_ms
    offset = _WEEK_OFFSET_MS if asked.text("interval") == "1w" else 0
    opening = (now_ms - offset) // step * step + offset
    end = _last_opening(asked, step)
    if end is not None and end < opening:
        return now_ms + FOREVER_MS if now_ms - (end + step) > _SETTLED_MS else now_ms + _SETTLED_MS
    return opening + step


def is_prefetched(asked: Asked) -> bool:
    """Say whether the answer is worth having again the moment that it is over: the latest candles, and the symbols."""
    return (asked.path in KLINES and asked.text("endTime") is None) or asked.path == "fapi/v1/exchangeInfo"


def _last_opening(asked: Asked, step_ms: int) -> int | None:
    """Give when the last candle opens that a question can be answered with; None where it is the latest one."""
    texts = [asked.text(name) for name in ("startTime", "endTime", "limit")]
    start, end, limit = (int(text) if text and text.isascii() and text.isdecimal() else None for text in texts)
    ends = [] if end is None else [end // step_ms * step_ms]
    if start is not None:
        ends.append(start + (limit or 500) * step_ms)
    return min(ends, default=None)
