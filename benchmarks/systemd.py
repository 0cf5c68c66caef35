"""The factory under a real systemd, booted for it in namespaces (root only): ``python -m benchmarks.systemd``.

How soon all workers are ready and the forge is, how soon a killed worker is at work again, what an idle factory takes
(in each profile, after it made and backtested a strategy, for --seconds S), and how soon it has stopped at work.
"""

import argparse
import os
import platform
import re
import statistics
import sys
import time

from benchmarks.idle import PROFILES
from benchmarks.table import note, say, title
from tests.fakes.strategy_texts import in_indicators
from tests.systemd.host import HOME, Host, missing

QUIET = """\
profile: PROFILE
generation: {interval_seconds: 0}
backtest: {interval_seconds: 0, timerange: "20250105-20250301", pairs: ["BTC/USDT:USDT", "ETH/USDT:USDT"]}
retention: {cleanup_old_strategies: false}
admission: {max_psi_cpu_some_percent: null}
REST
"""
SLOW = in_indicators("for _ in range(10_000_000):", "    pass").decode().replace("SampleStrategy", "SlowStrategy")
WORK_SECONDS = 600


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    if why := missing():
        print(f"not measured: {why}", file=sys.stderr)
        return 0
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before it began")
    for profile, most_mb in PROFILES.items():
        title(f"{profile}, under systemd")
        with Host() as host:
            measure(host, profile, most_mb, options.seconds)
    return 0


def measure(host, profile, most_mb, seconds):
    rest = "workers: {forge_idle_seconds: 10}" if profile == "cpu_optimized" else ""
    host.write(f"{HOME}/cfsm.yaml", QUIET.replace("PROFILE", profile).replace("REST", rest))
    host.cfsm("systemd", "install", "--system")
    host.cfsm("data", "synth", "--start", "2025-01-01", "--end", "2025-03-01")
    host.cfsm("start")  # a first time, so that everything was read from the disk
    host.cfsm("stop")

    begun = time.monotonic()
    host.run("systemctl", "start", "cfsm.target")
    say("the target's start to all workers ready", time.monotonic() - begun, "s", at_most=5)
    begun = time.monotonic()
    host.cfsm("forge", "status")
    say("the forge asked for and ready", time.monotonic() - begun, "s", at_most=20)

    again = [killed(host, "cfsm-validator@1.service") for _ in range(5)]
    say("a worker killed and at work again, median of 5", statistics.median(again), "s", at_most=1)

    note("a strategy is made and backtested")
    host.cfsm("generate", "--type", "trend")
    until_idle(host)
    time.sleep(15)
    idle(host, most_mb, seconds)

    note("a slow strategy is caught at work")
    host.write("/tmp/slow.py", SLOW)
    host.cfsm("strategies", "add", "/tmp/slow.py")
    host.until(lambda: [run for run in host.json("runs", "list") if run["state"] == "running"], patience_seconds=300)
    begun = time.monotonic()
    host.cfsm("stop")
    say("stopped with a run under way", time.monotonic() - begun, "s", at_most=10)


def killed(host, unit):
    pid = host.until(lambda: host.main_pid(unit))
    time.sleep(1)
    begun = time.monotonic()
    host.run("kill", "-KILL", pid)
    host.until(lambda: host.main_pid(unit, but=pid), every_seconds=0.01)
    return time.monotonic() - begun


def until_idle(host):
    host.until(lambda: not host.json("status")["due"], every_seconds=1, patience_seconds=WORK_SECONDS)


def idle(host, most_mb, seconds):
    """Tell what all processes of the factory take: memory with shared pages counted once (PSS), processor time."""
    pids = host.run("pgrep", "--uid", "cfsm,cfsm-forge").stdout.split()
    before = sum(ticks(host, pid) for pid in pids)
    time.sleep(seconds)
    used = (sum(ticks(host, pid) for pid in pids) - before) / os.sysconf("SC_CLK_TCK")
    shown = {pid: name_of(host, pid) for pid in pids}
    memory = {pid: pss_mb(host, pid) for pid in pids}
    for pid in pids:
        say(shown[pid], memory[pid], "MB")
    say("memory in all", sum(memory.values()), "MB", at_most=most_mb)
    say("processor time of one core in all", 100 * used / seconds, "%", at_most=1)


def ticks(host, pid):
    fields = host.path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def name_of(host, pid):
    words = host.path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return words[4] if "worker" in words else "forge"


def pss_mb(host, pid):
    rollup = host.path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss: +(\d+) kB", rollup, re.MULTILINE)[1]) / 1024


if __name__ == "__main__":
    sys.exit(main())
