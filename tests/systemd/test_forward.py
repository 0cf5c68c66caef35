"""Forward tests under a real systemd: a bot in a unit of its own, killed, hostile, stopped with the factory."""

import json

import pytest

from cfsm.adapters.freqtrade.dry_run.folder import DATABASE_FILE
from cfsm.adapters.sandbox.bot_cage import missing_for_bots
from tests.fakes.bot_strategies import source
from tests.systemd.host import HOME

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(missing_for_bots()), reason=f"no complete cage for bots: {missing_for_bots()}"),
]

OFTEN, HOSTILE = "OftenStrategy", "HostileStrategy"
PATIENCE_SECONDS = 300


@pytest.fixture(scope="module")
def tested(host):
    """A factory that runs, with a strategy that was backtested and is in a forward test."""
    host.configure(forward_test={"candidates": "none", "look_seconds": 0.5}, workers={"reserve_idle_seconds": 5})
    host.cfsm("start", "--timeout", "150")
    begin(host, OFTEN, "--days", "8")
    return host


def begin(machine, name, *options):
    """Let the factory backtest a strategy that trades often, and ask for a forward test of it."""
    machine.write(f"/tmp/{name}.py", source(name).decode())
    machine.cfsm("strategies", "add", f"/tmp/{name}.py")

    def is_backtested():
        return (name, "Backtested") in {(each["name"], each["state"]) for each in machine.json("strategies", "list")}

    machine.until(is_backtested, patience_seconds=PATIENCE_SECONDS)
    machine.cfsm("dryrun", "start", name, *options)


def story(machine, name):
    return machine.json("dryrun", "show", name)


AS_CFSM = ("setpriv", "--reuid=cfsm", "--regid=cfsm", "--clear-groups")

ASK = """
import json, sqlite3, sys
try:
    asked = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=10)
    print(json.dumps(asked.execute("SELECT pair || ' ' || open_date, is_open FROM trades").fetchall()))
except sqlite3.OperationalError:  # there is none yet, or no table in it
    print("[]")
"""


def trades(machine, name, *, only_open=False):
    """Give each trade that a strategy's bot has opened, by its own database."""
    path = f"{HOME}/forward_tests/{name}-1/bot/{DATABASE_FILE}"
    said = machine.run(*AS_CFSM, "/opt/cfsm/venv/bin/python", "-c", ASK, path).stdout
    return {trade for trade, is_open in json.loads(said) if is_open or not only_open}


def bots(machine):
    """Give the processes of the bots."""
    return machine.run("pgrep", "-f", "dry_run.bot ", check=False).stdout.split()


def bot(machine, but=""):
    """Give the process of the bot, empty where there is none or it is still that one."""
    return next((pid for pid in bots(machine) if pid != but), "")


def unit_of(machine, pid):
    """Give the unit that a process is in."""
    return machine.path(f"/proc/{pid}/cgroup").read_text().rpartition("/")[2].strip()


def test_a_bot_is_in_a_unit_of_its_own_that_the_status_shows(tested):
    pid = tested.until(lambda: bot(tested), patience_seconds=PATIENCE_SECONDS)
    unit = unit_of(tested, pid)

    assert unit.startswith("cfsm-dryrun@")
    assert tested.show(unit, "ActiveState", "Slice") == {"ActiveState": "active", "Slice": "cfsm-dryrun.slice"}
    shown = {each["name"]: each for each in tested.json("status")["factory"]["units"]}
    (name,) = [name for name in shown if name.startswith("bot-")]
    assert (shown[name]["state"], shown[name]["status"]) == ("running", f"{OFTEN}-1")
    assert f"{OFTEN}-1 runs as pid {pid}" in tested.cfsm("logs", name).stdout


def test_a_bot_that_is_killed_goes_on_with_its_open_trades(tested):
    pid = tested.until(lambda: bot(tested), patience_seconds=PATIENCE_SECONDS)
    held = tested.until(lambda: trades(tested, OFTEN, only_open=True), patience_seconds=PATIENCE_SECONDS)

    tested.run("kill", "-KILL", pid)

    tested.until(lambda: bot(tested, but=pid))
    tested.until(lambda: len(trades(tested, OFTEN)) >= len(held) + 2, patience_seconds=PATIENCE_SECONDS)
    assert held <= trades(tested, OFTEN)
    assert story(tested, OFTEN)["attempts"] == 2
    assert tested.show("cfsm-dry_runner@1.service", "NRestarts") == "0"


