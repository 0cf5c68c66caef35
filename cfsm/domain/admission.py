"""May work start while the machine is loaded as it is? A pure decision, with its reason in words."""

from dataclasses import dataclass, fields
from enum import StrEnum
from math import isfinite


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How loaded the machine is. None where this machine cannot tell (no PSI, no sensor): never a refusal.

    The PSI percentages (pressure stall information) are shares of the last second or two in which some task
    waited for the CPU, and in which all waited for memory.
    """

    memory_available_mb: float | None = None
    disk_free_mb: float | None = None
    psi_cpu_some_percent: float | None = None
    psi_memory_full_percent: float | None = None
    cpu_percent: float | None = None
    temperature_celsius: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not isfinite(value):
                raise ValueError(f"{field.name} is {value}; give None for what cannot be measured")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionRules:
    """Where the machine is too loaded for new work. None switches a rule off.

    ``cpu_percent`` is off by default: it saturates at 100 with healthy work, while pressure says who waits.
    """

    min_memory_available_mb: int = 1_000
    min_disk_free_mb: int = 1_000
    max_psi_cpu_some_percent: float | None = 60.0
    max_psi_memory_full_percent: float | None = 2.0
    max_cpu_percent: float | None = None
    max_temperature_celsius: float | None = 90.0


class Shortage(StrEnum):
    """What there is too little of."""

    MEMORY = "memory"
    DISK = "disk"
    MEMORY_PRESSURE = "memory_pressure"
    CPU_PRESSURE = "cpu_pressure"
    CPU = "cpu"
    TEMPERATURE = "temperature"

    @property
    def is_only_busy(self) -> bool:
        """Say whether more work merely makes everything slower, where the others do harm."""
        return self in {Shortage.CPU_PRESSURE, Shortage.CPU}


_WORDS = {
    Shortage.MEMORY_PRESSURE: "the percentage of time in which all waited for memory",
    Shortage.TEMPERATURE: "the temperature in °C",
    Shortage.CPU_PRESSURE: "the percentage of time in which some waited for the CPU",
    Shortage.CPU: "the CPU's use in percent",
}


@dataclass(frozen=True, slots=True)
class Admitted:
    """The work may start."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The work has to wait: for what, and in words with the figure and the rule."""

    code: Shortage
    reason: str


def admit(load: Load, rules: AdmissionRules, *, needed_memory_mb: float = 0) -> Admitted | Refused:
    """Say whether work may start that takes ``needed_memory_mb``; of several reasons the gravest is given."""
    wanted_mb = rules.min_memory_available_mb + needed_memory_mb
    if load.memory_available_mb is not None and load.memory_available_mb < wanted_mb:
        reason = f"memory available is {load.memory_available_mb:.0f} MB; at least {wanted_mb:.0f} MB is wanted"
        return Refused(Shortage.MEMORY, reason)
    if load.disk_free_mb is not None and load.disk_free_mb < rules.min_disk_free_mb:
        reason = f"disk free is {load.disk_free_mb:.0f} MB; at least {rules.min_disk_free_mb} MB is wanted"
        return Refused(Shortage.DISK, reason)
    limits = (
        (Shortage.MEMORY_PRESSURE, load.psi_memory_full_percent, rules.max_psi_memory_full_percent),
        (Shortage.TEMPERATURE, load.temperature_celsius, rules.max_temperature_celsius),
        (Shortage.CPU_PRESSURE, load.psi_cpu_some_percent, rules.max_psi_cpu_some_percent),
        (Shortage.CPU, load.cpu_percent, rules.max_cpu_percent),
    )
    for shortage, value, limit in limits:
        if value is not None and limit is not None and value > limit:
            return Refused(shortage, f"{_WORDS[shortage]} is {value:.4g}; at most {limit:g} is allowed")
    return Admitted()
