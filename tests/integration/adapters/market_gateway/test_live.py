"""The live backend against a server on loopback that plays the internet: what it saves, and what it does when that fails."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from cfsm.adapters.market_gateway import live as module
from cfsm.adapters.market_gateway.asked import Asked
from cfsm.adapters.market_gateway.live import LiveBackend
from tests.fakes.exchange import FakeExchange, refused

MINUTE = 60.0
KLINES = Asked("fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "5m", "limit": "499"})
DEPTH = Asked("fapi/v1/depth", {"symbol": "BTCUSDT", "limit": "20"})


class Clock:
    """Seconds that the test sets; begins ten seconds after a five-minute candle opened."""

    def __init__(self):
        self.now = 1_744_070_410.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(module, "PREFETCH_SECONDS", 0.01)


@asynccontextmanager
async def market(clock, **options):
    given = {"weight_per_minute": 1200, "cache_bytes": 1 << 20, "timeout_seconds": 2.0}
    exchange = await FakeExchange().start()
    changes = []
    backend = LiveBackend(exchange.url, changes, now=clock, **given | options)
    await backend.start()
    try:
        yield exchange, backend, changes
    finally:
        await backend.stop()
        await exchange.stop()


def test_equal_questions_at_the_same_time_are_asked_once(clock):
    async def story():
        async with market(clock) as (exchange, backend, _):
            exchange.delay_seconds = 0.05
            answers = await asyncio.gather(*(backend.answer(KLINES) for _ in range(20)))

            assert exchange.calls["fapi/v1/klines"] == 1
            assert {each.body for each in answers} == {answers[0].body}
            assert backend.status()["saved_percent"] == 95.0

    asyncio.run(story())


def test_candles_hold_until_the_one_that_forms_closes(clock):
    async def story():
        async with market(clock) as (exchange, backend, _):
            await backend.answer(KLINES)
            clock.now += 289
            await backend.answer(KLINES)
            assert exchange.calls["fapi/v1/klines"] == 1

            clock.now += 1
            await backend.answer(KLINES)
            assert exchange.calls["fapi/v1/klines"] == 2

    asyncio.run(story())


def test_what_was_asked_for_is_there_when_the_next_candle_begins(clock):
    async def story():
        async with market(clock) as (exchange, backend, _):
            await backend.answer(KLINES)
            await backend.answer(KLINES)
            clock.now += 290.6
            await asyncio.sleep(0.3)
            assert exchange.calls["fapi/v1/klines"] == 2

            await backend.answer(KLINES)
            assert exchange.calls["fapi/v1/klines"] == 2
            assert backend.status()["prefetched"] == 1

    asyncio.run(story())


def test_books_of_all_pairs_come_from_one_question(clock):
    async def story():
        async with market(clock) as (exchange, backend, _):
            for _ in range(10):
                for name in ("BTCUSDT", "ETHUSDT"):
                    await backend.answer(Asked("fapi/v1/depth", {"symbol": name, "limit": "20"}))
                clock.now += 5
            assert exchange.calls == {"fapi/v1/depth": 2, "fapi/v1/ticker/bookTicker": 5}

    asyncio.run(story())


def test_a_book_stands_where_the_best_prices_are_now(clock):
    async def story():
        async with market(clock) as (exchange, backend, _):
            await backend.answer(DEPTH)
            clock.now += 30
            exchange.price = 120.0
            book = json.loads((await backend.answer(DEPTH)).body)

            assert book["bids"][0] == ["119.90", "7"]
            assert book["asks"][0] == ["120.10", "8"]
            assert book["bids"][3] == ["119.60", "5"]
            assert len(book["asks"]) == 20

    asyncio.run(story())


SIGNED = [
    Asked("fapi/v2/balance", {"timestamp": "1", "signature": "secret"}),
    Asked("fapi/v1/klines", {**KLINES.parameters, "signature": "secret"}),
    Asked("fapi/v1/order", {"symbol": "BTCUSDT"}),
]


@pytest.mark.parametrize("asked", SIGNED)
def test_what_is_signed_is_neither_passed_on_nor_kept_nor_logged(clock, asked, caplog):
    async def story():
        async with market(clock) as (exchange, backend, _):
            answered = await backend.answer(asked)

            assert answered.status == 403
            assert exchange.calls == {}
            assert backend.status()["cache_entries"] == 0

    with caplog.at_level(0):
        asyncio.run(story())
    assert "secret" not in caplog.text


def test_refusals_of_the_exchange_are_passed_on_and_not_kept(clock):
    async def story():
        async with market(clock) as (exchange, backend, _):
            exchange.script = [refused(400, -1121)]

            first = await backend.answer(KLINES)
            second = await backend.answer(KLINES)

            assert (first.status, json.loads(first.body)["code"]) == (400, -1121)
            assert second.status == 200

    asyncio.run(story())


GARBAGE = [(200, body, {}) for body in (b"<html>", b"", b"[[1, 2", b'"no"', b'{"code": 0}', b"\xff\xfe[]")]


@pytest.mark.parametrize("step", [refused(503), refused(500), *GARBAGE, "hang up"])
def test_one_bad_answer_is_asked_for_again(clock, step):
    async def story():
        async with market(clock) as (exchange, backend, changes):
            exchange.script = [step]

            answered = await backend.answer(KLINES)

            assert answered.status == 200
            assert exchange.calls["fapi/v1/klines"] == 2
            assert changes == []

    asyncio.run(story())


@pytest.mark.parametrize(("status", "seconds"), [(429, 30.0), (418, 120.0)])
def test_a_ban_is_kept_to_and_told(clock, status, seconds):
    async def story():
        async with market(clock) as (exchange, backend, changes):
            exchange.script = [refused(status)]

            answers = [await backend.answer(KLINES) for _ in range(5)]

            assert {each.status for each in answers} == {503}
            assert exchange.calls["fapi/v1/klines"] == 1  # a ban is never answered with another question
            assert [(each.kind, each.status, each.seconds) for each in changes] == [("banned", status, seconds)]
            assert backend.status()["bans"] == 1

    asyncio.run(story())


def test_a_ban_lasts_as_long_as_the_exchange_says(clock):
    async def story():
        async with market(clock) as (exchange, backend, changes):
            exchange.script = [refused(418, headers={"Retry-After": "7"})]

            await backend.answer(KLINES)

            assert changes[0].seconds == 7.0

    asyncio.run(story())


def test_after_failures_in_a_row_nothing_is_asked_until_it_is_tried_again(clock):
    seconds = 1_000.0

    async def story():
        nonlocal seconds
        async with market(clock, monotonic=lambda: seconds) as (exchange, backend, changes):
            exchange.script = [refused(502)] * 5

            for _ in range(4):
                await backend.answer(KLINES)
            assert exchange.calls["fapi/v1/klines"] == 5
            assert [each.kind for each in changes] == ["opened"]
            assert "502" in changes[0].why

            seconds += 6
            assert (await backend.answer(KLINES)).status == 200
            assert [each.kind for each in changes] == ["opened", "half_opened", "closed"]

    asyncio.run(story())


def test_an_exchange_that_does_not_answer_costs_a_bot_no_more_than_the_limit(clock):
    async def story():
        async with market(clock, timeout_seconds=0.1) as (exchange, backend, _):
            exchange.script = ["hang"] * 3

            answered = await asyncio.wait_for(backend.answer(KLINES), 5)

            assert answered.status == 503
            assert "no answer within" in json.loads(answered.body)["msg"]

    asyncio.run(story())


def test_without_any_exchange_bots_get_the_exchanges_kind_of_error(clock):
    async def story():
        backend = LiveBackend(
            "http://127.0.0.1:9", [], weight_per_minute=100, cache_bytes=1000, timeout_seconds=1.0, now=clock
        )
        await backend.start()
        answered = await backend.answer(KLINES)
        await backend.stop()

        assert answered.status == 503
        assert json.loads(answered.body)["code"] == -1016

    asyncio.run(story())


def test_an_endless_answer_is_cut_off(clock, monkeypatch):
    monkeypatch.setattr(module, "MAX_ANSWER_BYTES", 10_000)

    async def story():
        async with market(clock) as (exchange, backend, _):
            exchange.script = [(200, b"[" + b" " * 100_000, {})] * 3

            assert (await backend.answer(KLINES)).status == 503

    asyncio.run(story())


def test_the_weight_that_the_exchange_counts_is_believed(clock):
    async def story():
        async with market(clock, weight_per_minute=100) as (exchange, backend, _):
            exchange.used_weight = 99
            await backend.answer(KLINES)

            assert backend.status()["weight_used"] == 99

    asyncio.run(story())


def test_one_who_hangs_up_does_not_take_the_answer_from_the_others(clock):
    async def story():
        async with market(clock) as (exchange, backend, _):
            exchange.delay_seconds = 0.1
            first = asyncio.create_task(backend.answer(KLINES))
            second = asyncio.create_task(backend.answer(KLINES))
            await asyncio.sleep(0.02)
            first.cancel()

            assert (await second).status == 200
            assert exchange.calls["fapi/v1/klines"] == 1

    asyncio.run(story())
