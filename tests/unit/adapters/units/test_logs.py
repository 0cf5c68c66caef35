"""Which units a worker's name stands for, as journalctl matches them."""

from fnmatch import fnmatchcase

import pytest

from cfsm.adapters.units.logs import unit_of


@pytest.mark.parametrize(
    ("worker", "unit", "is_meant"),
    [
        ("backtester", "cfsm-backtester@1.service", True),
        ("backtester", "cfsm-backtester@2.service", True),
        ("backtester", "cfsm-backtester@2.path", False),
        ("backtester-2", "cfsm-backtester@2.service", True),
        ("backtester-2", "cfsm-backtester@1.service", False),
        ("forge", "cfsm-forge.service", True),
        ("forge", "cfsm-forge.socket", False),
        ("generation", "cfsm-generation.service", True),
        ("generation", "cfsm-generator@1.service", False),
    ],
)
def test_a_name_stands_for_the_services_of_a_worker(worker, unit, is_meant):
    assert fnmatchcase(unit, unit_of(worker)) == is_meant
