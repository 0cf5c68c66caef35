"""Markets: what ccxt would say of a pair, so that a backtest needs no exchange."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

from cfsm.adapters.market_data.candles import Candles, Floats
from cfsm.adapters.market_data.series import CandleType

TAKER_FEE, MAKER_FEE = 0.0005, 0.0002
_MOST_DIGITS = 10
_LOOKED_AT = 5_000  # candles: enough to meet every digit that an exchange uses


@dataclass(frozen=True)
class Instrument:
    """How a pair is quoted, and how it behaves in the synthetic market.

    Prices are multiples of 10**-price_digits, amounts of 10**-amount_digits; ``cost_min`` is the smallest
    order in the quote currency. ``level`` is the usual price; ``volatility`` the standard deviation of a day's
    log return; ``loading`` the part of a return that comes from the market as a whole (0 to 1); ``turnover``
    the usual trade in the quote currency in five minutes. The figures are near those of Binance's USDT-margined
    futures in 2025.
    """

    price_digits: int
    amount_digits: int
    cost_min: float
    level: float
    volatility: float
    loading: float
    turnover: float


INSTRUMENTS: Mapping[str, Instrument] = {
    "BTC/USDT:USDT": Instrument(1, 3, 100.0, 95_000.0, 0.023, 0.86, 35e6),
    "ETH/USDT:USDT": Instrument(2, 3, 20.0, 3_300.0, 0.036, 0.88, 32e6),
    "SOL/USDT:USDT": Instrument(2, 2, 5.0, 180.0, 0.043, 0.88, 10e6),
    "XRP/USDT:USDT": Instrument(4, 1, 5.0, 2.3, 0.041, 0.86, 5e6),
    "BNB/USDT:USDT": Instrument(2, 2, 5.0, 680.0, 0.027, 0.78, 1.3e6),
    "DOGE/USDT:USDT": Instrument(5, 0, 5.0, 0.25, 0.048, 0.87, 3.4e6),
    "ADA/USDT:USDT": Instrument(4, 0, 5.0, 0.75, 0.046, 0.86, 1.5e6),
    "AVAX/USDT:USDT": Instrument(3, 0, 5.0, 28.0, 0.047, 0.85, 1.2e6),
    "LINK/USDT:USDT": Instrument(3, 2, 20.0, 18.0, 0.045, 0.85, 1.2e6),
    "LTC/USDT:USDT": Instrument(2, 3, 20.0, 100.0, 0.038, 0.80, 0.9e6),
    "DOT/USDT:USDT": Instrument(3, 1, 5.0, 5.5, 0.045, 0.85, 0.6e6),
    "NEAR/USDT:USDT": Instrument(3, 0, 5.0, 3.5, 0.050, 0.84, 0.6e6),
    "TRX/USDT:USDT": Instrument(5, 0, 5.0, 0.25, 0.022, 0.55, 0.5e6),
    "AAVE/USDT:USDT": Instrument(2, 1, 5.0, 270.0, 0.052, 0.80, 0.7e6),
}


def instrument_of(pair: str) -> Instrument:
    """Give a pair's figures; for one that is not listed, plausible ones that depend on its name alone."""
    if pair in INSTRUMENTS:
        return INSTRUMENTS[pair]
    draw = crc32(pair.encode())
    level = 10.0 ** (draw % 5 - 2)
    return Instrument(
        price_digits=6 - draw % 5,
        amount_digits=draw % 5 // 2,
        cost_min=5.0,
        level=level,
        volatility=0.04 + draw % 7 * 0.002,
        loading=0.8,
        turnover=1e6,
    )


def split_pair(pair: str) -> tuple[str, str, str]:
    """Take a futures pair apart: base, quote, settle. Raise ValueError if it is not like BTC/USDT:USDT."""
    base, _, rest = pair.partition("/")
    quote, _, settle = rest.partition(":")
    if not (base and quote and settle):
        raise ValueError(f"{pair!r} is no futures pair: write it like BTC/USDT:USDT")
    return base, quote, settle


def market(pair: str, price_digits: int, amount_digits: int, cost_min: float) -> dict[str, Any]:
    """Describe a linear perpetual as ccxt does. Raise ValueError if the pair is not like BTC/USDT:USDT."""
    base, quote, settle = split_pair(pair)
    tick, step = 10.0**-price_digits, 10.0**-amount_digits
    return {
        "id": f"{base}{quote}",
        "symbol": pair,
        "base": base,
        "quote": quote,
        "settle": settle,
        "baseId": base,
        "quoteId": quote,
        "settleId": settle,
        "type": "swap",
        "spot": False,
        "margin": False,
        "swap": True,
        "future": False,
        "option": False,
        "active": True,
        "contract": True,
        "linear": True,
        "inverse": False,
        "subType": "linear",
        "taker": TAKER_FEE,
        "maker": MAKER_FEE,
        "contractSize": 1.0,
        "expiry": None,
        "expiryDatetime": None,
        "strike": None,
        "optionType": None,
        "precision": {"amount": round(step, amount_digits), "price": round(tick, price_digits)},
        "limits": {
            "leverage": {"min": None, "max": None},
            "amount": {"min": round(step, amount_digits), "max": 1e9},
            "price": {"min": round(tick, price_digits), "max": 1e9},
            "cost": {"min": cost_min, "max": None},
        },
        "marginModes": {"cross": True, "isolated": True},
        "percentage": True,
        "tierBased": False,
        "info": {},
    }


def listed_market(pair: str) -> dict[str, Any]:
    """Describe the market of a pair of the synthetic exchange."""
    figures = instrument_of(pair)
    return market(pair, figures.price_digits, figures.amount_digits, figures.cost_min)


def market_from_candles(pair: str, candles: Iterable[Candles]) -> dict[str, Any]:
    """Describe a pair's market by the digits that its prices and volumes use.

    The smallest order is the one known for the pair, else 5 of the quote currency. A markets file from the
    exchange is better: pass one where it is at hand.
    """
    price_digits = amount_digits = 0
    for each in candles:
        if each.series.candle_type is CandleType.FUTURES:
            prices = np.concatenate([each.columns[name][-_LOOKED_AT:] for name in ("open", "high", "low", "close")])
            price_digits = max(price_digits, digits_of(prices))
            amount_digits = max(amount_digits, digits_of(each.columns["volume"][-_LOOKED_AT:]))
    known = INSTRUMENTS.get(pair)
    if known:
        amount_digits = known.amount_digits
    return market(pair, price_digits, amount_digits, known.cost_min if known else 5.0)


def digits_of(values: Floats) -> int:
    """Count the decimal digits that the values use, at most 10; the noise of summing floats is no digit."""
    for digits in range(_MOST_DIGITS):
        scaled = values * 10.0**digits
        if np.all(np.abs(scaled - np.rint(scaled)) < 1e-9 + 1e-11 * np.abs(scaled)):
            return digits
    return _MOST_DIGITS
