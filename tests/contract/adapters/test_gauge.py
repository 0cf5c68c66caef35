"""What every gauge promises, of this machine or of one that a test makes up."""

from dataclasses import fields

import pytest

from cfsm.adapters.hardware import Gauge
from cfsm.domain.admission import AdmissionRules, Admitted, Load, Refused, admit
from tests.fakes.gauge import FakeGauge


@pytest.fixture(params=["fake", "real"])
def gauge(request, tmp_path):
    return FakeGauge() if request.param == "fake" else Gauge(tmp_path, 0.1)


def test_a_load_has_sane_figures_or_none(gauge):
    load = gauge.load()

    assert load.memory_available_mb > 0
    assert load.disk_free_mb > 0
    for field in fields(Load):
        value = getattr(load, field.name)
        assert value is None or value >= 0
        if field.name.endswith("_percent"):
            assert value is None or value <= 100


def test_a_load_can_be_judged(gauge):
    off = AdmissionRules(
        min_memory_available_mb=0,
        min_disk_free_mb=0,
        max_psi_cpu_some_percent=None,
        max_psi_memory_full_percent=None,
        max_temperature_celsius=None,
    )
    impossible = AdmissionRules(min_memory_available_mb=10**9)

    assert admit(gauge.load(), off) == Admitted()
    assert isinstance(admit(gauge.load(), impossible), Refused)


def test_asking_again_at_once_gives_the_same(gauge):
    assert gauge.load() == gauge.load()
