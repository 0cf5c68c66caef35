"""A machine with systemd for the tests of a module, the factory's units installed on it."""

import pytest

from tests.systemd.host import HOME, Host, missing

CONFIGURATION = """\
generation: {interval_seconds: 3600}
workers: {watchdog_seconds: 10}
backtest: {timerange: "20250105-20250301", pairs: ["BTC/USDT:USDT", "ETH/USDT:USDT"]}
admission: {max_psi_cpu_some_percent: null, max_psi_memory_full_percent: null, min_memory_available_mb: 0,
            min_disk_free_mb: 0, max_temperature_celsius: null}
"""
"""Whatever the machine that tests has to do besides."""


@pytest.fixture(scope="module")
def bare():
    """A machine that has CFSM, and no units of it yet."""
    if why := missing():
        pytest.skip(why)
    with Host() as machine:
        yield machine


@pytest.fixture(scope="module")
def host(bare):
    """A machine with the factory's units and two months of candles; nothing is started."""
    bare.write(f"{HOME}/cfsm.yaml", CONFIGURATION)
    bare.cfsm("systemd", "install", "--system")
    bare.run("chown", "cfsm:cfsm", f"{HOME}/cfsm.yaml")
    bare.cfsm("data", "synth", "--start", "2025-01-01", "--end", "2025-03-01")
    return bare


@pytest.fixture(scope="module")
def running(host):
    """A machine on which the factory runs."""
    host.cfsm("start", "--timeout", "150")
    return host
