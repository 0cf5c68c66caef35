"""Funding rates since the opening of a trade: every trade has its own, and all of a day have them in common."""

from http import HTTPStatus

import orjson

from cfsm.adapters.market_gateway.asked import Answered, Asked

DAY_MS = 86_400_000
MOST_RATES = 1_000
"""The exchange gives no more at once; where there are so many, some may be missing."""


def whole_day_before(asked: Asked) -> Asked | None:
    """Give the question for all rates since the beginning of the day; None where the one asked has no such start."""
    start, symbol = asked.text("startTime") or "", asked.text("symbol")
    if not symbol or not start.isascii() or not start.isdecimal() or asked.text("endTime"):
        return None
    return Asked(
        asked.path, {"symbol": symbol, "startTime": str(int(start) // DAY_MS * DAY_MS), "limit": str(MOST_RATES)}
    )


def rates_since(answered: Answered, asked: Asked) -> Answered | None:
    """Give the rates that were asked for out of those of whole days; None where they are not all there."""
    if answered.status != HTTPStatus.OK:
        return answered
    try:
        rates = orjson.loads(answered.body)
        found = [each for each in rates if each["fundingTime"] >= int(asked.required("startTime"))]
    except (ValueError, LookupError, TypeError):
        return None
    if len(rates) >= MOST_RATES:
        return None
    limit = asked.text("limit") or ""
    return Answered.of(found[: int(limit) if limit.isascii() and limit.isdecimal() else 100])
