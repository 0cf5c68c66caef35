"""A machine whose load a test sets."""

from dataclasses import replace

from cfsm.domain.admission import Load

CALM = Load(memory_available_mb=8_000.0, disk_free_mb=50_000.0, psi_cpu_some_percent=5.0, psi_memory_full_percent=0.0)


class FakeGauge:
    """Gives the load that was set last."""

    def __init__(self, **load):
        self.set(**load)

    def set(self, **load):
        self._load = replace(CALM, **load)

    def load(self):
        return self._load
