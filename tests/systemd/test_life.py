"""The factory's life under a real systemd: started, at work, killed, stopped, started again."""

import json

import pytest

from cfsm.bootstrap import ROLES
from tests.systemd.host import HOME

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WORKERS = {f"cfsm-{role}@1.service" for role in ROLES}
TIMERS = {"cfsm-generation.timer", "cfsm-reevaluation.timer", "cfsm-cleaning.timer"}


def test_the_target_starts_every_worker_every_timer_and_the_forges_socket(running):
    assert WORKERS | TIMERS | {"cfsm-forge.socket", "cfsm.target"} <= running.units("active")
    assert running.units("failed") == set()


def test_the_home_belongs_to_the_factorys_user_alone(running):
    listing = running.run("find", HOME, "-not", "(", "-user", "cfsm", "-group", "cfsm", ")").stdout

    assert listing == ""
    assert running.run("stat", "--format=%a", HOME).stdout.strip() == "700"


def test_the_status_is_the_one_that_systemd_tells(running):
    status = running.json("status")["factory"]

    assert (status["running"], status["runs_under"]) == (True, "systemd")
    units = {unit["name"]: unit["state"] for unit in status["units"]}
    assert set(units) == {*ROLES, "forge"}
    assert {units[role] for role in ROLES} == {"running"}
    assert units["forge"] in {"running", "resting"}


def test_a_strategy_is_made_executed_and_backtested(running):
    running.cfsm("generate", "--seed", "11")

    name = running.until(lambda: backtested(running))

    lineage = json.loads(running.cfsm("lineage", name, "--json").stdout)
    assert name in {node["label"] for node in lineage["nodes"]}
    assert "none altered" in running.cfsm("history", "verify").stdout


def backtested(machine):
    found = machine.json("strategies", "list")
    assert not [each for each in found if each["state"] == "Retired"], found
    return next((each["name"] for each in found if each["state"] == "Backtested"), "")
