"""The factory's life under a real systemd: started, at work, killed, hung, stopped, started again."""

import json

import pytest

from cfsm.bootstrap import ROLES
from cfsm.settings import Settings
from tests.fakes.strategy_texts import RIGHT, in_indicators
from tests.systemd.host import HOME

FAULTY = (
    RIGHT.replace("SampleStrategy", "FaultyStrategy")
    + """
    def leverage(self, **kwargs):
        raise ValueError("no leverage today")
"""
)
SLOW = in_indicators("for _ in range(10_000_000):", "    pass").decode().replace("SampleStrategy", "SlowStrategy")
"""Its runs take long enough to be caught at work."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

_settings = Settings().workers
ALWAYS = [role for role in ROLES if _settings.instances.model_dump()[role] and role not in _settings.on_demand]
"""Those that run with the settings as they come."""

WORKERS = {f"cfsm-{role}@1.service" for role in ALWAYS}
TIMERS = {"cfsm-generation.timer", "cfsm-reevaluation.timer", "cfsm-cleaning.timer"}
RUN_SECONDS = 300
"""The longest that a strategy may take from its request to its backtest, the forge's warm-up included."""


def test_the_target_starts_every_worker_every_timer_and_the_forges_socket(running):
    assert WORKERS | TIMERS | {"cfsm-forge.socket", "cfsm.target"} <= running.units("active")
    assert running.units("failed") == set()


def test_the_home_belongs_to_the_factorys_user_alone(running):
    assert running.run("find", HOME, "-not", "(", "-user", "cfsm", "-group", "cfsm", ")").stdout == ""
    assert running.run("stat", "--format=%a", HOME).stdout.strip() == "700"


def test_the_status_is_the_one_that_systemd_tells(running):
    status = running.json("status")["factory"]

    assert (status["running"], status["runs_under"]) == (True, "systemd")
    units = {unit["name"]: unit["state"] for unit in status["units"]}
    assert set(units) >= {*ALWAYS, "forge"}
    assert {units[role] for role in ALWAYS} == {"running"}
    assert units["forge"] in {"running", "starting", "resting"}
    assert f"The factory of {HOME} runs under systemd" in running.cfsm("status").stdout


@pytest.fixture(scope="module")
def made(running):
    """A strategy that the factory made and backtested."""
    running.cfsm("generate", "--seed", "11")
    return running.until(lambda: in_state(running, "Backtested"), patience_seconds=RUN_SECONDS)


def in_state(machine, *states):
    return next((each for each in machine.json("strategies", "list") if each["state"] in states), None)


def test_a_strategy_is_made_executed_and_backtested(running, made):
    lineage = running.json("lineage", made["name"])

    assert made["name"] in {node["label"] for node in lineage["nodes"]}
    assert "none altered" in running.cfsm("history", "verify").stdout


def test_the_journal_tells_a_strategys_life_by_its_id(running, made):
    told = running.journal("--unit=cfsm-*", f"STRATEGY_ID={made['id'].replace('-', '')}")

    assert {"generator", "validator", "backtester"} <= {record["WORKER"] for record in told}
    for record in told:
        assert record["CORRELATION_ID"].replace("-", "") == record["STRATEGY_ID"]
        assert record["EVENT"]
        assert record["_SYSTEMD_UNIT"].startswith(f"cfsm-{record['WORKER']}@")
        assert record["WORKER"] == "generator" or record["RUN_ID"]
    assert any(record["MESSAGE"].startswith("backtested") for record in told)


def test_lines_of_freqtrade_are_in_the_journal_with_what_they_are_about(running):
    running.write("/tmp/faulty.py", FAULTY)
    running.cfsm("strategies", "add", "/tmp/faulty.py")

    told = running.until(
        lambda: running.journal("--unit=cfsm-forge.service", "LOGGER=freqtrade"), patience_seconds=RUN_SECONDS
    )

    assert all(record["STRATEGY_ID"] and record["RUN_ID"] and record["WORKER"] == "forge" for record in told)
    assert any("no leverage today" in record["MESSAGE"] for record in told)


def test_cfsm_logs_shows_what_the_journal_has(running, made):
    shown = running.cfsm("logs", "backtester", "-n", "1000").stdout

    assert f"backtested strategy={made['name']}" in shown
    assert {line.split("|")[0].strip() for line in shown.splitlines()} == {"backtester"}


def test_the_head_of_the_log_is_noted_and_held_against_it(running):
    running.until(lambda: running.journal("EVENT=Log.HeadNoted"))

    verified = running.json("history", "verify", "--journal")

    assert verified["heads"] > 0
    assert (verified["broken"], verified["lost"]) == (None, None)


