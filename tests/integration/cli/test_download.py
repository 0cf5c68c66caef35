"""``cfsm data download`` through the gateway, with a server on loopback as the internet."""

from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import numpy as np
import pytest

from cfsm.adapters.market_data import DatasetStore
from cfsm.adapters.market_gateway.replay_market import ReplayMarket
from cfsm.adapters.market_gateway.running import RunningGateway
from cfsm.adapters.market_gateway.server import Gateway
from cfsm.application.history import History
from cfsm.bootstrap.market import gateway_of
from tests.fakes.home import Cli, house_at

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # freqtrade as a program of its own

PAIR, TIMEFRAMES = "BTC/USDT:USDT", ("5m", "1h")
BEGIN, END = date(2025, 1, 1), date(2025, 1, 6)
WANTED = ("--name", "fetched", "--pair", PAIR, "--timeframe", "5m", "--timeframe", "1h")
DAYS = ("--timerange", f"{BEGIN:%Y%m%d}-{END:%Y%m%d}")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Give what is served, and the address of the replay that serves it."""
    store = DatasetStore(tmp_path_factory.mktemp("internet"))
    made = store.synthesise("made", pairs=(PAIR,), timeframes=TIMEFRAMES, start=BEGIN, end=date(2025, 1, 8))
    internet = RunningGateway(lambda: Gateway(lambda name: ReplayMarket(store.open(name))))
    url = f"http://127.0.0.1:{internet.start(0)}/replay/made/up"
    now = int(datetime(2025, 1, 7, tzinfo=UTC).timestamp() * 1000)
    httpx.post(f"{url}/clock", json={"now_ms": now}, trust_env=False).raise_for_status()
    yield made, url
    internet.stop()


@pytest.fixture
def home(tmp_path):
    def at(upstream):
        folder = tmp_path / "home"
        folder.mkdir()
        (folder / "cfsm.yaml").write_text(f"market_gateway: {{upstream: '{upstream}', timeout_seconds: 5}}\n")
        return house_at(folder)

    return at


def assert_all_candles_are_there(house, made):
    fetched = house.datasets.open("fetched")
    assert [file.series for file in fetched.files] == [file.series for file in made.files]
    for file in fetched.files:
        if "mark" in str(file.series.candle_type):
            continue  # a replay knows marks of every hour, and stands in for others
        ours, theirs = fetched.read(file.series), made.read(file.series)
        there = (theirs.dates_ms >= ours.dates_ms[0]) & (theirs.dates_ms <= ours.dates_ms[-1])
        assert ours.dates_ms[0] == theirs.dates_ms[0]
        assert len(ours) == there.sum()
        for name, values in ours.columns.items():
            assert np.array_equal(values, theirs.columns[name][there]), (file.series, name)


def test_without_a_factory_a_gateway_of_its_own_asks(home, served, capfd):
    made, url = served
    house = home(url)

    told = Cli(house.path, capfd)("data", "download", *WANTED, *DAYS)

    assert (told.code, told.out.strip()) == (0, "fetched"), told.err
    assert_all_candles_are_there(house, made)
    assert not (house.run_folder / "market_gateway.json").exists(), "bots are not to look for it"


def test_the_gateway_that_runs_is_asked(home, served, capfd):
    made, url = served
    house = home(url)
    gateway = gateway_of(house)
    gateway.start()
    try:
        told = Cli(house.path, capfd)("data", "download", *WANTED, *DAYS)
        status = gateway.status()["live"]
    finally:
        gateway.stop()

    assert told.code == 0, told.err
    assert_all_candles_are_there(house, made)
    assert status["upstream_requests"] >= len(made.files)
    assert status["failed"] == 0


@pytest.fixture
def banning():
    """Give the address of an exchange that bans whoever asks, and what it was asked."""
    asked = []

    class Banning(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(418)
            self.send_header("Retry-After", "60")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args):
            """Tell nobody."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Banning)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()


def test_a_ban_ends_the_download_and_is_an_event(home, banning, capfd):
    url, asked = banning
    house = home(url)

    told = Cli(house.path, capfd)("data", "download", *WANTED, *DAYS)

    assert told.code == 75
    assert "cannot be reached" in told.err
    assert len(asked) == 1, "a ban is never answered with another question"
    happened = [each for each in History(house.factory.store).between(0) if each.topic.startswith("Upstream.")]
    assert [each.topic for each in happened] == ["Upstream.Watched", "Upstream.Banned"]
    assert (happened[1].facts["status"], happened[1].facts["seconds"]) == (418, 60.0)
    assert "fetched" not in house.datasets
