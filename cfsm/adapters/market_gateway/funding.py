"""Funding rates and marks since the opening of a trade: each has its own, and all of a day have them in common."""

from collections.abc import Callable
from http import HTTPStatus
from itertools import pairwise
from typing import Any

import orjson

from cfsm.adapters.market_gateway.asked import Answered, Asked

FUNDING, MARKS = "fapi/v1/fundingRate", "fapi/v1/markPriceKlines"
SINCE_OPENING = frozenset({FUNDING, MARKS})
"""What bots ask for from the opening of a trade on."""

DAY_MS, HOUR_MS, MINUTE_MS = 86_400_000, 3_600_000, 60_000
MOST_RATES, MOST_MARKS = 1_000, 499
"""So many are asked for: more rates are not given, more marks weigh more. Of so many some may be missing."""

LONGEST_MS = 4 * HOUR_MS
"""So long rates are held at most: the exchange may settle a pair more often from one day to the next."""

_MARKS_INTERVAL = "1h"
_DEFAULT_LIMIT = {FUNDING: 100, MARKS: 500}


def whole_day_before(asked: Asked) -> Asked | None:
    """Give the question for all since the beginning of the day before; None where the one asked has no such start.

    A day more shows how often rates are settled.
    """
    start, symbol = asked.text("startTime") or "", asked.text("symbol")
    if not symbol or not start.isascii() or not start.isdecimal() or asked.text("endTime"):
        return None
    shared = {"symbol": symbol, "startTime": str(max(0, int(start) // DAY_MS - 1) * DAY_MS)}
    if asked.path == FUNDING:
        return Asked(FUNDING, {**shared, "limit": str(MOST_RATES)})
    if asked.text("interval") != _MARKS_INTERVAL:
        return None
    return Asked(MARKS, {**shared, "interval": _MARKS_INTERVAL, "limit": str(MOST_MARKS)})


def those_since(answered: Answered, asked: Asked) -> Answered | None:
    """Give the rates or marks that were asked for out of those of whole days; None where they are not all there."""
    if answered.status != HTTPStatus.OK:
        return answered
    of: Callable[[Any], Any] = _settled_ms if asked.path == FUNDING else _opening_ms
    try:
        held = orjson.loads(answered.body)
        found = [each for each in held if of(each) >= int(asked.required("startTime"))]
    except (ValueError, LookupError, TypeError):
        return None
    if len(held) >= (MOST_RATES if asked.path == FUNDING else MOST_MARKS):
        return None
    limit = asked.text("limit") or ""
    most = int(limit) if limit.isascii() and limit.isdecimal() else _DEFAULT_LIMIT[asked.path]
    return Answered.of(found[:most])


def rates_until_ms(answered: Answered, now_ms: int) -> int:
    """Give until when rates hold: until the next one is settled, or for a minute where that may be any moment.

    Rates are settled on the hour, and told of some moments later.
    """
    try:
        settled = sorted(_settled_ms(each) // MINUTE_MS * MINUTE_MS for each in orjson.loads(answered.body))
    except (ValueError, LookupError, TypeError):
        settled = []
    intervals = [later - earlier for earlier, later in pairwise(settled) if later > earlier]
    if not intervals:
        upcoming = (now_ms // HOUR_MS + 1) * HOUR_MS
        return now_ms + MINUTE_MS if now_ms % HOUR_MS < 5 * MINUTE_MS else upcoming
    due = settled[-1] + min(intervals)
    return min(due, now_ms + LONGEST_MS) if due > now_ms else now_ms + MINUTE_MS


def _settled_ms(rate: Any) -> int:
    return int(rate["fundingTime"])


def _opening_ms(candle: Any) -> int:
    return int(candle[0])