def test_an_idle_factory_falls_silent(running):
    running.until(lambda: is_idle(running), patience_seconds=RUN_SECONDS)

    # The head of the last events is noted within a minute, workers in reserve end after theirs; then there is no more.
    running.until(lambda: not running.journal("--unit=cfsm-*", "--since=-15s"), every_seconds=5)


def is_idle(machine):
    return not machine.json("status")["due"]


@pytest.mark.parametrize("unit", [*sorted(WORKERS), "cfsm-forge.service"])
def test_a_unit_that_is_killed_is_at_work_again(running, unit):
    if unit == "cfsm-forge.service":
        running.cfsm("forge", "status")  # asks for it
    pid = running.until(lambda: running.main_pid(unit))

    running.run("kill", "-KILL", pid)

    assert running.until(lambda: running.main_pid(unit, but=pid)) != pid
    assert running.show(unit, "NRestarts") != "0"
    assert running.show("cfsm.target", "ActiveState") == "active"


def test_a_worker_that_hangs_is_found_by_the_watchdog(running):
    unit = "cfsm-validator@1.service"
    pid = running.until(lambda: running.main_pid(unit))

    running.run("kill", "-STOP", pid)

    running.until(lambda: running.main_pid(unit, but=pid))
    assert any("Watchdog timeout" in each["MESSAGE"] for each in running.journal(f"--unit={unit}"))


def test_a_worker_that_outgrows_its_memory_is_ended_and_the_others_go_on(running):
    unit = "cfsm-validator@1.service"
    dropin = f"/etc/systemd/system/{unit}.d/99-test.conf"
    running.write(dropin, "[Service]\nMemoryMax=24M\nMemorySwapMax=0\nStartLimitBurst=3\n[Unit]\nStartLimitBurst=3\n")
    running.run("systemctl", "daemon-reload")
    running.run("systemctl", "restart", unit, check=False)
    running.until(lambda: running.show(unit, "ActiveState") == "failed")

    troubled = {each["name"]: each for each in running.json("status")["factory"]["units"]}["validator"]
    assert troubled["state"] == "failed"
    assert running.units("active") >= WORKERS - {unit}

    running.path(dropin).unlink()
    running.run("systemctl", "daemon-reload")
    running.run("systemctl", "reset-failed", unit)
    running.run("systemctl", "start", unit)
    assert running.show(unit, "ActiveState") == "active"


def test_a_stop_with_a_run_under_way_loses_nothing(running):
    running.until(lambda: is_idle(running), patience_seconds=RUN_SECONDS)
    running.write("/tmp/slow.py", SLOW)
    running.cfsm("strategies", "add", "/tmp/slow.py")
    running.until(lambda: is_running(running), patience_seconds=RUN_SECONDS)
    before = running.cfsm("history", "verify").stdout.split()[0]

    assert f"The factory of {HOME} has stopped." in running.cfsm("stop").stderr

    assert running.run("pgrep", "--uid", "cfsm,cfsm-forge", check=False).stdout == ""
    assert int(running.cfsm("history", "verify").stdout.split()[0]) >= int(before)
    assert running.json("status")["factory"]["running"] is False
    stopped = [each["MESSAGE"] for each in running.journal("--identifier=systemd", "--since=-2min")]
    workers_ended = max(n for n, said in enumerate(stopped) if said.startswith("Stopped cfsm-validator@"))
    forge_told = max(n for n, said in enumerate(stopped) if said.startswith("Stopping cfsm-forge.service"))
    assert workers_ended < forge_told


def test_a_restart_goes_on_with_what_was_under_way(running):
    running.cfsm("start", "--timeout", "150")

    running.until(lambda: is_idle(running), patience_seconds=RUN_SECONDS)

    history = running.cfsm("history", "show", "SlowStrategy", "--json").stdout.splitlines()
    topics = [json.loads(line)["topic"] for line in history]
    assert "Evaluation.Resumed" in topics
    assert running.json("status")["parked"] == []
    assert running.json("history", "verify", "--journal")["lost"] is None


def is_running(machine):
    return [run for run in machine.json("runs", "list") if run["state"] == "running"]


def test_another_log_in_the_place_of_the_first_is_found_by_the_journal(running):
    running.cfsm("stop")
    for name in ("events.sqlite", "events.sqlite-wal", "events.sqlite-shm"):
        running.path(f"{HOME}/{name}").unlink(missing_ok=True)
    running.cfsm("generate", "--seed", "5")

    assert running.cfsm("history", "verify").returncode == 0
    found = running.cfsm("history", "verify", "--journal", check=False)

    assert found.returncode == 1
    assert "this is another log" in found.stdout
