import asyncio

import orjson
import pytest

from cfsm.adapters.market_gateway.answer_cache import AnswerCache
from cfsm.adapters.market_gateway.asked import Answered, Asked
from cfsm.adapters.market_gateway.books import best_of, book_of, levels_of
from cfsm.adapters.market_gateway.breaker import Breaker, BreakerState
from cfsm.adapters.market_gateway.freshness import FOREVER_MS, held_until_ms
from cfsm.adapters.market_gateway.funding import HOUR_MS, rates_until_ms, those_since, whole_day_before
from cfsm.adapters.market_gateway.latencies import Latencies
from cfsm.adapters.market_gateway.weight_budget import WeightBudget

OPENING = 1_744_070_400_000
STEP = 300_000
NOW = OPENING + 10_000


def klines(**parameters):
    return Asked(
        "fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "5m", **{k: str(v) for k, v in parameters.items()}}
    )


@pytest.mark.parametrize(
    ("asked", "until"),
    [
        (klines(limit=499), OPENING + STEP),
        (klines(startTime=OPENING - 10 * STEP), OPENING + STEP),
        (klines(startTime=OPENING - 1000 * STEP, limit=500), NOW + FOREVER_MS),
        (klines(endTime=OPENING - 2 * STEP), NOW + FOREVER_MS),
        (klines(endTime=OPENING), OPENING + STEP),
        (Asked("fapi/v1/klines", {"interval": "1w"}), 1_744_588_800_000),  # Monday, 14 April 2025
        (Asked("fapi/v1/klines", {"interval": "7m"}), NOW),
        (Asked("fapi/v1/time"), NOW),
        (Asked("fapi/v1/exchangeInfo"), NOW + 3_600_000),
        (Asked("fapi/v1/ticker/bookTicker"), NOW + 10_000),
        (Asked("fapi/v1/ticker/24hr"), NOW + 5_000),
    ],
)
def test_an_answer_holds_until(asked, until):
    assert held_until_ms(asked, NOW) == until


@pytest.mark.parametrize("path", ["ticker/bookTicker", "ticker/24hr", "ticker/price", "premiumIndex", "depth"])
def test_no_price_of_before_a_candle_closed_is_given_to_who_knows_how_it_did(path):
    assert held_until_ms(Asked(f"fapi/v1/{path}"), OPENING + STEP - 500) == OPENING + STEP


def test_a_candle_that_only_just_closed_may_still_be_corrected():
    assert held_until_ms(klines(endTime=OPENING - STEP), OPENING + 500) == OPENING + 3_500


def body(number, size=5_000):
    return Answered(200, (str(number) * size).encode())


def test_what_is_held_comes_back_as_it_was_until_it_is_over():
    cache = AnswerCache(1 << 20)
    cache.put("a", Answered(200, b"[1, 2, 3]" * 1000, {"X": "1"}), 0, 100)

    assert cache.get("a", 99) == Answered(200, b"[1, 2, 3]" * 1000, {"X": "1"})
    assert cache.get("a", 100) is None
    assert cache.bytes < 1_000


def test_the_longest_unasked_go_when_there_is_no_room():
    cache = AnswerCache(1_500)
    for number in range(4):
        cache.put(str(number), body(number), 0, 100)
        cache.get("0", 1)

    assert cache.get("0", 1) is not None
    assert cache.get("1", 1) is None
    assert cache.evicted >= 1
    assert cache.bytes <= 1_500


def test_an_answer_larger_than_all_room_is_not_held():
    cache = AnswerCache(500)
    cache.put("a", Answered(200, bytes(range(256)) * 10), 0, 100)

    assert cache.entries == 0
    assert cache.bytes == 0


def test_a_clock_that_was_set_back_holds_no_answer_longer():
    passed = 0.0
    cache = AnswerCache(1 << 20, lambda: passed)
    cache.put("a", body(1), 10_000, 40_000)
    passed = 29.0
    assert cache.get("a", 10_000 - 3_600_000) is not None

    passed = 30.0
    assert cache.get("a", 10_000 - 3_600_000) is None


def test_a_second_answer_takes_the_place_of_the_first():
    cache = AnswerCache(1 << 20)
    cache.put("a", body(1), 0, 100)
    once = cache.bytes
    cache.put("a", body(2), 0, 100)

    assert cache.bytes == once
    assert cache.get("a", 1) == body(2)


def test_a_minutes_weight_is_waited_for():
    now, slept = 59_000, []

    async def sleep(seconds):
        nonlocal now
        slept.append(seconds)
        now += int(seconds * 1000)

    async def story():
        budget = WeightBudget(100, lambda: now, sleep)
        await budget.take(60)
        await budget.take(40)
        await budget.take(10)
        return budget.used

    assert asyncio.run(story()) == 10
    assert slept == [pytest.approx(1.05)]


def test_a_request_heavier_than_a_whole_minute_goes_alone():
    async def story():
        budget = WeightBudget(10, lambda: 0)
        await budget.take(40)
        return budget.used

    assert asyncio.run(story()) == 40


def test_what_the_exchange_counts_is_heard_for_its_minute():
    now = 0
    budget = WeightBudget(100, lambda: now)
    budget.hear(80)
    assert budget.used == 80

    now = 60_000
    assert budget.used == 0


def breaker():
    told, clock = [], [0.0]
    return Breaker(lambda: clock[0], lambda *what: told.append(what)), told, clock


