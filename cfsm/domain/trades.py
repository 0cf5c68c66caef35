"""One closed trade, spelled Freqtrade's way, and refused where its numbers cannot be those of a trade.

Trades come out of a sandbox in which strangers' code ran: whatever is built here is finite, in order and
within bounds, so that nothing computed from it overflows or is NaN.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

LARGEST = 1e18
"""No rate, amount or profit is larger: sums of millions of them, and their fourth powers, stay finite."""

LATEST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999, the last that Python's dates know."""

MAX_TEXT_CHARACTERS = 255
"""Freqtrade's database cuts tags and reasons here; so do we."""

_BOUNDS = {
    **dict.fromkeys(("open_rate", "close_rate", "amount", "stake_amount"), (1 / LARGEST, LARGEST)),
    "leverage": (1.0, LARGEST),
    **dict.fromkeys(("fee_open", "fee_close"), (0.0, 1.0)),
    **dict.fromkeys(("funding_fees", "profit_abs", "profit_ratio"), (-LARGEST, LARGEST)),
    **dict.fromkeys(("liquidation_price", "min_rate", "max_rate"), (0.0, LARGEST)),
}


class BadTrade(ValueError):
    """This is not a trade; the message says which field is wrong and how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A closed trade. Raise BadTrade for numbers that no trade has.

    Dates are milliseconds since 1970 in UTC, rates in stake currency per unit, ``amount`` in units of the
    base currency, ``stake_amount`` and ``profit_abs`` in stake currency (the stake without leverage), fees as
    ratios, ``funding_fees`` positive where the trade gained by them, ``profit_ratio`` on the stake, fees
    included.
    """

    pair: str
    is_short: bool
    open_date: int
    close_date: int
    open_rate: float
    close_rate: float
    amount: float
    stake_amount: float
    leverage: float
    fee_open: float
    fee_close: float
    funding_fees: float
    profit_abs: float
    profit_ratio: float
    exit_reason: str
    enter_tag: str | None = None
    liquidation_price: float | None = None
    min_rate: float | None = None
    max_rate: float | None = None

    def __post_init__(self) -> None:
        if not self.pair:
            raise BadTrade("pair is empty")
        if not 0 <= self.open_date <= self.close_date <= LATEST_MS:
            raise BadTrade(f"{self.pair!r}: close_date {self.close_date} is before open_date {self.open_date}")
        for field, (least, most) in _BOUNDS.items():
            value = getattr(self, field)
            # The comparison with NaN is false.
            if value is not None and not least <= value <= most:
                raise BadTrade(f"{self.pair!r}: {field} is {value}, not from {least:g} to {most:g}")
        if self.min_rate is not None and self.max_rate is not None and self.min_rate > self.max_rate:
            raise BadTrade(f"{self.pair!r}: min_rate {self.min_rate} is above max_rate {self.max_rate}")

    @property
    def fees_paid(self) -> float:
        """Both exchange fees in stake currency: exact for a trade that was entered once and left once."""
        return self.amount * (self.open_rate * self.fee_open + self.close_rate * self.fee_close)

    @classmethod
    def from_mapping(cls, facts: Mapping[str, Any]) -> "Trade":
        """Build a trade from plain data, Freqtrade's own exports included. Raise BadTrade.

        The dates are taken from ``open_timestamp`` and ``close_timestamp`` where these are given, else from
        ``open_date`` and ``close_date``, which must then be milliseconds. Other keys are not looked at.
        """
        short = facts.get("is_short")
        if not isinstance(short, bool):
            raise BadTrade(f"is_short is {_kind(short)}, not true or false")
        tag = facts.get("enter_tag")
        return cls(
            pair=_text(facts, "pair"),
            is_short=short,
            open_date=_milliseconds(facts, "open"),
            close_date=_milliseconds(facts, "close"),
            open_rate=_number(facts, "open_rate"),
            close_rate=_number(facts, "close_rate"),
            amount=_number(facts, "amount"),
            stake_amount=_number(facts, "stake_amount"),
            leverage=_number(facts, "leverage"),
            fee_open=_number(facts, "fee_open"),
            fee_close=_number(facts, "fee_close"),
            funding_fees=_number_or_none(facts, "funding_fees") or 0.0,
            profit_abs=_number(facts, "profit_abs"),
            profit_ratio=_number(facts, "profit_ratio"),
            exit_reason=_text(facts, "exit_reason"),
            enter_tag=None if tag is None else _text(facts, "enter_tag"),
            liquidation_price=_number_or_none(facts, "liquidation_price"),
            min_rate=_number_or_none(facts, "min_rate"),
            max_rate=_number_or_none(facts, "max_rate"),
        )


def trades_from(mappings: Iterable[Mapping[str, Any]]) -> tuple[Trade, ...]:
    """Build trades from plain data. Raise BadTrade, its message naming the place of the first bad one."""
    trades: list[Trade] = []
    for facts in mappings:
        try:
            trades.append(Trade.from_mapping(facts))
        except BadTrade as error:
            raise BadTrade(f"Trade {len(trades) + 1}: {error}") from error
    return tuple(trades)


def _text(facts: Mapping[str, Any], field: str) -> str:
    value = facts.get(field)
    if not isinstance(value, str):
        raise BadTrade(f"{field} is {_kind(value)}, not text")
    return value[:MAX_TEXT_CHARACTERS]


def _number(facts: Mapping[str, Any], field: str) -> float:
    value = facts.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadTrade(f"{field} is {_kind(value)}, not a number")
    if not -LARGEST <= value <= LARGEST:
        raise BadTrade(f"{field} is not a finite number of at most {LARGEST:g}")
    return float(value)


def _number_or_none(facts: Mapping[str, Any], field: str) -> float | None:
    return None if facts.get(field) is None else _number(facts, field)


def _milliseconds(facts: Mapping[str, Any], side: str) -> int:
    value = facts.get(f"{side}_timestamp", facts.get(f"{side}_date"))
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadTrade(f"{side}_date is {_kind(value)}, not milliseconds as a whole number")
    if not 0 <= value <= LATEST_MS:
        raise BadTrade(f"{side}_date is outside the years 1970 to 9999")
    return value


def _kind(value: object) -> str:
    # Never the value itself: it came out of the sandbox and may be of any size.
    return "missing" if value is None else f"of type {type(value).__name__}"
