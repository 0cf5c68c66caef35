"""What is asked of an exchange and what it answers: parameters, refusals as Binance words them, bytes of JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

INTERVALS_MS: Mapping[str, int] = {
    "1m": 60_000,
    "3m": 180_000,
    "5m": 300_000,
    "15m": 900_000,
    "30m": 1_800_000,
    "1h": 3_600_000,
    "2h": 7_200_000,
    "4h": 14_400_000,
    "6h": 21_600_000,
    "8h": 28_800_000,
    "12h": 43_200_000,
    "1d": 86_400_000,
    "3d": 259_200_000,
    "1w": 604_800_000,
}
"""The intervals of candles by their lengths; months have none."""


_MOST_DIGITS = 16


class Refusal(Exception):
    """The exchange refuses: the HTTP status, Binance's code and words."""

    def __init__(self, status: int, code: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.code = code

    def answer(self) -> "Answered":
        """Give the refusal as the exchange sends it."""
        return Answered(self.status, orjson.dumps({"code": self.code, "msg": str(self)}))


@dataclass(frozen=True, slots=True)
class Asked:
    """One GET: the path without its leading slash, the parameters in their order."""

    path: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """Give a parameter, None where it is missing or empty."""
        return self.parameters.get(name) or None

    def required(self, name: str) -> str:
        """Give a parameter. Raise Refusal where it is missing."""
        value = self.text(name)
        if value is None:
            raise Refusal(400, -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        return value

    def whole(self, name: str) -> int | None:
        """Give a parameter as a whole number, None where it is missing. Raise Refusal if it is none."""
        value = self.text(name)
        if value is None:
            return None
        if not value.isascii() or not value.isdecimal() or len(value) > _MOST_DIGITS:
            raise Refusal(
                400, -1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'."
            )
        return int(value)

    def limit(self, default: int, most: int) -> int:
        """Give ``limit``. Raise Refusal beyond its bounds."""
        limit = self.whole("limit")
        if limit is None:
            return default
        if not 1 <= limit <= most:
            raise Refusal(400, -1130, "Data sent for parameter 'limit' is not valid.")
        return limit

    def interval_ms(self) -> int:
        """Give the length of the candles asked for. Raise Refusal for an interval that there is not."""
        try:
            return INTERVALS_MS[self.required("interval")]
        except KeyError:
            raise Refusal(400, -1120, "Invalid interval.") from None


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer: HTTP status, JSON bytes, headers beside the usual ones."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, content: Any) -> "Answered":
        """Give content as a good answer."""
        return cls(200, orjson.dumps(content))


class Backend(Protocol):
    """Where a gateway's answers come from."""

    async def answer(self, asked: Asked) -> Answered:
        """Answer one question; what the exchange refuses is an answer too."""


@dataclass(frozen=True)
class _Weights:
    """Weight of a request by the ``limit`` that it asks for, as Binance publishes it; ``without`` symbol, if dearer."""

    by_limit: tuple[tuple[int, int], ...] = ()
    flat: int = 1
    without: int = 0


_KLINES = _Weights(((99, 1), (499, 2), (1000, 5), (1500, 10)))
_ENDPOINTS: Mapping[str, _Weights] = {
    "fapi/v1/ping": _Weights(),
    "fapi/v1/time": _Weights(),
    "fapi/v1/exchangeInfo": _Weights(),
    "fapi/v1/klines": _KLINES,
    "fapi/v1/continuousKlines": _KLINES,
    "fapi/v1/indexPriceKlines": _KLINES,
    "fapi/v1/markPriceKlines": _KLINES,
    "fapi/v1/depth": _Weights(((50, 2), (100, 5), (500, 10), (1000, 20))),
    "fapi/v1/ticker/24hr": _Weights(without=40),
    "fapi/v1/ticker/price": _Weights(without=2),
    "fapi/v2/ticker/price": _Weights(without=2),
    "fapi/v1/ticker/bookTicker": _Weights(flat=2, without=5),
    "fapi/v1/premiumIndex": _Weights(without=10),
    "fapi/v1/fundingRate": _Weights(),
    "fapi/v1/fundingInfo": _Weights(),
    "fapi/v1/openInterest": _Weights(),
    "fapi/v1/aggTrades": _Weights(flat=20),
    "fapi/v1/trades": _Weights(flat=5),
}
_DEFAULT_LIMIT = 500
_UNKNOWN_WEIGHT = 20

PUBLIC_PATHS = frozenset(_ENDPOINTS)
"""The endpoints of market data: those that the gateway passes on without a key."""


def weight_of(asked: Asked) -> int:
    """Give what the exchange counts for a request; a dear guess for an endpoint that is not known."""
    weights = _ENDPOINTS.get(asked.path)
    if weights is None:
        return _UNKNOWN_WEIGHT
    if weights.without and not (asked.text("symbol") or asked.text("pair")):
        return weights.without
    if weights.by_limit:
        text = asked.text("limit") or ""
        limit = int(text) if text.isascii() and text.isdecimal() else _DEFAULT_LIMIT
        return next((weight for most, weight in weights.by_limit if limit <= most), weights.by_limit[-1][1])
    return weights.flat
