"""Books of orders from one question: the best prices of all symbols at once, before levels that are a little older.

Bots ask for the book of each pair with an open trade at every look. What they trade by is its best price; the levels
behind it only say how much a market order slips. So the levels are asked for seldom, and moved to where the best prices
are now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from cfsm.adapters.market_gateway.asked import Answered

LEVELS_HELD_MS = 3_600_000
"""So long the levels behind the best prices hold."""


@dataclass(frozen=True, slots=True)
class Levels:
    """A whole book as it was asked for: how far each level lies behind the best one, and how much stands there."""

    until_ms: int
    bids: Sequence[tuple[float, str]]
    asks: Sequence[tuple[float, str]]
    digits: int


def levels_of(answered: Answered, until_ms: int) -> Levels | None:
    """Take a book apart; None where it is none."""
    try:
        book = orjson.loads(answered.body)
        bids, asks = book["bids"], book["asks"]
        digits = len(bids[0][0].partition(".")[2])
        return Levels(
            until_ms,
            [(float(bids[0][0]) - float(price), amount) for price, amount in bids],
            [(float(price) - float(asks[0][0]), amount) for price, amount in asks],
            digits,
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def best_of(answered: Answered) -> Mapping[str, Any]:
    """Give the best prices by symbol; nothing where the answer holds none."""
    try:
        return {each["symbol"]: each for each in orjson.loads(answered.body)}
    except (ValueError, LookupError, TypeError):
        return {}


def book_of(levels: Levels, best: Mapping[str, Any], limit: int) -> Answered | None:
    """Put the levels behind the best prices; None where these cannot be."""
    try:
        bid, ask, moment = float(best["bidPrice"]), float(best["askPrice"]), int(best.get("time") or 0)
        first = (best["bidQty"], best["askQty"])
    except (ValueError, LookupError, TypeError):
        return None
    if not 0 < bid < ask:
        return None
    digits = levels.digits
    bids = [[f"{bid - away:.{digits}f}", amount] for away, amount in levels.bids[:limit] if away < bid]
    asks = [[f"{ask + away:.{digits}f}", amount] for away, amount in levels.asks[:limit]]
    bids[0][1], asks[0][1] = first
    update = int(best.get("lastUpdateId") or moment)
    return Answered.of({"lastUpdateId": update, "E": moment, "T": moment, "bids": bids, "asks": asks})