def test_a_success_forgives_the_failures_before_it():
    found, told, _ = breaker()
    for _ in range(3):
        for _ in range(4):
            found.failed("x")
        found.succeeded()

    assert found.state is BreakerState.CLOSED
    assert told == []


def test_each_failed_trial_doubles_the_pause_up_to_a_limit():
    found, told, clock = breaker()
    for _ in range(5):
        found.failed("x")
    for _ in range(8):
        clock[0] += 1_000
        assert found.lets_through()
        assert not found.lets_through()
        found.failed("x")

    assert [seconds for state, _, seconds in told if state is BreakerState.OPEN] == [
        5,
        10,
        20,
        40,
        80,
        120,
        120,
        120,
        120,
    ]


def test_a_ban_is_waited_for():
    found, _, clock = breaker()
    found.ban(30)

    assert not found.lets_through()
    assert found.wait_seconds == 30
    clock[0] = 31
    assert found.lets_through()


@pytest.mark.parametrize(
    "wrong", [b"{}", b"[]", b'{"bids": [], "asks": []}', b'{"bids": [[1]], "asks": [["2"]]}', b"nothing"]
)
def test_what_is_no_book_is_none(wrong):
    assert levels_of(Answered(200, wrong), 1) is None


def test_prices_that_cross_make_no_book():
    levels = levels_of(Answered(200, b'{"bids": [["9.5", "1"]], "asks": [["10.5", "1"]]}'), 1)
    best = {"bidPrice": "11", "askPrice": "10", "bidQty": "1", "askQty": "1"}

    assert book_of(levels, best, 5) is None
    assert book_of(levels, {}, 5) is None


def test_what_names_no_symbols_gives_no_best_prices():
    assert best_of(Answered(200, b'{"code": -1}')) == {}


def test_latencies_are_told_in_milliseconds():
    latencies = Latencies()
    assert latencies.percentiles() == {}
    for number in range(1, 101):
        latencies.add(number / 1000)

    assert latencies.percentiles() == {"p50": 50.0, "p99": 99.0}
    assert latencies.count == 100


DAY = OPENING // 86_400_000 * 86_400_000


def funding(**parameters):
    return Asked("fapi/v1/fundingRate", {"symbol": "BTCUSDT", **{k: str(v) for k, v in parameters.items()}})


def marks(**parameters):
    given = {"symbol": "BTCUSDT", "interval": "1h", **{k: str(v) for k, v in parameters.items()}}
    return Asked("fapi/v1/markPriceKlines", given)


@pytest.mark.parametrize("ask", [funding, marks])
def test_trades_of_one_day_share_a_question(ask):
    assert whole_day_before(ask(startTime=DAY + 5)) == whole_day_before(ask(startTime=DAY + 7, limit=10))
    assert whole_day_before(ask()) is None
    assert whole_day_before(ask(startTime=DAY, endTime=DAY + 9)) is None


def test_marks_of_short_candles_are_asked_for_as_they_are():
    assert whole_day_before(marks(startTime=DAY, interval="5m")) is None


def test_only_the_rates_since_the_start_are_given():
    held = Answered.of([{"fundingTime": DAY + hour, "fundingRate": "0.1"} for hour in range(5)])

    found = those_since(held, funding(startTime=DAY + 2, limit=2))

    assert [each["fundingTime"] for each in orjson.loads(found.body)] == [DAY + 2, DAY + 3]


def test_only_the_marks_since_the_start_are_given():
    held = Answered.of([[DAY + hour * HOUR_MS, "1"] for hour in range(5)])

    found = those_since(held, marks(startTime=DAY + HOUR_MS + 1, limit=2))

    assert [each[0] for each in orjson.loads(found.body)] == [DAY + 2 * HOUR_MS, DAY + 3 * HOUR_MS]


def test_what_may_not_be_all_there_is_not_given():
    rates = Answered.of([{"fundingTime": DAY, "fundingRate": "0.1"}] * 1000)
    candles = Answered.of([[DAY, "1"]] * 499)

    assert those_since(rates, funding(startTime=DAY)) is None
    assert those_since(candles, marks(startTime=DAY)) is None
    assert those_since(Answered(200, b"{}"), funding(startTime=DAY)) == Answered.of([])
    assert those_since(Answered(200, b'[{"code": 1}]'), marks(startTime=DAY)) is None
    assert those_since(Answered(400, b"{}"), funding(startTime=DAY)).status == 400


@pytest.mark.parametrize(
    ("settled_hours", "at_hour", "until_hour"),
    [
        ((-16, -8, 0), 0.01, 4.01),  # every eight hours; looked again after four
        ((-16, -8, 0), 6, 8),
        ((-4, 0), 1, 4),
        ((-16, -8, 0), 8, 8 + 1 / 60),  # one is due, and not told yet
        ((0,), 0.01, 0.01 + 1 / 60),  # nobody knows how often
        ((0,), 0.5, 1),
    ],
)
def test_rates_hold_until_the_next_is_settled(settled_hours, at_hour, until_hour):
    rates = Answered.of([{"fundingTime": DAY + hour * HOUR_MS + 3, "fundingRate": "0.1"} for hour in settled_hours])

    assert rates_until_ms(rates, DAY + round(at_hour * HOUR_MS)) == DAY + round(until_hour * HOUR_MS)
