"""Going on in the background, with real processes."""

import os
import subprocess
import sys

from tests.fakes.supervised import ROOT

SCRIPT = """
import os, signal, sys, time
from pathlib import Path
from cfsm.adapters.detach import CannotDetach, detach
try:
    pid = detach(Path(sys.argv[1]))
except CannotDetach as error:
    sys.exit(f"refused: {error}")
if pid:
    print("went on as", pid)
    sys.exit(0)
print("goes on as", os.getpid(), "in", os.getcwd(), flush=True)
print("reads", repr(sys.stdin.read()), "hangup is ignored:", signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)
print("is leader:", os.getsid(0) == os.getpid(), file=sys.stderr)
"""


def launched(log, cwd):
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-c", SCRIPT, str(log)]
    return subprocess.run(
        argv, capture_output=True, text=True, input="typed", cwd=cwd, env=environ, timeout=60, check=False
    )


def test_the_launcher_learns_the_pid_and_the_rest_goes_to_the_log(tmp_path):
    log = tmp_path / "logs" / "factory.log"
    log.parent.mkdir()
    log.write_text("from before\n")

    process = launched(log, tmp_path)  # returns once the one in the background has closed the pipes, too

    pid = process.stdout.removeprefix("went on as ").strip()
    while "hangup" not in log.read_text():
        pass
    assert process.returncode == 0
    assert process.stderr == ""
    assert sorted(log.read_text().splitlines()) == [
        "from before",
        f"goes on as {pid} in {tmp_path}",
        "is leader: False",
        "reads '' hangup is ignored: True",
    ]


def test_a_log_that_cannot_be_written_is_refused_on_the_terminal(tmp_path):
    (tmp_path / "file").touch()

    process = launched(tmp_path / "file" / "factory.log", tmp_path)

    assert process.returncode == 1
    assert process.stderr.startswith(f"refused: the log {tmp_path}/file/factory.log cannot be written: File exists")
