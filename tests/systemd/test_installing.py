"""Installing, upgrading and uninstalling on a real systemd; and that there is one factory on a home."""

import pytest

from tests.systemd.host import CFSM, HOME

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

UNITS = "/etc/systemd/system"


def names_in(machine, folder):
    return {path.name for path in machine.path(folder).iterdir()}


def test_without_units_there_is_no_factory_and_start_runs_the_embedded_one(bare):
    home = "/srv/embedded"
    bare.run("mkdir", "-p", home)
    bare.run(CFSM, "--home", home, "data", "synth", "--start", "2025-01-01", "--end", "2025-01-08")

    started = bare.run(CFSM, "--home", home, "start", "--timeout", "150")
    assert "units are ready" in started.stderr
    assert f"The factory of {home} runs as pid" in bare.run(CFSM, "--home", home, "status").stdout
    assert "ready [validator]" in bare.run(CFSM, "--home", home, "logs", "validator").stdout

    assert "has stopped" in bare.run(CFSM, "--home", home, "stop").stderr
    assert "was not running" in bare.run(CFSM, "--home", home, "stop").stderr


def test_the_machines_units_are_refused_a_home_that_they_could_not_see(bare):
    refused = bare.run(CFSM, "--home", "/run/user/0/factory", "systemd", "install", check=False)

    assert refused.returncode == 78
    assert "lies in somebody's home" in refused.stderr


def test_an_installation_is_enabled_and_belongs_to_its_home(host):
    assert host.run("systemctl", "is-enabled", "cfsm.target").stdout.strip() == "enabled"

    other = host.run(CFSM, "--home", "/var/lib/other", "systemd", "install", check=False)

    assert other.returncode == 1
    assert f"run the factory of {HOME}" in other.stderr


def test_one_factory_runs_on_a_home_whoever_started_it(running):
    embedded = running.cfsm("run", check=False)
    restored = running.cfsm("restore", "/nowhere", "--replace", check=False)

    assert (embedded.returncode, restored.returncode) == (78, 78)
    assert "a factory already runs" in embedded.stderr
    assert "`cfsm stop`" in embedded.stderr
    assert "runs already" in running.cfsm("start").stderr


def test_units_refuse_a_home_on_which_another_factory_runs(running):
    running.cfsm("stop")
    running.run("systemd-run", "--unit=embedded", "--uid=cfsm", CFSM, "--home", HOME, "run")
    running.until(lambda: running.run("pgrep", "-f", "worker projector", check=False).stdout)

    started = running.cfsm("start", "--timeout", "150", check=False)

    assert started.returncode == 1
    assert "misconfigured" in started.stderr
    running.run("systemctl", "stop", "embedded")
    assert running.cfsm("start", "--timeout", "150").returncode == 0


def test_an_upgrade_keeps_data_and_what_a_person_wrote_beside_the_units(running):
    own = f"{UNITS}/cfsm-backtester@.service.d/override.conf"
    running.write(own, "[Service]\nNice=5\n")
    running.write(f"{UNITS}/cfsm-optimised@.service", "# Written by `cfsm systemd install`\n[Service]\n")
    head = running.json("history", "verify")["head"]
    configuration = running.path(f"{HOME}/cfsm.yaml").read_text()
    instances = "workers: {watchdog_seconds: 10, instances: {backtester: 2}}"
    running.write(f"{HOME}/cfsm.yaml", configuration.replace("workers: {watchdog_seconds: 10}", instances))

    running.cfsm("systemd", "install")
    running.cfsm("restart", "--timeout", "150")

    assert running.path(own).exists()
    assert not running.path(f"{UNITS}/cfsm-optimised@.service").exists()
    assert running.show("cfsm-backtester@2.service", "ActiveState") == "active"
    assert "backtester-2" in {unit["name"] for unit in running.json("status")["factory"]["units"]}
    assert running.json("history", "verify", "--head", head)["head_known"]


def test_uninstalling_leaves_the_data_and_nothing_else(running):
    running.path(f"{UNITS}/cfsm-backtester@.service.d/override.conf").unlink()

    running.cfsm("systemd", "uninstall")

    assert not [name for name in names_in(running, UNITS) if "cfsm" in name]
    assert not running.path("/etc/sysusers.d/cfsm.conf").exists()
    assert not running.path("/etc/tmpfiles.d/cfsm.conf").exists()
    assert running.units() == set()
    assert running.run("pgrep", "--uid", "cfsm,cfsm-forge", check=False).stdout == ""
    assert {"cfsm.yaml", "data", "events.sqlite"} <= names_in(running, HOME)
    assert "none altered" in running.cfsm("history", "verify").stdout
