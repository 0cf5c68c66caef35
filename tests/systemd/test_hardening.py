"""The walls of the units, tried from inside on a real systemd: files, network, secrets, other processes."""

import json

import pytest

from tests.fakes.strategy_texts import INDICATORS, RIGHT
from tests.systemd.host import HOME

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ATTACKS = """\
import ctypes, json, os, pathlib, signal, socket, subprocess, sys

home, worker, port = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
libc = ctypes.CDLL(None, use_errno=True)


def system(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")


def connect(address):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as peer:
        peer.settimeout(2)
        peer.connect(address)


def ring():
    bells = list((home / "run" / "bells").iterdir())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        peer.sendto(b"!", str(bells[0]))


attacks = {
    "read the events": lambda: (home / "events.sqlite").read_bytes(),
    "list the home": lambda: list((home / "blobs").iterdir()),
    "read the configuration": lambda: (home / "cfsm.yaml").read_text(),
    "write candles": lambda: (home / "data" / "mine").write_text("x"),
    "write the home": lambda: (home / "mine").write_text("x"),
    "write /etc": lambda: pathlib.Path("/etc/mine").write_text("x"),
    "write the interpreter": lambda: pathlib.Path(sys.prefix, "mine").write_text("x"),
    "read a secret": lambda: pathlib.Path("/etc/cfsm/credentials/store_password").read_text(),
    "read another unit's secret": lambda: list(pathlib.Path("/run/credentials/cfsm-projector@1.service").iterdir()),
    "enter a worker's root": lambda: list(pathlib.Path("/proc", str(worker), "root", "etc").iterdir()),
    "read a worker's environment": lambda: pathlib.Path(f"/proc/{worker}/environ").read_bytes(),
    "end a worker": lambda: os.kill(worker, signal.SIGTERM),
    "trace a worker": lambda: system(101, 16, worker, 0, 0),
    "ring a worker's bell": ring,
    "connect to a server here": lambda: connect(("127.0.0.1", port)),
    "connect to the world": lambda: connect(("192.0.2.1", 80)),
    "open a raw socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "make a namespace": lambda: system(272, 0x10000000),
    "mount": lambda: system(165, b"none", b"/tmp", b"tmpfs", 0, 0),
    "load a module": lambda: system(175, b"x", 1, b""),
    "set the clock": lambda: system(227, 0, 0),
    "write a kernel setting": lambda: pathlib.Path("/proc/sys/kernel/hostname").write_text("mine"),
    "write and execute memory": lambda: __import__("mmap").mmap(-1, 4096, prot=7),
    "read the journal": lambda: list(pathlib.Path("/run/log/journal").rglob("*.journal"))[0].read_bytes(),
}
worked = []
for name, attack in attacks.items():
    try:
        attack()
    except Exception:
        continue
    worked.append(name)
print("WORKED " + json.dumps([sorted(attacks), worked]), flush=True)
"""
"""Each is an attempt at something; what does not raise has worked."""


@pytest.fixture(scope="module")
def guarded(running):
    """A running factory with a secret, and a server that listens on loopback."""
    running.write("/etc/cfsm/credentials/store_password", "open sesame\n", mode=0o600)
    running.run("chown", "root:root", "/etc/cfsm/credentials/store_password")
    running.run("systemd-run", "--unit=server", "/opt/cfsm/venv/bin/python", "-m", "http.server", "8000")
    running.cfsm("restart", "--timeout", "150")
    return running


def what_works(machine, unit):
    """Run the attacks in the place of a unit's program, and give those that worked."""
    machine.write("/usr/local/lib/attacks.py", ATTACKS)
    worker = machine.until(lambda: machine.main_pid("cfsm-projector@1.service"))
    program = f"/opt/cfsm/venv/bin/python /usr/local/lib/attacks.py {HOME} {worker} 8000"
    dropin = f"/etc/systemd/system/{unit}.d/99-test.conf"
    machine.write(dropin, f"[Service]\nType=oneshot\nRestart=no\nWatchdogSec=0\nExecStart=\nExecStart={program}\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", unit)
    (said,) = [each["MESSAGE"] for each in machine.journal(f"--unit={unit}") if each["MESSAGE"].startswith("WORKED ")]
    machine.path(dropin).unlink()
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "cfsm-forge.socket", unit)
    tried, worked = json.loads(said.removeprefix("WORKED "))
    assert len(tried) > 20
    return set(worked)


def test_nothing_works_in_the_forges_unit_even_without_the_cage(guarded):
    assert what_works(guarded, "cfsm-forge.service") == set()


def test_a_worker_reaches_its_home_and_its_own_secrets_and_nothing_else(guarded):
    own = {"read the events", "list the home", "read the configuration", "write candles", "write the home"}

    assert what_works(guarded, "cfsm-validator@1.service") - own <= {"end a worker", "ring a worker's bell"}


def test_the_generator_reaches_this_machine_and_not_the_world(guarded):
    worked = what_works(guarded, "cfsm-generator@1.service")

    assert "connect to a server here" in worked
    assert "connect to the world" not in worked


def test_a_secret_is_read_by_the_unit_that_may_and_by_no_other(guarded):
    projector = guarded.until(lambda: guarded.main_pid("cfsm-projector@1.service"))
    path = "/run/credentials/cfsm-projector@1.service/store_password"

    def seen_by(pid, user):
        inside = ["nsenter", "--target", pid, "--mount", "setpriv", f"--reuid={user}", f"--regid={user}"]
        return guarded.run(*inside, "--clear-groups", "cat", path, check=False).stdout

    assert seen_by(projector, "cfsm") == "open sesame\n"
    guarded.cfsm("forge", "status")
    forge = guarded.until(lambda: guarded.main_pid("cfsm-forge.service"))
    backtester = guarded.until(lambda: guarded.main_pid("cfsm-backtester@1.service"))
    assert seen_by(forge, "cfsm-forge") == ""
    assert seen_by(backtester, "cfsm") == ""
    assert guarded.run("runuser", "-u", "cfsm", "cat", "/etc/cfsm/credentials/store_password", check=False).stdout == ""


HOSTILE = RIGHT.replace("SampleStrategy", "HostileStrategy").replace(
    INDICATORS,
    f"""\
        import pandas as pd
        system = pd.io.common.os
        for attempt in (
            lambda: system.kill(system.getppid(), 9),
            lambda: open("{HOME}/events.sqlite", "rb").read(),
            lambda: open("{HOME}/data/theirs", "w"),
            lambda: system.system("touch /tmp/theirs"),
            lambda: system.fork(),
        ):
            try:
                attempt()
            except Exception:
                continue
            raise SystemExit("it worked")
{INDICATORS}""",
)


def test_a_hostile_strategy_comes_to_nothing(guarded):
    guarded.cfsm("forge", "status")
    forge = guarded.until(lambda: guarded.main_pid("cfsm-forge.service"))
    guarded.write("/tmp/hostile.py", HOSTILE)
    guarded.cfsm("strategies", "add", "/tmp/hostile.py")

    def ended():
        return next((each for each in guarded.json("strategies", "list") if each["state"] == "Retired"), None)

    retired = guarded.until(ended, patience_seconds=200)

    assert retired["name"] == "HostileStrategy"
    assert guarded.main_pid("cfsm-forge.service") == forge
    assert guarded.run("find", f"{HOME}/data", "/tmp", "-name", "theirs").stdout == ""
    assert "none altered" in guarded.cfsm("history", "verify").stdout
