"""A machine of the test's own: a real systemd as PID 1 of new namespaces, with CFSM installed under /opt/cfsm."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
BOOT = Path(__file__).with_name("boot.sh")
CFSM = "/opt/cfsm/venv/bin/cfsm"
HOME = "/var/lib/cfsm"

BOOT_SECONDS = 60.0
STOP_SECONDS = 30.0
PATIENCE_SECONDS = 180.0
"""After this a test has failed; nothing takes so long."""

NEEDED = ("/lib/systemd/systemd", "/usr/bin/dbus-daemon", "/usr/bin/nsenter", "/usr/bin/unshare", "/sbin/ldconfig")
NAMESPACES = ("--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup")
ENTER = ("sh", "-c", 'for group in $CONTROL_GROUPS; do echo $$ > "$group/cgroup.procs"; done; exec "$@"', "enter")
"""Runs a command in the control groups of ``CONTROL_GROUPS``."""

LEFT_OUT = frozenset({"cpuset", "freezer", "perf_event", "hugetlb", "net_cls", "net_prio", "rdma", "misc"})
"""Controllers of control groups that systemd does not use."""


def missing():
    """Say why there can be no such machine here; empty if there can be."""
    if os.geteuid() != 0:
        return "a systemd of one's own needs root"
    absent = [program for program in NEEDED if not Path(program).exists()]
    if absent:
        return f"{', '.join(absent)} missing (Debian: apt install systemd dbus util-linux)"
    if subprocess.run(["unshare", *NAMESPACES, "--fork", "true"], capture_output=True, check=False).returncode != 0:
        return "this machine makes no new namespaces"
    return ""


class Host:
    """The machine. Start it, give it commands, stop it; nothing of it is left behind."""

    def __init__(self):
        self._state = Path(tempfile.mkdtemp(prefix="cfsm-host-"))
        self._groups = []
        self._launcher = None
        self._pid = 0

    # Its life

    def start(self):
        """Boot it and wait until it is up."""
        for name, path in {
            "python": sys.base_prefix,
            "packages": sysconfig.get_path("purelib"),
            "checkout": ROOT,
        }.items():
            (self._state / name).write_text(str(path))
        self._groups = list(self._make_groups())
        with (self._state / "log").open("wb") as log:
            self._launcher = subprocess.Popen(
                [*ENTER, "unshare", *NAMESPACES, "--fork", "--kill-child", BOOT, self._state],
                env={**os.environ, "CONTROL_GROUPS": " ".join(map(str, self._groups))},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.until(self._has_booted, every_seconds=0.02, patience_seconds=BOOT_SECONDS)
        return self

    def stop(self):
        """Shut it down in order, or end it."""
        if self._launcher is not None and self._launcher.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid or self._launcher.pid, signal.SIGRTMIN + 4 if self._pid else signal.SIGKILL)
            try:
                self._launcher.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.kill(self._pid, signal.SIGKILL)
                self._launcher.wait()
        for group in self._groups:
            _remove_group(group)
        shutil.rmtree(self._state, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    def _has_booted(self):
        assert self._launcher.poll() is None, (self._state / "log").read_text()
        if not self._pid:
            children = Path(f"/proc/{self._launcher.pid}/task/{self._launcher.pid}/children").read_text().split()
            if children and Path(f"/proc/{children[0]}/comm").read_text().strip() == "systemd":
                self._pid = int(children[0])
        if not self._pid or not self.path("/run/systemd/private").exists():
            return False
        return self.run("systemctl", "is-system-running", check=False).stdout.strip() in {"running", "degraded"}

    def _make_groups(self):
        """Make a control group of its own in every hierarchy, below this process's."""
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if set(controllers.split(",")) & LEFT_OUT:
                continue
            mounted = _mount_of(controllers)
            if mounted is not None:
                group = Path(f"{mounted}{path.rstrip('/')}/{self._state.name}")
                group.mkdir()
                yield group

    # What is done in it

    def run(self, *command, check=True, timeout=PATIENCE_SECONDS, text=None):
        """Run a command as root; give how it ended."""
        environ = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0"]
        inside = ["/usr/bin/env", "-i", *environ, *map(str, command)]
        groups = [init if (init := group / "init.scope").exists() else group for group in self._groups]
        done = subprocess.run(
            [*ENTER, "nsenter", "--target", str(self._pid), *NAMESPACES, "--", *inside],
            env={**os.environ, "CONTROL_GROUPS": " ".join(map(str, groups))},
            check=False,
            timeout=timeout,
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            cwd="/",
        )
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def cfsm(self, *arguments, **options):
        """Run a command of CFSM as root on the factory's home."""
        return self.run(CFSM, "--home", HOME, *arguments, **options)

    def json(self, *arguments):
        """Give what a command of CFSM prints with --json."""
        return json.loads(self.cfsm(*arguments, "--json").stdout)

    def path(self, inside):
        """Give where one of its files is seen from here."""
        return Path(f"/proc/{self._pid}/root{inside}")

    def write(self, inside, text, mode=0o644):
        """Write one of its files."""
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def configure(self, **sections):
        """Add keys to sections of the factory's configuration, and install its units for them."""
        file = self.path(f"{HOME}/cfsm.yaml")
        settings = yaml.safe_load(file.read_text())
        for name, keys in sections.items():
            settings[name] = settings.get(name, {}) | keys
        file.write_text(yaml.safe_dump(settings))
        self.cfsm("systemd", "install", "--system")

    # What is seen of it

    def show(self, unit, *names):
        """Give properties of a unit; of one name the value."""
        shown = self.run("systemctl", "show", unit, *(f"--property={name}" for name in names)).stdout
        facts = dict(line.split("=", 1) for line in shown.splitlines())
        return facts[names[0]] if len(names) == 1 else facts

    def main_pid(self, unit, but="0"):
        """Give the main process of a unit that is at work; empty if it is not, or if it is still that one."""
        facts = self.show(unit, "ActiveState", "MainPID")
        return facts["MainPID"] if facts["ActiveState"] == "active" and facts["MainPID"] not in {"0", but} else ""

    def units(self, *states):
        """Give the units of CFSM that are loaded, or those in these states."""
        rows = self.run("systemctl", "list-units", "--all", "--output=json", "cfsm*").stdout
        return {row["unit"] for row in json.loads(rows) if not states or row["active"] in states}

    def journal(self, *matches):
        """Give records of the journal, the oldest first."""
        lines = self.run("journalctl", "--output=json", "--all", "--no-pager", *matches).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def until(self, condition, every_seconds=0.1, patience_seconds=PATIENCE_SECONDS):
        """Wait until a condition holds; give what it gave."""
        end = time.monotonic() + patience_seconds
        while not (found := condition()):
            assert time.monotonic() < end, self.troubles()
            time.sleep(every_seconds)
        return found

    def troubles(self):
        """Give what was said, for a failed test."""
        if not self._pid:
            return (self._state / "log").read_text()
        said = (
            self.run(*command, check=False).stdout[-6000:]
            for command in (
                ("systemctl", "--no-pager", "list-units", "--all", "cfsm*"),
                ("journalctl", "--no-pager", "-n", "80", "-o", "short-precise"),
            )
        )
        return "\n".join(said)


def _mount_of(controllers):
    """Give where a hierarchy of control groups is mounted, None if it is not."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mounted, kind, options, *_ = line.split()
        if kind == "cgroup2" and not controllers:
            return mounted
        if kind == "cgroup" and controllers and controllers in options.split(","):
            return mounted
    return None


def _remove_group(group):
    for _ in range(100):
        for folder, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        if not group.exists():
            return
        time.sleep(0.05)
