"""The gateway as its clients meet it: addresses, clocks, and what survives its end."""

from datetime import date

import httpx
import pytest

from cfsm.adapters.market_data import DatasetStore
from cfsm.adapters.market_gateway.address import last_port, port_of, status_of, write_address
from cfsm.adapters.market_gateway.replay_market import ReplayMarket
from cfsm.adapters.market_gateway.running import RunningGateway
from cfsm.adapters.market_gateway.server import Gateway
from cfsm.application.errors import Misconfigured, TryAgain

BEGIN = 1_735_689_600_000  # 2025-01-01


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = DatasetStore(tmp_path_factory.mktemp("data"))
    span = {"start": date(2025, 1, 1), "end": date(2025, 1, 3)}
    made.synthesise("small", pairs=("BTC/USDT:USDT",), timeframes=("5m", "1h"), **span)
    return made


@pytest.fixture
def start(store, tmp_path):
    running = []

    def begin(port=0, last=0):
        gateway = RunningGateway(lambda: Gateway(lambda name: ReplayMarket(store.open(name)), name=str(tmp_path)))
        running.append(gateway)
        return gateway, gateway.start(port, last)

    yield begin
    for each in running:
        each.stop()


@pytest.fixture
def client():
    with httpx.Client(trust_env=False) as found:
        yield found


def test_sessions_have_clocks_of_their_own(start, client):
    _, port = start()
    url = f"http://127.0.0.1:{port}/replay/small"
    for name, hours in (("a", 1), ("b", 5)):
        client.post(f"{url}/{name}/clock", json={"now_ms": BEGIN + hours * 3_600_000}).raise_for_status()

    times = [client.get(f"{url}/{name}/fapi/v1/time").json()["serverTime"] for name in ("a", "b")]

    assert times == [BEGIN + 3_600_000, BEGIN + 5 * 3_600_000]
    assert client.get(f"{url}/a/clock").json()["calls"] == {"fapi/v1/time": 1}


def test_every_answer_says_its_weight(start, client):
    _, port = start()
    url = f"http://127.0.0.1:{port}/replay/small/a"
    client.post(f"{url}/clock", json={"now_ms": BEGIN + 3_600_000})

    answer = client.get(f"{url}/fapi/v1/klines", params={"symbol": "BTCUSDT", "interval": "5m"})

    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "5"
    assert answer.headers["content-type"].startswith("application/json")


def test_a_session_that_is_not_known_any_more_is_asked_to_be_stepped(start, client):
    _, port = start()
    url = f"http://127.0.0.1:{port}/replay/small/a"

    assert client.get(f"{url}/fapi/v1/time").status_code == 503
    assert client.post(f"{url}/clock", json={"now_ms": BEGIN + 1}).status_code == 200
    assert client.get(f"{url}/fapi/v1/time").status_code == 200


@pytest.mark.parametrize("wrong", [b"", b"[]", b"{}", b'{"now_ms": "x"}', b'{"now_ms": 1, "spread_bps": []}'])
def test_a_clock_that_makes_no_sense_is_refused(start, client, wrong):
    _, port = start()

    assert client.post(f"http://127.0.0.1:{port}/replay/small/a/clock", content=wrong).status_code == 400


def test_an_unknown_dataset_is_told(start, client):
    _, port = start()

    answer = client.post(f"http://127.0.0.1:{port}/replay/none/a/clock", json={"now_ms": BEGIN})

    assert answer.status_code == 404
    assert "no dataset 'none'" in answer.json()["msg"]


def test_without_an_exchange_behind_it_live_is_not_available(start, client):
    _, port = start()

    assert client.get(f"http://127.0.0.1:{port}/live/fapi/v1/time").status_code == 503


def test_nothing_can_be_ordered(start, client):
    _, port = start()

    assert client.post(f"http://127.0.0.1:{port}/live/fapi/v1/order").status_code == 405
    assert client.delete(f"http://127.0.0.1:{port}/replay/small/a/fapi/v1/order").status_code == 405


def test_the_next_one_takes_the_same_port(start, tmp_path):
    gateway, port = start()
    write_address(tmp_path, port)
    gateway.stop()

    _, again = start(last=last_port(tmp_path))

    assert again == port
    assert port_of(tmp_path) == port
    assert status_of(tmp_path)["replays"] == 0


def test_a_last_port_that_is_taken_is_replaced_and_a_wanted_one_is_not(start):
    _, port = start()

    _, other = start(last=port)
    assert other != port
    with pytest.raises(Misconfigured, match="cannot listen"):
        start(port=port)


def test_an_address_that_another_gateway_has_now_is_none(start, tmp_path):
    _, port = start()
    write_address(tmp_path / "other", port)

    with pytest.raises(TryAgain, match="no market gateway answers"):
        port_of(tmp_path / "other")


def test_without_an_address_there_is_none(tmp_path):
    with pytest.raises(TryAgain):
        port_of(tmp_path)
