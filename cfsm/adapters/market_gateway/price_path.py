"""The price on its way through a candle: what a replay shows of a candle that is still forming.

A candle says where the price was, not when. The way taken here is declared, not known: the price rests at the open,
is at one extreme after a quarter of the candle, at the other after half of it, and at the close at its end. Which
extreme comes first is drawn from the candle's time and the replay's seed, not from the close: else the first move
would tell how the candle ends. A bot that looks at 1/4 and 1/2 sees every price that the candle had.
"""

from dataclasses import dataclass

REST_SHARE = 0.01
"""The price rests for this share of the candle at its open and at each extreme: looking a second late sees it still."""

_FIRST, _SECOND = 0.25, 0.5


@dataclass(frozen=True, slots=True)
class Bar:
    """One candle."""

    open: float
    high: float
    low: float
    close: float
    volume: float


def walked(bar: Bar, share: float, *, low_first: bool) -> Bar:
    """Give the candle as far as it is walked: ``share`` is 0 at its opening, 1 at its end."""
    if share >= 1:
        return bar
    first, second = (bar.low, bar.high) if low_first else (bar.high, bar.low)
    legs = (
        (0.0, bar.open, bar.open),
        (REST_SHARE, bar.open, bar.open),
        (_FIRST, bar.open, first),
        (_FIRST + REST_SHARE, first, first),
        (_SECOND, first, second),
        (_SECOND + REST_SHARE, second, second),
        (1.0, second, bar.close),
    )
    seen, start = [bar.open], 0.0
    for end, begin_price, end_price in legs:
        if share < end:
            price = begin_price + (end_price - begin_price) * (share - start) / (end - start)
            break
        seen.append(end_price)
        start, price = end, end_price
    seen.append(price)
    return Bar(bar.open, max(seen), min(seen), price, bar.volume * max(share, 0.0))


def is_low_first(opening_ms: int, step_ms: int, seed: int) -> bool:
    """Draw which extreme of a candle comes first: the same for every bot that asks."""
    return bool((opening_ms // step_ms + seed * 7_919) * 2_654_435_761 >> 13 & 1)
