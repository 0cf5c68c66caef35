"""The replay answers as Binance does: held against answers that were recorded on 2026-09-15."""

import asyncio
import json
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from cfsm.adapters.market_data import DatasetStore
from cfsm.adapters.market_gateway.asked import Asked
from cfsm.adapters.market_gateway.replay import ReplaySession, Terms
from cfsm.adapters.market_gateway.replay_market import ReplayMarket

RECORDED = Path(__file__).parent / "recorded"
NOW = int(datetime(2025, 1, 2, 12, 1, 40, tzinfo=UTC).timestamp() * 1000)
ERRORS = json.loads((RECORDED / "errors.json").read_text())


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    store = DatasetStore(tmp_path_factory.mktemp("datasets"))
    dataset = store.synthesise(
        "small",
        pairs=("BTC/USDT:USDT", "ETH/USDT:USDT"),
        timeframes=("5m", "1h"),
        start=date(2025, 1, 1),
        end=date(2025, 1, 4),
    )
    return ReplaySession(ReplayMarket(dataset), Terms(), NOW)


def ask(session, path, **parameters):
    given = {name: str(value) for name, value in parameters.items()}
    answered = asyncio.run(session.answer(Asked(path, given)))
    return answered.status, json.loads(answered.body)


def recorded(name):
    return json.loads((RECORDED / f"{name}.json").read_text())


def shape(value):
    """Give what a reader relies on: names, nesting, and whether numbers come as text."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in sorted(value.items())}
    if isinstance(value, list):
        return (
            [shape(each) for each in value[:1]]
            if value and isinstance(value[0], dict | list)
            else list(map(shape, value))
        )
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return "text"
        return "a number as text"
    return type(value).__name__


KLINES = {"symbol": "BTCUSDT", "interval": "5m", "limit": 3}
ANSWERS = {
    "time": ("fapi/v1/time", {}),
    "klines.BTCUSDT.1m.limit3": ("fapi/v1/klines", KLINES),
    "continuousKlines.BTCUSDT": (
        "fapi/v1/continuousKlines",
        {"pair": "BTCUSDT", "contractType": "PERPETUAL", "interval": "5m", "limit": 1},
    ),
    "indexPriceKlines.BTCUSDT": ("fapi/v1/indexPriceKlines", {"pair": "BTCUSDT", "interval": "5m", "limit": 1}),
    "depth.BTCUSDT.limit5": ("fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 5}),
    "fundingRate.BTCUSDT.limit2": ("fapi/v1/fundingRate", {"symbol": "BTCUSDT", "limit": 2}),
    "ticker24hr.BTCUSDT": ("fapi/v1/ticker/24hr", {"symbol": "BTCUSDT"}),
    "bookTicker.BTCUSDT": ("fapi/v1/ticker/bookTicker", {"symbol": "BTCUSDT"}),
    "tickerPrice.v1.BTCUSDT": ("fapi/v1/ticker/price", {"symbol": "BTCUSDT"}),
    "tickerPrice.v2.BTCUSDT": ("fapi/v2/ticker/price", {"symbol": "BTCUSDT"}),
    "premiumIndex.BTCUSDT": ("fapi/v1/premiumIndex", {"symbol": "BTCUSDT"}),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_has_the_shape_of_the_recorded_one(session, name):
    path, parameters = ANSWERS[name]

    status, answer = ask(session, path, **parameters)

    assert status == 200
    assert shape(answer) == shape(recorded(name))


def test_marks_come_in_the_shape_of_candles(session):
    status, answer = ask(session, "fapi/v1/markPriceKlines", symbol="BTCUSDT", interval="1h", limit=3)

    assert status == 200
    assert shape(answer) == shape(recorded("klines.BTCUSDT.1m.limit3"))


def test_exchange_info_says_of_a_symbol_what_the_recorded_one_does(session):
    _, answer = ask(session, "fapi/v1/exchangeInfo")

    ours, theirs = answer["symbols"][0], recorded("exchangeInfo.symbol.BTCUSDT")
    assert set(ours) == set(theirs)
    assert answer["rateLimits"] == recorded("exchangeInfo.rateLimits")
    kinds = {each["filterType"]: each for each in theirs["filters"]}
    for each in ours["filters"]:
        assert set(each) == set(kinds[each["filterType"]])


def test_funding_info_names_each_symbols_interval(session):
    _, answer = ask(session, "fapi/v1/fundingInfo")

    assert {each["symbol"] for each in answer} == {"BTCUSDT", "ETHUSDT"}
    assert set(answer[0]) == set(recorded("fundingInfo")[0])


@pytest.mark.parametrize("error", [each for each in ERRORS if each["http"] == 400], ids=lambda each: each["req"])
def test_a_refusal_is_worded_as_the_recorded_one(session, error):
    address = urlsplit(error["req"])

    status, answer = ask(session, address.path.lstrip("/"), **dict(parse_qsl(address.query)))

    assert (status, answer) == (error["http"], error["body"])


@pytest.mark.parametrize("path", ["fapi/v1/ticker/24hr", "fapi/v1/ticker/bookTicker", "fapi/v1/premiumIndex"])
def test_without_a_symbol_all_are_told(session, path):
    _, answer = ask(session, path)

    assert [each["symbol"] for each in answer] == ["BTCUSDT", "ETHUSDT"]


def test_a_signed_endpoint_is_not_there(session):
    status, answer = ask(session, "fapi/v2/balance", timestamp=1, signature="x")

    assert status == 404
    assert answer["code"] < 0
