"""Which units a worker's name stands for, as journalctl matches them."""

from fnmatch import fnmatchcase

import pytest

from cfsm.adapters.units.logs import unit_of
from cfsm.adapters.units.status import worker_of


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
        ("bot", "cfsm-dryrun@3-1234-998.service", True),
        ("bot", "cfsm-dry_runner@1.service", False),
        ("bot-3", "cfsm-dryrun@3-1234-998.service", True),
        ("bot-3", "cfsm-dryrun@31-1234-998.service", False),
        ("dry_runner", "cfsm-dryrun@3-1234-998.service", False),
        ("generation", "cfsm-generation.service", True),
        ("generation", "cfsm-generator@1.service", False),
    ],
)
def test_a_name_stands_for_the_services_of_a_worker(worker, unit, is_meant):
    assert fnmatchcase(unit, unit_of(worker)) == is_meant


def test_a_bots_unit_is_called_by_the_number_of_its_connection():
    assert worker_of("cfsm-dryrun@3-1234-998.service") == "bot-3"
    assert worker_of("cfsm-dry_runner@1.service") == "dry_runner"
