import asyncio
import json
from datetime import UTC, date, datetime

import pytest

from cfsm.adapters.market_data import Candles, CandleType, DatasetStore, Series
from cfsm.adapters.market_gateway.asked import Asked, weight_of
from cfsm.adapters.market_gateway.replay import ReplaySession, Terms
from cfsm.adapters.market_gateway.replay_market import ReplayMarket
from cfsm.adapters.market_gateway.tape import Digits, Tape

MINUTE = 60_000
START = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp() * 1000)
NOON = START + 12 * 60 * MINUTE
DECLARED = Terms()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    store = DatasetStore(tmp_path_factory.mktemp("datasets"))
    return store.synthesise(
        "small",
        pairs=("BTC/USDT:USDT", "DOGE/USDT:USDT"),
        timeframes=("5m", "1h"),
        start=date(2025, 1, 1),
        end=date(2025, 1, 3),
    )


@pytest.fixture(scope="module")
def market(dataset):
    return ReplayMarket(dataset)


def ask(market, now_ms, path, terms=DECLARED, **parameters):
    given = {name: str(value) for name, value in parameters.items()}
    answered = asyncio.run(ReplaySession(market, terms, now_ms).answer(Asked(f"fapi/v1/{path}", given)))
    return json.loads(answered.body)


def test_nothing_that_begins_after_the_clock_is_given(market):
    rows = ask(market, NOON + MINUTE, "klines", symbol="BTCUSDT", interval="5m", limit=1500)

    assert rows[0][0] == START
    assert rows[-1][0] == NOON
    assert [row[0] for row in rows] == list(range(START, NOON + 1, 5 * MINUTE))


def test_whole_candles_are_those_of_the_dataset_to_the_last_digit(market, dataset):
    candles = dataset.read(Series("DOGE/USDT:USDT", "5m", CandleType.FUTURES))

    rows = ask(market, NOON, "klines", symbol="DOGEUSDT", interval="5m", startTime=START, limit=100)

    assert [float(row[4]) for row in rows] == candles.columns["close"][:100].tolist()
    assert [float(row[5]) for row in rows] == candles.columns["volume"][:100].tolist()


def test_the_forming_candle_knows_nothing_of_its_end(market, dataset):
    candles = dataset.read(Series("BTC/USDT:USDT", "5m", CandleType.FUTURES))
    place = 144

    (row,) = ask(market, NOON + 1_000, "klines", symbol="BTCUSDT", interval="5m", limit=1)

    open_price = candles.columns["open"][place]
    assert [float(value) for value in row[1:5]] == [open_price] * 4


def test_a_forming_hour_is_made_of_its_shorter_candles(market, dataset):
    candles = dataset.read(Series("BTC/USDT:USDT", "5m", CandleType.FUTURES))

    (row,) = ask(market, NOON + 30 * MINUTE, "klines", symbol="BTCUSDT", interval="1h", limit=1)

    assert row[0] == NOON
    assert float(row[2]) == max(*candles.columns["high"][144:150], candles.columns["open"][150])
    assert float(row[5]) == pytest.approx(candles.columns["volume"][144:150].sum())


@pytest.mark.parametrize(
    ("window", "first", "count"),
    [
        ({"limit": 3}, NOON - 10 * MINUTE, 3),
        ({"limit": 3, "endTime": NOON - 5 * MINUTE}, NOON - 15 * MINUTE, 3),
        ({"startTime": START, "limit": 2}, START, 2),
        ({"startTime": NOON - 5 * MINUTE, "endTime": NOON - MINUTE}, NOON - 5 * MINUTE, 1),
        ({"startTime": NOON + 60 * MINUTE}, None, 0),
    ],
)
def test_a_window_is_cut_as_the_exchange_cuts_it(market, window, first, count):
    rows = ask(market, NOON + MINUTE, "klines", symbol="BTCUSDT", interval="5m", **window)

    assert len(rows) == count
    assert (rows[0][0] if rows else None) == first


def test_the_book_stands_around_the_price_with_the_declared_spread(market):
    price = float(ask(market, NOON, "ticker/price", symbol="BTCUSDT")["price"])

    book = ask(market, NOON, "depth", Terms(spread_bps=10.0), symbol="BTCUSDT", limit=5)

    bid, offer = float(book["bids"][0][0]), float(book["asks"][0][0])
    assert bid < price < offer
    assert (offer - bid) / price == pytest.approx(10e-4, rel=0.01)
    assert [float(level[0]) for level in book["bids"]] == sorted(
        (float(level[0]) for level in book["bids"]), reverse=True
    )


def test_funding_is_told_once_it_was_settled(market):
    rates = ask(market, NOON, "fundingRate", symbol="BTCUSDT", startTime=START, limit=10)

    assert [each["fundingTime"] for each in rates] == [START, START + 8 * 60 * MINUTE]


def test_after_the_last_candle_nothing_moves(market):
    end = market.span_ms[1]

    rows = ask(market, end + 60 * MINUTE, "klines", symbol="BTCUSDT", interval="5m", limit=2)

    assert [row[0] for row in rows] == [end - 10 * MINUTE, end - 5 * MINUTE]


def test_numbers_read_back_as_they_were():
    assert Digits(2)(94_001.1) == "94001.10"
    assert float(Digits(2)(0.123456)) == 0.123456


def test_a_request_weighs_what_the_exchange_counts():
    assert weight_of(Asked("fapi/v1/klines", {"symbol": "BTCUSDT", "limit": "99"})) == 1
    assert weight_of(Asked("fapi/v1/klines", {"symbol": "BTCUSDT", "limit": "499"})) == 2
    assert weight_of(Asked("fapi/v1/klines", {"symbol": "BTCUSDT"})) == 5
    assert weight_of(Asked("fapi/v1/ticker/24hr")) == 40
    assert weight_of(Asked("fapi/v1/ticker/24hr", {"symbol": "BTCUSDT"})) == 1
    assert weight_of(Asked("fapi/v1/depth", {"symbol": "BTCUSDT", "limit": "1000"})) == 20


def test_where_a_candle_is_missing_the_price_stays_and_nothing_is_made_up(dataset):
    whole = dataset.read(Series("BTC/USDT:USDT", "5m", CandleType.FUTURES))
    gap = 144
    keep = [place for place in range(len(whole)) if place != gap]
    candles = Candles(whole.series, whole.dates_ms[keep], {name: each[keep] for name, each in whole.columns.items()})
    tape = Tape(candles, Digits(1), Digits(3))

    rows = tape.rows(NOON + 6 * MINUTE, None, None, 3)

    assert tape.price(NOON + 2 * MINUTE, 0) == whole.columns["close"][gap - 1]
    assert [json.loads(row)[0] for row in rows] == [NOON - 15 * MINUTE, NOON - 10 * MINUTE, NOON - 5 * MINUTE]
