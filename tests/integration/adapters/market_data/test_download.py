"""Freqtrade's real downloader, against an exchange on loopback that serves a synthetic market."""

import json
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest

from cfsm.adapters.market_data import CandleType, DatasetStore, Downloader, Series, funding_of
from cfsm.application.ports import TryAgain

pytestmark = pytest.mark.slow  # freqtrade as a program of its own

PAIRS = ["BTC/USDT:USDT", "ETH/USDT:USDT"]
TIMEFRAMES = ["15m", "1h"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    store = DatasetStore(tmp_path_factory.mktemp("data"))
    return store.synthesise("made", pairs=PAIRS, timeframes=TIMEFRAMES, end=date(2025, 1, 6))


def settings(port):
    base = f"http://127.0.0.1:{port}"
    paths = {"fapiPublic": "/fapi/v1", "fapiPublicV2": "/fapi/v2", "public": "/api/v3", "sapi": "/sapi/v1"}
    return {
        "ccxt_config": {
            "urls": {"api": {name: base + path for name, path in paths.items()}},
            "options": {"fetchMarkets": {"types": ["linear"]}, "fetchCurrencies": False},
        }
    }


@pytest.fixture
def exchange(made):
    answers = {
        "/fapi/v1/exchangeInfo": lambda query: {"symbols": [symbol(made, pair) for pair in PAIRS]},
        "/fapi/v1/klines": lambda query: klines(made, query, CandleType.FUTURES),
        "/fapi/v1/markPriceKlines": lambda query: klines(made, query, CandleType.MARK),
        "/fapi/v1/fundingRate": lambda query: funding(made, query),
    }

    class Exchange(BaseHTTPRequestHandler):
        def do_GET(self):
            url = urlparse(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            answer = answers.get(url.path)
            body = json.dumps(answer(query) if answer else {"msg": f"no {url.path}"}).encode()
            self.send_response(200 if answer else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            """Tell nobody."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Exchange)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def pair_of(query):
    return next(pair for pair in PAIRS if query["symbol"] == pair.replace("/", "").partition(":")[0])


def window(candles, query):
    dates = candles.dates_ms
    begin = int(query.get("startTime", 0))
    end = int(query.get("endTime", 2**62))
    (rows,) = np.nonzero((dates >= begin) & (dates <= end))
    return rows[: int(query.get("limit", 500))]


def klines(made, query, kind):
    series = Series(pair_of(query), query["interval"], kind)
    candles = made.read(series)
    prices = [candles.columns[name] for name in series.columns]
    return [
        [int(candles.dates_ms[row]), *(repr(float(column[row])) for column in prices), 0, "0", 0, "0", "0", "0"]
        for row in window(candles, query)
    ]


def funding(made, query):
    candles = made.read(funding_of(pair_of(query)))
    return [
        {
            "symbol": query["symbol"],
            "fundingTime": int(candles.dates_ms[row]) + 3,  # exchanges settle a few milliseconds late
            "fundingRate": f"{candles.columns['funding_rate'][row]:.8f}",
        }
        for row in window(candles, query)
    ]


def symbol(made, pair):
    base, _, rest = pair.partition("/")
    quote = rest.partition(":")[0]
    market = made.markets[pair]
    tick, step = market["precision"]["price"], market["precision"]["amount"]
    return {
        "symbol": base + quote, "pair": base + quote, "contractType": "PERPETUAL", "status": "TRADING",
        "deliveryDate": 4133404800000, "onboardDate": 1569398400000, "baseAsset": base, "quoteAsset": quote,
        "marginAsset": quote, "pricePrecision": 8, "quantityPrecision": 8,
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": f"{tick:.8f}", "minPrice": f"{tick:.8f}", "maxPrice": "1000000"},
            {"filterType": "LOT_SIZE", "stepSize": f"{step:.8f}", "minQty": f"{step:.8f}", "maxQty": "1000000"},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
        ],
    }  # fmt: skip


def test_what_is_downloaded_is_what_the_exchange_served(made, exchange, tmp_path):
    heard = []

    dataset = DatasetStore(tmp_path).download(
        "fetched",
        PAIRS,
        TIMEFRAMES,
        "20250101-20250106",
        downloader=Downloader(exchange_settings=settings(exchange), timeout_seconds=120),
        progress=lambda *words: heard.append(words),
    )

    assert dataset.problems == ()
    assert [file.series for file in dataset.files] == [file.series for file in made.files]
    for file in dataset.files:
        ours, served = dataset.read(file.series), made.read(file.series)
        assert len(served) - len(ours) <= 1  # freqtrade takes the newest candle for one that still forms
        for name, values in ours.columns.items():
            assert np.array_equal(values, served.columns[name][: len(ours)])
    assert ("downloaded ETH/USDT:USDT, 1h, funding_rate", 8, 8) in heard


def test_without_a_network_it_says_so_and_keeps_nothing(tmp_path):
    store = DatasetStore(tmp_path)
    nobody = Downloader(exchange_settings=settings(9), timeout_seconds=120)

    with pytest.raises(TryAgain, match="downloading needs the internet"):
        store.download("fetched", PAIRS, TIMEFRAMES, "20250101-20250106", downloader=nobody)

    assert store.list() == []
