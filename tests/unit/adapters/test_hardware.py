"""The machine is measured from the kernel's own files, at most once in a window."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import NamedTuple

import psutil
import pytest

from cfsm.adapters.hardware import Gauge


class Machine:
    """Pressure files of a test, and a clock that it sets."""

    def __init__(self, folder):
        self.folder = folder
        self.seconds = 100.0
        self.write("cpu", "some", 0.0, 0)
        self.write("memory", "full", 0.0, 0)

    def write(self, name, line, avg10, total):
        other = "full" if line == "some" else "some"
        text = f"avg10={avg10:.2f} avg60=0.00 avg300=0.00 total={total}"
        lines = sorted([f"{line} {text}\n", f"{other} avg10=77.00 avg60=0.00 avg300=0.00 total=7\n"], reverse=True)
        (self.folder / name).write_text("".join(lines))

    def gauge(self, window_seconds=2.0):
        return Gauge(self.folder, window_seconds, pressure=self.folder, now=lambda: self.seconds)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_the_first_pressure_is_the_kernels_average(machine):
    machine.write("cpu", "some", 12.5, 1_000_000)
    machine.write("memory", "full", 3.25, 5)

    load = machine.gauge().load()

    assert (load.psi_cpu_some_percent, load.psi_memory_full_percent) == (12.5, 3.25)


def test_pressure_is_the_share_of_the_time_since_it_was_last_measured(machine):
    gauge = machine.gauge()
    gauge.load()

    machine.seconds += 2.0
    machine.write("cpu", "some", 99.0, 500_000)  # microseconds of waiting

    assert gauge.load().psi_cpu_some_percent == 25.0


def test_an_old_measurement_gives_way_to_the_kernels_average(machine):
    gauge = machine.gauge()
    gauge.load()

    machine.seconds += 60.0
    machine.write("cpu", "some", 42.0, 60_000_000)

    assert gauge.load().psi_cpu_some_percent == 42.0


def test_within_a_window_nothing_is_measured_again(machine):
    gauge = machine.gauge()
    before = gauge.load()

    machine.seconds += 1.9
    machine.write("cpu", "some", 80.0, 1_900_000)
    assert gauge.load() is before

    machine.seconds += 0.2
    assert gauge.load().psi_cpu_some_percent == pytest.approx(1.9 / 2.1 * 100)


def test_a_counter_that_went_back_is_no_pressure(machine):
    machine.write("cpu", "some", 0.0, 9_000_000)
    gauge = machine.gauge()
    gauge.load()

    machine.seconds += 2.0
    machine.write("cpu", "some", 0.0, 0)

    assert gauge.load().psi_cpu_some_percent == 0.0


@pytest.mark.parametrize(
    "text", ["", "some\n", "some avg10=x total=1\n", "full avg10=1.00 total=1\n", "some avg10=nan\n"]
)
def test_a_kernel_without_pressure_is_no_error(machine, text):
    (machine.folder / "cpu").write_text(text)
    (machine.folder / "memory").unlink()

    load = machine.gauge().load()

    assert (load.psi_cpu_some_percent, load.psi_memory_full_percent) == (None, None)


def test_where_proc_is_hidden_nothing_is_known_and_nothing_fails(machine, monkeypatch):
    def hidden(*_):
        raise FileNotFoundError("/proc/meminfo")

    for name in ("virtual_memory", "cpu_times", "sensors_temperatures"):
        monkeypatch.setattr(psutil, name, hidden)

    load = Gauge(machine.folder / "none", 1.0, pressure=machine.folder).load()

    assert (load.memory_available_mb, load.cpu_percent, load.temperature_celsius, load.disk_free_mb) == (None,) * 4


class Times(NamedTuple):
    user: float
    system: float
    idle: float
    iowait: float
    guest: float


def test_the_use_of_the_cores_is_known_from_the_second_look_on_in_any_thread(machine, monkeypatch):
    times = iter([Times(100.0, 50.0, 800.0, 50.0, 90.0), Times(102.0, 51.0, 805.0, 52.0, 92.0)])
    monkeypatch.setattr(psutil, "cpu_times", lambda: next(times))
    gauge = machine.gauge()

    assert gauge.load().cpu_percent is None

    machine.seconds += 2.0
    with ThreadPoolExecutor(1) as another:
        assert another.submit(gauge.load).result().cpu_percent == pytest.approx(30.0)  # 3 of 10 seconds


def test_the_temperature_is_that_of_the_processor(machine, monkeypatch):
    sensors = {"nvme": [SimpleNamespace(current=88.0)], "coretemp": [SimpleNamespace(current=v) for v in (51.0, 63.0)]}
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: sensors)
    assert machine.gauge().load().temperature_celsius == 63.0

    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: {"nvme": sensors["nvme"], "empty": []})
    assert machine.gauge().load().temperature_celsius == 88.0

    monkeypatch.setattr(psutil, "sensors_temperatures", dict)
    assert machine.gauge().load().temperature_celsius is None