def test_a_dry_runner_that_is_killed_takes_its_bot_up_again(tested):
    pid = tested.until(lambda: bot(tested))
    before = trades(tested, OFTEN)

    tested.run("kill", "-KILL", tested.main_pid("cfsm-dry_runner@1.service"))

    tested.until(lambda: bot(tested, but=pid))
    tested.until(lambda: len(trades(tested, OFTEN)) > len(before), patience_seconds=PATIENCE_SECONDS)
    assert before <= trades(tested, OFTEN)
    assert len(bots(tested)) == 1


def test_a_stop_of_the_factory_stops_its_bots_and_loses_no_trade(tested):
    tested.until(lambda: bot(tested))
    before = trades(tested, OFTEN)

    tested.cfsm("stop")

    assert tested.run("pgrep", "--uid", "cfsm,cfsm-forge", check=False).stdout == ""
    assert not [unit for unit in tested.units() if unit.startswith("cfsm-dryrun@")]
    kept = trades(tested, OFTEN)
    assert before <= kept
    tested.cfsm("start", "--timeout", "150")
    tested.until(lambda: len(trades(tested, OFTEN)) > len(kept), patience_seconds=PATIENCE_SECONDS)
    assert kept <= trades(tested, OFTEN)


def test_a_forward_test_that_is_ended_ends_its_bot(tested):
    tested.until(lambda: len(trades(tested, OFTEN)) > 2, patience_seconds=PATIENCE_SECONDS)

    tested.cfsm("dryrun", "stop", OFTEN)

    over = tested.until(lambda: is_over(tested, OFTEN), patience_seconds=PATIENCE_SECONDS)
    assert over["verdict"] == "stopped"
    assert over["figures"]["total_trades"] + over["figures"]["open_trades"] > 2
    tested.until(lambda: not bots(tested))
    assert not [unit for unit in tested.units() if unit.startswith("cfsm-dryrun@")]


def is_over(machine, name):
    found = story(machine, name)
    return found if found["state"] not in {"requested", "running"} else None


ATTACKS = f"""
import os, socket


def attempts():
    yield "read the events", lambda: open("{HOME}/events.sqlite", "rb").read(1)
    yield "read the configuration", lambda: open("{HOME}/cfsm.yaml").read()
    yield "list the home", lambda: os.listdir("{HOME}")
    yield "list the bots", lambda: os.listdir("{HOME}/forward_tests")
    yield "read a secret", lambda: os.listdir("/run/credentials")
    yield "read the system's users", lambda: open("/etc/passwd").read()
    yield "write beside its folder", lambda: open("../owned", "w")
    yield "change itself", lambda: open(__file__, "a")
    yield "write /tmp", lambda: open("/tmp/owned", "w")
    yield "connect to another server here", lambda: socket.create_connection(("127.0.0.1", 8000), 1)
    yield "connect to the world", lambda: socket.create_connection(("192.0.2.1", 80), 1)
    yield "reach a worker's socket", lambda: socket.socket(socket.AF_UNIX)
    yield "run a program", lambda: os.posix_spawn("/bin/true", ["true"], {{}})
    yield "fork", lambda: os.fork()
    yield "end its parent", lambda: os.kill(os.getppid(), 9)


def attack():
    worked = []
    for name, attempt in attempts():
        try:
            attempt()
        except Exception:
            continue
        worked.append(name)
    with open("attacks.txt", "w") as told:
        told.write("\\n".join(["tried", *worked]))
"""


def test_what_a_hostile_strategy_tries_in_its_bot_fails(tested):
    folder = f"{HOME}/forward_tests/{HOSTILE}-1"
    code = source(HOSTILE, "attack()", ATTACKS).decode()
    # As if validation had let it through, which it does not: a bot that has been started before keeps its strategy.
    tested.run(*AS_CFSM, "mkdir", "-p", f"{folder}/strategy")
    tested.run(*AS_CFSM, "tee", f"{folder}/strategy/{HOSTILE}.py", text=code)
    tested.run("systemd-run", "--unit=server", "/opt/cfsm/venv/bin/python", "-m", "http.server", "8000")
    begin(tested, HOSTILE, "--days", "0.25")

    told = tested.path(f"{folder}/bot/attacks.txt")
    tested.until(told.exists, patience_seconds=PATIENCE_SECONDS)

    assert told.read_text().splitlines() == ["tried"]
    assert tested.run("find", HOME, "/tmp", "-name", "owned").stdout == ""


def test_a_replay_that_has_ended_is_concluded(tested):
    over = tested.until(lambda: is_over(tested, HOSTILE), patience_seconds=PATIENCE_SECONDS)

    assert over["verdict"] in {"kept", "worse", "confirmed"}
    assert over["attempts"] == 1
    assert "none altered" in tested.cfsm("history", "verify").stdout
