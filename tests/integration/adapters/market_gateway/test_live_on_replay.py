"""Through the gateway bots are told what the exchange would tell them: a replay plays the exchange."""

import asyncio
from datetime import UTC, datetime

import orjson

from cfsm.adapters.market_data import DatasetStore
from cfsm.adapters.market_gateway.asked import Answered, Asked
from cfsm.adapters.market_gateway.live import LiveBackend
from cfsm.adapters.market_gateway.replay import ReplaySession, Terms
from cfsm.adapters.market_gateway.replay_market import ReplayMarket

BEGIN_MS = int(datetime(2025, 2, 3, 22, tzinfo=UTC).timestamp() * 1000)
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
OPENINGS = [BEGIN_MS + minutes * MINUTE_MS for minutes in (3, 47, 130, 305)]
"""When trades were opened that fees are asked for, around midnight."""


class Reached(LiveBackend):
    """A backend whose exchange is a replay in this process."""

    def __init__(self, session):
        super().__init__(
            "http://exchange.example", [], weight_per_minute=10_000, cache_bytes=1 << 20, timeout_seconds=1.0,
            now=lambda: session.now_ms / 1000,
        )  # fmt: skip
        self.session = session
        self.asked = 0

    async def _ask_now(self, asked: Asked) -> Answered:
        self.asked += 1
        return await self.session.answer(asked)


def questions(now_ms):
    yield Asked("fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "15m", "limit": "499"})
    for opening in OPENINGS:
        if opening <= now_ms:
            since = {"symbol": "BTCUSDT", "startTime": str(opening)}
            yield Asked("fapi/v1/fundingRate", since)
            yield Asked("fapi/v1/markPriceKlines", {**since, "interval": "1h", "limit": "499"})


def closed(asked, answered, now_ms):
    """Give what does not change any more: of candles those that have closed, of marks their openings, all of rates."""
    assert answered.status == 200
    content = orjson.loads(answered.body)
    if asked.path == "fapi/v1/klines":
        return [each for each in content if each[6] < now_ms]
    if asked.path == "fapi/v1/markPriceKlines":
        return [each[:2] for each in content]
    return content


def test_what_bots_are_told_is_what_the_exchange_says(datasets):
    session = ReplaySession(ReplayMarket(DatasetStore(datasets).open("synthetic")), Terms(1.0, 0), BEGIN_MS)

    async def story():
        backend, compared = Reached(session), 0
        for minute in range(0, 14 * 60, 5):
            session.now_ms = BEGIN_MS + minute * MINUTE_MS + 1_000
            for asked in questions(session.now_ms):
                ours, theirs = await backend.answer(asked), await session.answer(asked)
                assert closed(asked, ours, session.now_ms) == closed(asked, theirs, session.now_ms), (asked, minute)
                compared += 1
        return backend, compared

    backend, compared = asyncio.run(story())

    settled = orjson.loads(asyncio.run(session.answer(list(questions(session.now_ms))[1])).body)
    assert len(settled) >= 2, "rates were settled meanwhile"
    assert backend.asked < compared / 10
