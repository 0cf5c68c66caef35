from dataclasses import replace

import pytest

from cfsm.domain.admission import AdmissionRules, Admitted, Load, Refused, Shortage, admit

CALM = Load(
    memory_available_mb=8000,
    disk_free_mb=50_000,
    psi_cpu_some_percent=5.0,
    psi_memory_full_percent=0.0,
    cpu_percent=20.0,
    temperature_celsius=50.0,
)
RULES = AdmissionRules(
    min_memory_available_mb=1000,
    min_disk_free_mb=1000,
    max_psi_cpu_some_percent=60.0,
    max_psi_memory_full_percent=2.0,
    max_cpu_percent=95.0,
    max_temperature_celsius=90.0,
)


def test_a_calm_machine_is_admitted():
    assert admit(CALM, RULES) == Admitted()


@pytest.mark.parametrize(
    ("change", "code", "reason"),
    [
        ({"memory_available_mb": 999}, Shortage.MEMORY, "memory available is 999 MB; at least 1000 MB is wanted"),
        ({"disk_free_mb": 10}, Shortage.DISK, "disk free is 10 MB; at least 1000 MB is wanted"),
        (
            {"psi_memory_full_percent": 2.5},
            Shortage.MEMORY_PRESSURE,
            "the percentage of time in which all waited for memory is 2.5; at most 2 is allowed",
        ),
        ({"temperature_celsius": 95.0}, Shortage.TEMPERATURE, "the temperature in °C is 95; at most 90 is allowed"),
        (
            {"psi_cpu_some_percent": 61.0},
            Shortage.CPU_PRESSURE,
            "the percentage of time in which some waited for the CPU is 61; at most 60 is allowed",
        ),
        ({"cpu_percent": 99.0}, Shortage.CPU, "the CPU's use in percent is 99; at most 95 is allowed"),
    ],
)
def test_each_shortage_refuses_with_the_figure_and_the_rule(change, code, reason):
    assert admit(replace(CALM, **change), RULES) == Refused(code, reason)


def test_limits_are_kept_to_the_letter():
    at_the_limits = Load(
        memory_available_mb=1000,
        disk_free_mb=1000,
        psi_cpu_some_percent=60.0,
        psi_memory_full_percent=2.0,
        cpu_percent=95.0,
        temperature_celsius=90.0,
    )

    assert admit(at_the_limits, RULES) == Admitted()


def test_the_memory_that_the_work_needs_is_on_top_of_the_reserve():
    load = replace(CALM, memory_available_mb=1500)

    assert admit(load, RULES, needed_memory_mb=500) == Admitted()
    refusal = admit(load, RULES, needed_memory_mb=501)
    assert refusal == Refused(Shortage.MEMORY, "memory available is 1500 MB; at least 1501 MB is wanted")


def test_of_several_reasons_the_gravest_is_given():
    load = replace(CALM, memory_available_mb=1, disk_free_mb=1, cpu_percent=100.0)

    assert admit(load, RULES).code is Shortage.MEMORY


def test_a_machine_that_cannot_tell_is_not_refused_for_it():
    assert admit(Load(), RULES) == Admitted()


def test_rules_that_are_off_refuse_nothing():
    off = AdmissionRules(
        max_psi_cpu_some_percent=None,
        max_psi_memory_full_percent=None,
        max_cpu_percent=None,
        max_temperature_celsius=None,
    )
    hot = replace(
        CALM, psi_cpu_some_percent=100.0, psi_memory_full_percent=100.0, cpu_percent=100.0, temperature_celsius=110.0
    )

    assert admit(hot, off) == Admitted()


def test_a_busy_cpu_alone_stops_nothing_by_default():
    assert admit(replace(CALM, cpu_percent=100.0), AdmissionRules()) == Admitted()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_load_that_is_not_a_number_is_refused(value):
    with pytest.raises(ValueError, match="cpu_percent is"):
        replace(CALM, cpu_percent=value)
