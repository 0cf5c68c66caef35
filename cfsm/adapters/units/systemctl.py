"""Asks systemd: the machine's, or the user's own."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence

from cfsm.adapters.units.layout import TARGET, Scope
from cfsm.application.errors import Misconfigured, TryAgain

ASK_SECONDS = 30.0
"""systemd answers at once, or is in trouble."""


class Systemctl:
    """systemctl, and what lies beside it, for one scope."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def run(self, *arguments: str, timeout_seconds: float = ASK_SECONDS) -> str:
        """Run systemctl; give what it printed. Raise Misconfigured with its words, TryAgain if it takes too long."""
        return call(("systemctl", f"--{self._scope}", "--no-pager", *arguments), timeout_seconds)

    def show(self, units: Iterable[str], names: Sequence[str]) -> list[Mapping[str, str]]:
        """Give these properties of each unit, in order."""
        wanted = list(units)
        if not wanted:
            return []
        shown = self.run("show", "--timestamp=unix", f"--property={','.join(names)}", *wanted)
        blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.strip().split("\n\n")]
        return [{name: block.get(name, "") for name in names} for block in blocks]


def call(command: Sequence[str], timeout_seconds: float = ASK_SECONDS) -> str:
    """Run a program of systemd's; give what it printed. Raise Misconfigured with its words, or TryAgain."""
    if shutil.which(command[0]) is None:
        raise Misconfigured(f"{command[0]} is not here: this needs systemd. `cfsm run` works without it.")
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_seconds,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"},
        )
    except subprocess.TimeoutExpired as error:
        raise TryAgain(f"`{' '.join(command)}` has not ended within {timeout_seconds:g} s") from error
    if done.returncode != 0:
        words = done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}"
        raise Misconfigured(f"`{' '.join(command)}`: {words}")
    return done.stdout


def names_of(systemctl: Systemctl) -> list[str]:
    """Give the units of CFSM that systemd has loaded, the target first."""
    rows = systemctl.run("list-units", "--all", "--plain", "--no-legend", "cfsm*").splitlines()
    return sorted((row.split()[0] for row in rows if row.split()), key=lambda name: (name != TARGET, name))
