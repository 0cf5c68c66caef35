"""What Prometheus gets, once and from a factory that runs."""

import json
import socket
import time
import urllib.error
import urllib.request

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from cfsm.adapters.metrics_endpoint import MetricsEndpoint
from cfsm.application.errors import Misconfigured, TryAgain
from cfsm.bootstrap.metrics import METRICS, exposition, registry_of
from cfsm.bootstrap.observing import Observer
from cfsm.domain.housekeeping import Cleaning
from cfsm.domain.lifecycle import State
from tests.fakes.home import Cli, house_at, tell
from tests.fakes.running_factory import QUICK, RunningFactory


def samples(text):
    """Give every value, by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found, name, **labels):
    return found[name, tuple(sorted(labels.items()))]


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    tell(home)
    return home


def test_every_value_is_what_the_projections_say(home, capfd):
    seen = Observer(house_at(home)).look(wait=True)
    found = samples(Cli(home, capfd)("metrics").out)

    assert value(found, "cfsm_up") == 0
    assert value(found, "cfsm_events_total") == seen.events > 0
    assert value(found, "cfsm_tasks_parked") == 1
    for state in State:
        assert value(found, "cfsm_strategies", state=state.value) == seen.pipeline[state]
    made = seen.generations
    for outcome, count in (("requested", made.requested), ("concluded", made.concluded), ("failed", made.failed)):
        assert value(found, "cfsm_generations_total", outcome=outcome) == count
    assert value(found, "cfsm_evaluations_total", outcome="requested") == seen.evaluations.requested
    by_topic = {dict(labels)["topic"]: count for (name, labels), count in found.items() if "of_topic" in name}
    assert by_topic == seen.topics
    assert sum(by_topic.values()) == seen.events
    assert value(found, "cfsm_projection_lag_events") == 0
    assert value(found, "cfsm_machine_disk_free_bytes") > 0


def test_every_family_says_its_type_and_meaning(home, capfd):
    families = {family.name: family for family in text_string_to_metric_families(Cli(home, capfd)("metrics").out)}

    for spec in METRICS:
        assert families[spec.name].type == spec.kind
        assert families[spec.name].documentation == spec.meaning


def test_the_dashboard_and_the_alerts_come_with_it(home, capfd):
    cli = Cli(home, capfd)

    assert json.loads(cli("metrics", "--dashboard").out)["title"] == "CFSM"
    assert yaml.safe_load(cli("metrics", "--alerts").out)["groups"][0]["name"] == "cfsm"


def test_a_running_factory_serves_them_on_loopback(tmp_path):
    port = _free_port()
    configuration = QUICK.replace("workers: {", "workers: {instances: {metrics: 1}, ", 1)
    configuration += f"monitoring: {{metrics_port: {port}}}\n"
    with RunningFactory(tmp_path / "home", configuration=configuration) as running:
        running.make_candles()
        running.start().until_ready()
        running.until(lambda: value(samples(_get(port)), "cfsm_worker_up", worker="forge") == 1)
        found = samples(_get(port))

        assert value(found, "cfsm_up") == 1
        assert value(found, "cfsm_worker_up", worker="metrics") == 1
        assert value(found, "cfsm_worker_health_score", worker="projector") == 100
        assert value(found, "cfsm_worker_memory_bytes", worker="validator") > 1e6

        running.cfsm("generate")
        running.until(lambda: value(samples(_get(port)), "cfsm_worker_tasks_done_total", worker="generator") == 1)


# The endpoint


@pytest.fixture
def endpoint():
    endpoint = MetricsEndpoint(0, lambda: b"cfsm_up 1\n")
    yield endpoint
    endpoint.close()


def answers(endpoint, path="/metrics"):
    """Ask, let the endpoint serve, and give its answer: the connection waits meanwhile."""
    peer = socket.create_connection(("127.0.0.1", endpoint.port), 5)
    peer.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert endpoint.serve(5)
    answer = b""
    while piece := peer.recv(65536):
        answer += piece
    peer.close()
    return answer.decode()


def test_only_the_metrics_are_there(endpoint):
    assert answers(endpoint).startswith("HTTP/1.0 200")
    assert answers(endpoint).endswith("cfsm_up 1\n")
    assert answers(endpoint, "/").startswith("HTTP/1.0 404")
    assert answers(endpoint, "/../etc/passwd").startswith("HTTP/1.0 404")


def test_it_listens_on_loopback_alone(endpoint):
    assert endpoint._server.server_address[0] == "127.0.0.1"


def test_without_a_request_it_gives_the_worker_its_time_back(endpoint):
    assert endpoint.serve(0.01) is False


def test_a_client_that_says_nothing_is_left(endpoint, monkeypatch):
    monkeypatch.setattr(endpoint._server.RequestHandlerClass, "timeout", 0.05)
    with socket.create_connection(("127.0.0.1", endpoint.port)):
        assert endpoint.serve(5)

    assert answers(endpoint).startswith("HTTP/1.0 200")


def test_a_factory_that_cannot_be_looked_at_is_an_error_that_says_why():
    def away():
        raise TryAgain("the event store is away")

    endpoint = MetricsEndpoint(0, away)
    assert answers(endpoint).startswith("HTTP/1.0 503")
    assert "the event store is away" in answers(endpoint)
    endpoint.close()


def test_a_port_that_is_taken_is_a_matter_of_configuration(endpoint):
    with pytest.raises(Misconfigured, match=r"another program has it; change monitoring\.metrics_port"):
        MetricsEndpoint(endpoint.port, bytes)


def test_each_collection_is_a_new_look(home):
    house = house_at(home)
    registry = registry_of(house)
    before = value(samples(exposition(registry).decode()), "cfsm_events_total")
    house.factory.transact(lambda: [Cleaning.request("now", "somebody wants it", house.factory.stamp())])

    assert value(samples(exposition(registry).decode()), "cfsm_events_total") == before + 1


def _get(port, seconds=30):
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                return answer.read().decode()
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < end
            time.sleep(0.1)


def _free_port():
    with socket.socket() as peer:
        peer.bind(("127.0.0.1", 0))
        return peer.getsockname()[1]
