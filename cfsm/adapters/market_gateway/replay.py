"""The replay backend: every answer made from candles, on a clock that whoever replays steps.

A session is one bot's time line. Nothing after its clock is ever given. What a candle does not say is declared: the
spread of the book, its depth, and the price's way through the candle (``price_path``).
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil, floor
from typing import Any

from cfsm.adapters.market_data import CandleType
from cfsm.adapters.market_gateway.asked import Answered, Asked, Refusal
from cfsm.adapters.market_gateway.replay_market import FUNDING_STEP_MS, ReplayMarket
from cfsm.adapters.market_gateway.symbols import Symbol

_DAY_MS = 86_400_000
_DEPTH_LIMITS = (5, 10, 20, 50, 100, 500, 1000)
_LEVEL_SHARE = 1 / 200
"""Each level of the book holds this share of the last whole candle's volume."""

_MOST_LEVELS = 20
_RATE_LIMITS = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
    {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
]


@dataclass(frozen=True)
class Terms:
    """What a replay declares beside the candles: the spread in basis points of the price, and the seed of the ways."""

    spread_bps: float = 1.0
    seed: int = 0


@dataclass
class ReplaySession:
    """One time line on a market. ``calls`` counts what was asked, by path."""

    market: ReplayMarket
    terms: Terms
    now_ms: int
    calls: Counter[str] = field(default_factory=Counter)

    async def answer(self, asked: Asked) -> Answered:
        """Answer as the exchange would have at this moment."""
        self.calls[asked.path] += 1
        question = _QUESTIONS.get(asked.path)
        if question is None:
            return Refusal(404, -1000, f"The replay does not serve {asked.path}.").answer()
        try:
            content = question(self, asked)
        except Refusal as refusal:
            return refusal.answer()
        return Answered(200, content) if isinstance(content, bytes) else Answered.of(content)

    # What the exchange knows at this moment

    def price(self, symbol: Symbol) -> float:
        """Give the price now. Raise Refusal before the first candle."""
        price = self.market.base(symbol.name).price(self.now_ms, self.terms.seed)
        if price is None:
            raise Refusal(400, -1122, "Invalid symbol status.")
        return price

    def best(self, symbol: Symbol) -> tuple[float, float]:
        """Give the best bid and ask now: half the spread away from the price, at least half a tick."""
        tick, price = symbol.tick, self.price(symbol)
        half = max(tick / 2, price * self.terms.spread_bps / 20_000)
        return floor((price - half) / tick + 1e-6) * tick, ceil((price + half) / tick - 1e-6) * tick


def _time(session: ReplaySession, _: Asked) -> Any:
    return {"serverTime": session.now_ms}


def _exchange_info(session: ReplaySession, _: Asked) -> Any:
    return {
        "timezone": "UTC",
        "serverTime": session.now_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": _RATE_LIMITS,
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [symbol.facts for symbol in session.market.symbols.values()],
    }


def _klines(kind: CandleType) -> Callable[[ReplaySession, Asked], bytes]:
    def answer(session: ReplaySession, asked: Asked) -> bytes:
        symbol = session.market.symbol(asked.text("symbol") or asked.text("pair"))
        asked.interval_ms()
        window = asked.whole("startTime"), asked.whole("endTime"), asked.limit(500, 1500)
        return session.market.klines(
            symbol.name, asked.required("interval"), window, session.now_ms, session.terms.seed, kind
        )

    return answer


def _funding_rate(session: ReplaySession, asked: Asked) -> Any:
    symbol = session.market.symbol(asked.required("symbol"))
    start, end, limit = asked.whole("startTime"), asked.whole("endTime"), asked.limit(100, 1000)
    last = session.now_ms if end is None else min(end, session.now_ms)
    settled = [each for each in session.market.funding(symbol.name) if (start or 0) <= each[0] <= last]
    chosen = settled[-limit:] if start is None else settled[:limit]
    marks = session.market.tape(symbol.name, "1h", CandleType.MARK)
    assert marks is not None, "a dataset without marks is not usable"
    return [
        {
            "symbol": symbol.name,
            "fundingTime": moment,
            "fundingRate": f"{rate:.8f}",
            "markPrice": f"{marks.bar(place).open:.8f}" if (place := marks.place(moment)) >= 0 else "",
            "rateType": "Regular",
        }
        for moment, rate in chosen
    ]


def _funding_info(session: ReplaySession, _: Asked) -> Any:
    return [
        {
            "symbol": name,
            "adjustedFundingRateCap": "0.02000000",
            "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": 8,
            "disclaimer": False,
            "updateTime": None,
        }
        for name in session.market.symbols
    ]


