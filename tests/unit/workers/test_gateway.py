import pytest

from cfsm.application.errors import Misconfigured
from cfsm.application.market import ChangeKind, UpstreamChange
from cfsm.workers.gateway import GatewayWorker

ADDRESS = "https://exchange.example"


class FakeGateway:
    """A gateway that serves nobody. ``news`` is what happened upstream."""

    def __init__(self):
        self.news = []
        self.is_running = False
        self.raises = None
        self.live = None

    def start(self):
        if self.raises:
            raise self.raises
        self.is_running = True
        return 4711

    def status(self):
        if self.raises:
            raise self.raises
        return {"replays": 2, "live": self.live}

    def changes(self):
        news, self.news = self.news, []
        return news

    def stop(self):
        self.is_running = False


@pytest.fixture
def gateway():
    return FakeGateway()


@pytest.fixture
def worker(place, gateway):
    return GatewayWorker(place.equipment("gateway@here"), gateway)


def test_it_serves_until_it_is_told_to_stop(place, worker, gateway):
    place.is_stopping = True

    worker.run()

    assert not gateway.is_running
    assert place.notifier.said[0] == "READY"


def test_what_happens_upstream_becomes_events_of_that_address(place, worker, gateway):
    gateway.news = [UpstreamChange(ADDRESS, ChangeKind.OPENED, "5 failures in a row", 5.0)]
    worker.step()
    gateway.news = [
        UpstreamChange(ADDRESS, ChangeKind.HALF_OPENED),
        UpstreamChange(ADDRESS, ChangeKind.CLOSED),
        UpstreamChange(ADDRESS, ChangeKind.BANNED, seconds=120.0, status=418),
    ]
    worker.step()

    assert place.topics() == [
        "Upstream.Watched",
        "Upstream.BreakerOpened",
        "Upstream.BreakerHalfOpened",
        "Upstream.BreakerClosed",
        "Upstream.Banned",
    ]
    assert place.happened("Upstream.BreakerOpened")[0].facts["why"] == "5 failures in a row"
    assert place.happened("Upstream.Banned")[0].facts["status"] == 418


def test_it_says_what_it_does(place, worker, gateway):
    gateway.live = {"requests": 100, "saved_percent": 96.0}

    worker.step()

    assert place.notifier.statuses == ["2 replays, 96 % of live ones saved"]


def test_a_port_that_is_taken_stops_it_for_good(place, worker, gateway):
    gateway.raises = Misconfigured("cannot listen at 127.0.0.1:80")

    with pytest.raises(Misconfigured):
        worker.run()


def test_a_gateway_that_hangs_ends_the_process(worker, gateway):
    gateway.raises = RuntimeError("it does not answer within 10 s")

    with pytest.raises(RuntimeError):
        worker.step()
