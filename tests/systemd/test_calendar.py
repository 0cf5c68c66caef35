"""The calendar under a real systemd: timers ask, once for each slot, and catch up what was missed."""

import json

import pytest

from tests.systemd.host import HOME

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def asked(machine, topic):
    """Give the events of a topic that the calendar asked for."""
    return [each for each in events(machine) if each["topic"] == topic and "due at" in each["facts"].get("why", "")]


def events(machine):
    lines = machine.cfsm("history", "replay", "--speed", "1000000000", "--json").stdout.splitlines()
    return [json.loads(line) for line in lines]


def rings_every_second(machine, timer):
    machine.write(
        f"/etc/systemd/system/{timer}.d/99-test.conf", "[Timer]\nOnCalendar=\nOnCalendar=*:*:*\nAccuracySec=100ms\n"
    )
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", timer)


def times_started(machine, unit):
    return len([each for each in machine.journal(f"--unit={unit}") if each["MESSAGE"].startswith("Finished ")])


def test_a_timer_rings_and_what_it_asks_for_is_done(running):
    rings_every_second(running, "cfsm-generation.timer")

    (requested,) = running.until(lambda: asked(running, "Generation.Requested"))

    assert requested["meta"]["actor"].startswith("calendar@")
    running.until(lambda: running.json("strategies", "list"))


def test_a_timer_that_rings_twice_in_a_slot_asks_once(running):
    running.until(lambda: times_started(running, "cfsm-generation.service") >= 3)

    slots = [each["facts"]["why"] for each in asked(running, "Generation.Requested")]
    assert len(slots) == len(set(slots))
    assert len(slots) <= 2  # two, if the hour has just ended


def test_the_coordinator_does_not_ask_beside_the_timers(running):
    running.run("systemctl", "stop", "cfsm-generation.timer")

    running.run("systemctl", "restart", "cfsm-coordinator@1.service")

    running.until(lambda: running.show("cfsm-coordinator@1.service", "StatusText") == "idle")
    assert asked(running, "Cleaning.Requested") == []  # its timer has not rung, and it was due at every start


def test_what_was_missed_while_the_machine_was_off_is_caught_up(running):
    running.cfsm("stop")
    running.run("touch", "--date=3 days ago", "/var/lib/systemd/timers/stamp-cfsm-cleaning.timer")

    running.cfsm("start", "--timeout", "150")

    (cleaning,) = running.until(lambda: asked(running, "Cleaning.Requested"))
    assert cleaning["facts"]["why"].endswith("02:00")
    running.until(lambda: [each for each in events(running) if each["topic"] == "Cleaning.Done"])


def test_a_part_that_was_configured_away_loses_its_timer_at_the_next_installation(running):
    configuration = running.path(f"{HOME}/cfsm.yaml").read_text()
    running.write(f"{HOME}/cfsm.yaml", configuration + "retention: {cleanup_old_strategies: false}\n")

    running.cfsm("systemd", "install")

    assert not running.path("/etc/systemd/system/cfsm-cleaning.timer").exists()
    assert "cfsm-cleaning" not in running.show("cfsm.target", "Wants")