def _depth(session: ReplaySession, asked: Asked) -> Any:
    symbol = session.market.symbol(asked.required("symbol"))
    limit = asked.whole("limit") or 500
    if limit not in _DEPTH_LIMITS:
        raise Refusal(400, -4021, f"{limit} is not valid depth limit")
    bid, ask = session.best(symbol)
    tick, digits = symbol.tick, symbol.price_digits
    tape = session.market.base(symbol.name)
    volume = tape.bar(max(tape.place(session.now_ms) - 1, 0)).volume
    quantity = f"{max(volume * _LEVEL_SHARE, 10.0**-symbol.amount_digits):.{symbol.amount_digits}f}"
    levels = range(min(limit, _MOST_LEVELS))
    return {
        "lastUpdateId": session.now_ms,
        "E": session.now_ms,
        "T": session.now_ms,
        "bids": [[f"{bid - level * tick:.{digits}f}", quantity] for level in levels],
        "asks": [[f"{ask + level * tick:.{digits}f}", quantity] for level in levels],
    }


def _of_each(one: Callable[[ReplaySession, Symbol], Mapping[str, Any]]) -> Callable[[ReplaySession, Asked], Any]:
    """Give one symbol's answer, or those of all where none is named."""

    def answer(session: ReplaySession, asked: Asked) -> Any:
        name = asked.text("symbol")
        if name is not None:
            return one(session, session.market.symbol(name))
        return [one(session, symbol) for symbol in session.market.symbols.values()]

    return answer


def _day_ticker(session: ReplaySession, symbol: Symbol) -> Mapping[str, Any]:
    tape, now = session.market.base(symbol.name), session.now_ms
    digits, price = symbol.price_digits, session.price(symbol)
    here = tape.place(now)
    begin = max(tape.place(now - _DAY_MS), 0)
    bars = [tape.bar(place) for place in range(begin, here)] or [tape.bar(here)]
    volume = sum(bar.volume for bar in bars)
    turnover = sum(bar.volume * bar.close for bar in bars)
    change = price - bars[0].open
    return {
        "symbol": symbol.name,
        "priceChange": f"{change:.{digits}f}",
        "priceChangePercent": f"{change / bars[0].open * 100:.3f}",
        "weightedAvgPrice": f"{turnover / volume if volume else price:.{digits}f}",
        "lastPrice": f"{price:.{digits}f}",
        "lastQty": f"{10.0**-symbol.amount_digits:.{symbol.amount_digits}f}",
        "openPrice": f"{bars[0].open:.{digits}f}",
        "highPrice": f"{max(price, *(bar.high for bar in bars)):.{digits}f}",
        "lowPrice": f"{min(price, *(bar.low for bar in bars)):.{digits}f}",
        "volume": f"{volume:.3f}",
        "quoteVolume": f"{turnover:.2f}",
        "openTime": tape.opening_ms(begin),
        "closeTime": now,
        "firstId": 1,
        "lastId": len(bars),
        "count": len(bars),
    }


def _book_ticker(session: ReplaySession, symbol: Symbol) -> Mapping[str, Any]:
    bid, ask = session.best(symbol)
    digits, one = symbol.price_digits, f"{1:.{symbol.amount_digits}f}"
    return {
        "symbol": symbol.name,
        "bidPrice": f"{bid:.{digits}f}",
        "bidQty": one,
        "askPrice": f"{ask:.{digits}f}",
        "askQty": one,
        "time": session.now_ms,
        "lastUpdateId": session.now_ms,
    }


def _price_ticker(session: ReplaySession, symbol: Symbol) -> Mapping[str, Any]:
    price = f"{session.price(symbol):.{symbol.price_digits}f}"
    return {"symbol": symbol.name, "price": price, "time": session.now_ms}


def _premium_index(session: ReplaySession, symbol: Symbol) -> Mapping[str, Any]:
    price, now = f"{session.price(symbol):.8f}", session.now_ms
    settled = [rate for moment, rate in session.market.funding(symbol.name) if moment <= now]
    return {
        "symbol": symbol.name,
        "markPrice": price,
        "indexPrice": price,
        "estimatedSettlePrice": price,
        "lastFundingRate": f"{settled[-1] if settled else 0.0:.8f}",
        "interestRate": "0.00010000",
        "nextFundingTime": (now // FUNDING_STEP_MS + 1) * FUNDING_STEP_MS,
        "time": now,
    }


_QUESTIONS: Mapping[str, Callable[[ReplaySession, Asked], Any]] = {
    "fapi/v1/ping": lambda *_: {},
    "fapi/v1/time": _time,
    "fapi/v1/exchangeInfo": _exchange_info,
    "fapi/v1/klines": _klines(CandleType.FUTURES),
    "fapi/v1/continuousKlines": _klines(CandleType.FUTURES),
    "fapi/v1/indexPriceKlines": _klines(CandleType.FUTURES),
    "fapi/v1/markPriceKlines": _klines(CandleType.MARK),
    "fapi/v1/fundingRate": _funding_rate,
    "fapi/v1/fundingInfo": _funding_info,
    "fapi/v1/depth": _depth,
    "fapi/v1/ticker/24hr": _of_each(_day_ticker),
    "fapi/v1/ticker/price": _of_each(_price_ticker),
    "fapi/v2/ticker/price": _of_each(_price_ticker),
    "fapi/v1/ticker/bookTicker": _of_each(_book_ticker),
    "fapi/v1/premiumIndex": _of_each(_premium_index),
}
