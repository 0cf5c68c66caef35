"""Freqtrade's decimal arithmetic, quick: the same numbers, exactly, on the decimals of the C library."""

import decimal
from functools import lru_cache
from typing import Any

from freqtrade.exchange import exchange_utils
from freqtrade.exchange.exchange import TICK_SIZE
from freqtrade.util import FtPrecise

EXACT = decimal.Context(prec=200, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)
_KEPT = 1 << 16


@lru_cache(maxsize=_KEPT)
def exact(number: Any) -> decimal.Decimal:
    """Give a number's shortest decimal form, exactly. Raise ValueError for what is none, as `FtPrecise` does."""
    value = decimal.Decimal(str(number))
    if not value.is_finite():
        raise ValueError(f"invalid literal for int() with base 10: {str(number)!r}")  # as the original says it
    return value


class QuickPrecise:
    """Freqtrade's `FtPrecise` on the decimals of the C library; the same numbers, exactly."""

    __slots__ = ("_value",)

    def __init__(self, number: Any) -> None:
        self._value: decimal.Decimal = number._value if isinstance(number, QuickPrecise) else exact(number)  # noqa: SLF001 (its own class)

    def __add__(self, other: "QuickPrecise") -> "QuickPrecise":
        return _precise(EXACT.add(self._value, other._value))

    def __sub__(self, other: "QuickPrecise") -> "QuickPrecise":
        return _precise(EXACT.subtract(self._value, other._value))

    def __mul__(self, other: "QuickPrecise") -> "QuickPrecise":
        return _precise(EXACT.multiply(self._value, other._value))

    def __truediv__(self, other: "QuickPrecise") -> "QuickPrecise":
        """Divide as the original does, which cuts off after 18 decimals."""
        return _precise(decimal.Decimal(str(self._original() / other._original())))

    def __mod__(self, other: "QuickPrecise") -> "QuickPrecise":
        return _precise(decimal.Decimal(str(self._original() % other._original())))

    def __neg__(self) -> "QuickPrecise":
        return _precise(EXACT.minus(self._value))

    def __abs__(self) -> "QuickPrecise":
        return _precise(EXACT.abs(self._value))

    def __lt__(self, other: "QuickPrecise") -> bool:
        return self._value < other._value

    def __le__(self, other: "QuickPrecise") -> bool:
        return self._value <= other._value

    def __gt__(self, other: "QuickPrecise") -> bool:
        return self._value > other._value

    def __ge__(self, other: "QuickPrecise") -> bool:
        return self._value >= other._value

    def __eq__(self, other: object) -> bool:
        if isinstance(other, QuickPrecise):
            return self._value == other._value
        return str(self) == other

    __hash__ = None  # type: ignore[assignment]  # as the original, which is no key either

    def __float__(self) -> float:
        return float(self._value)

    def __str__(self) -> str:
        return str(self._original())

    def _original(self) -> FtPrecise:
        return FtPrecise(format(self._value, "f"))


def _precise(value: decimal.Decimal) -> QuickPrecise:
    made = object.__new__(QuickPrecise)
    made._value = value
    return made


@lru_cache(maxsize=_KEPT, typed=True)
def quick_price_to_precision(
    price: float,
    price_precision: float | None,
    precision_mode: int | None,
    *,
    rounding_mode: int = exchange_utils.ROUND,
) -> float:
    """Give what Freqtrade's `price_to_precision` gives."""
    if precision_mode != TICK_SIZE or not price_precision or not price > 0 or price_precision <= 0:
        return float(_PRICE_TO_PRECISION(price, price_precision, precision_mode, rounding_mode=rounding_mode))
    number, tick = exact(price), exact(price_precision)
    missing = EXACT.remainder(number, tick)
    if rounding_mode in {exchange_utils.ROUND_UP, exchange_utils.ROUND_DOWN}:
        if not missing:
            return price
        below = EXACT.subtract(number, missing)
        return round(float(EXACT.add(below, tick) if rounding_mode == exchange_utils.ROUND_UP else below), 14)
    below = EXACT.subtract(number, missing)
    is_nearer_above = rounding_mode == exchange_utils.ROUND and missing and missing * 2 >= tick
    return float(EXACT.add(below, tick) if is_nearer_above else below)


def quick_amount_to_contract_precision(
    amount: Any,
    amount_precision: float | None,
    precision_mode: int | None,
    contract_size: float | None,
) -> float:
    """Give what Freqtrade's `amount_to_contract_precision` gives."""
    plain = precision_mode == TICK_SIZE and amount_precision and amount_precision > 0 and amount > 0
    if not plain or (contract_size and contract_size != 1):
        return float(_AMOUNT_TO_CONTRACT_PRECISION(amount, amount_precision, precision_mode, contract_size))
    number = exact(amount)
    return float(EXACT.subtract(number, EXACT.remainder(number, exact(amount_precision))))


_PRICE_TO_PRECISION = exchange_utils.price_to_precision
_AMOUNT_TO_CONTRACT_PRECISION = exchange_utils.amount_to_contract_precision
