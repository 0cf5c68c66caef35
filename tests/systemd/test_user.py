"""The factory as a user's own units, on a real systemd: without root, and without a session."""

import pytest

from tests.systemd.conftest import CONFIGURATION
from tests.systemd.host import CFSM

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

USER = "trader"
FACTORY = f"/home/{USER}/factory"


class Trader:
    """A user of the machine, who is not logged in."""

    def __init__(self, machine):
        self.machine = machine
        machine.run("useradd", "--create-home", USER)
        self.uid = machine.run("id", "--user", USER).stdout.strip()
        machine.run("loginctl", "enable-linger", USER)
        machine.until(lambda: machine.path(f"/run/user/{self.uid}/systemd/private").exists())

    def run(self, *command, **options):
        environ = [f"XDG_RUNTIME_DIR=/run/user/{self.uid}", f"HOME=/home/{USER}", "SYSTEMD_PAGER="]
        return self.machine.run("runuser", "-u", USER, "--", "env", *environ, *command, **options)

    def cfsm(self, *arguments, **options):
        return self.run(CFSM, "--home", FACTORY, *arguments, **options)


@pytest.fixture(scope="module")
def trader(bare):
    user = Trader(bare)
    user.run("mkdir", FACTORY)
    user.run("tee", f"{FACTORY}/cfsm.yaml", text=CONFIGURATION)
    user.cfsm("data", "synth", "--start", "2025-01-01", "--end", "2025-03-01")
    user.cfsm("systemd", "install", "--user", "--linger")
    user.cfsm("start", "--timeout", "150")
    return user


def test_the_factory_runs_without_a_session_of_its_user(trader):
    assert f"The factory of {FACTORY} runs under systemd" in trader.cfsm("status").stdout
    assert trader.machine.run("loginctl", "list-sessions", "--no-legend").stdout == ""
    assert trader.run("systemctl", "--user", "is-enabled", "cfsm.target").stdout.strip() == "enabled"


def test_a_strategy_is_made_and_executed(trader):
    trader.cfsm("generate", "--seed", "11")

    def validated():
        return '"Validated"' in (found := trader.cfsm("strategies", "list", "--json").stdout) or "Backtested" in found

    trader.machine.until(validated, patience_seconds=300)


def test_the_walls_stand_for_a_users_units_too(trader):
    def pid_of(unit):
        return trader.run("systemctl", "--user", "show", "--property=MainPID", "--value", unit).stdout.strip()

    def inside(unit, *command):
        return trader.machine.run(
            "nsenter", "--target", pid_of(unit), "--user", "--preserve-credentials", "--mount", *command, check=False
        )

    trader.cfsm("forge", "status")
    worker, forge = "cfsm-validator@1.service", "cfsm-forge.service"
    trader.machine.until(lambda: pid_of(forge) not in {"", "0"})
    assert inside(worker, "touch", f"/home/{USER}/mine").returncode != 0
    assert inside(worker, "ls", f"{FACTORY}/events.sqlite").returncode == 0
    assert inside(forge, "ls", f"{FACTORY}/events.sqlite").returncode != 0
    assert inside(forge, "ls", f"{FACTORY}/data/synthetic").returncode == 0
    network = trader.machine.run("readlink", f"/proc/{pid_of(worker)}/ns/net").stdout
    assert network != trader.machine.run("readlink", "/proc/1/ns/net").stdout


def test_it_is_stopped_and_uninstalled_by_its_user(trader):
    assert "has stopped" in trader.cfsm("stop").stderr

    trader.cfsm("systemd", "uninstall", "--user")

    assert trader.run("find", f"/home/{USER}/.config/systemd", "-name", "*cfsm*").stdout == ""
    assert "none altered" in trader.cfsm("history", "verify").stdout
