"""The metrics under a real systemd: served on loopback by a unit of their own, which sees what systemd tells."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ASK = (
    "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:9464/metrics', timeout=30).read().decode())"
)


@pytest.fixture(scope="module")
def running(host):
    host.configure(workers={"instances": {"metrics": 1}})
    host.cfsm("start")
    return host


def metrics(machine):
    lines = machine.run("/opt/cfsm/venv/bin/python", "-c", ASK).stdout.splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))


def test_every_unit_that_runs_is_told(running):
    running.until(lambda: running.show("cfsm-metrics@1.service", "ActiveState") == "active")
    found = metrics(running)

    assert found["cfsm_up"] == "1.0"
    for worker in ("projector", "validator", "metrics", "forge"):
        assert found[f'cfsm_worker_up{{worker="{worker}"}}'] == "1.0"
    assert found['cfsm_worker_health_score{worker="validator"}'] == "100.0"
    assert float(found['cfsm_worker_memory_bytes{worker="projector"}']) > 1e6


def test_a_worker_that_died_is_told(running):
    pid = running.main_pid("cfsm-validator@1.service")
    running.run("kill", "-KILL", pid)

    running.until(lambda: metrics(running).get('cfsm_worker_restarts_total{worker="validator"}') == "1.0")
    running.until(lambda: metrics(running).get('cfsm_worker_health_score{worker="validator"}') == "85.0")
