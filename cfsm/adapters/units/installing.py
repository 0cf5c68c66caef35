"""Writes a factory's units and removes them again; what a person wrote beside them is left alone."""

import contextlib
import getpass
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from cfsm.adapters.durable import of_system
from cfsm.adapters.units.layout import TARGET, Layout, Scope
from cfsm.adapters.units.rendering import MARK
from cfsm.adapters.units.systemctl import Systemctl, call, names_of
from cfsm.application.errors import Misconfigured

VERIFY_SECONDS = 60.0
STOP_SECONDS = 120.0
HIDDEN = (Path("/home"), Path("/root"), Path("/run/user"))
"""What ProtectHome= hides from a machine's units."""


def require_reachable(scope: Scope, **paths: Path) -> None:
    """Raise Misconfigured if a machine's units could not see one of these paths."""
    for name, path in paths.items():
        real = path.resolve()
        if scope is Scope.SYSTEM and any(real.is_relative_to(hidden) for hidden in HIDDEN):
            raise Misconfigured(
                f"the {name} {real} lies in somebody's home, which the machine's units do not see: install CFSM into "
                "an environment such as /opt/cfsm, give the factory a home such as /var/lib/cfsm, or use --user"
            )


def write(files: Mapping[Path, str]) -> None:
    """Write the files. Raise Misconfigured or TryAgain as the system does."""
    for path, content in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_name(f".{path.name}.new")
            fresh.write_text(content, encoding="utf-8")
            fresh.chmod(0o644)
            fresh.replace(path)
        except OSError as error:
            raise of_system(error, path) from error


def written(layout: Layout) -> Iterator[Path]:
    """Give the files of an installation that are there."""
    places = [(layout.units, "cfsm*"), (layout.units, "cfsm*.d/*.conf"), (layout.pages, "cfsm.1")]
    places += [(folder, "cfsm.conf") for folder in (layout.users, layout.folders) if folder is not None]
    for folder, pattern in places:
        for path in sorted(folder.glob(pattern)):
            if path.is_file() and not path.is_symlink() and _is_ours(path):
                yield path


def remove(paths: Iterator[Path] | list[Path]) -> list[Path]:
    """Remove files, and the folders of drop-ins that are empty then; give the files."""
    removed = list(paths)
    for path in removed:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise of_system(error, path) from error
        if path.parent.suffix == ".d" and path.parent.name.startswith("cfsm"):
            with contextlib.suppress(OSError):
                path.parent.rmdir()
    return removed


def _is_ours(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as file:
        return MARK in file.readline()


def verify(layout: Layout) -> None:
    """Let systemd read every unit. Raise Misconfigured with what it says against one."""
    units = [str(path) for path in written(layout) if path.parent == layout.units]
    call(("systemd-analyze", "verify", f"--{layout.scope}", "--man=no", *units), VERIFY_SECONDS)


def make_ready(layout: Layout, home: Path) -> None:
    """Make the user and the folders that the units need. Raise Misconfigured or TryAgain."""
    try:
        layout.credentials.mkdir(mode=0o700, parents=True, exist_ok=True)
        if layout.users is None or layout.folders is None:
            for folder in (home, home / "run", home / "data"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return
    except OSError as error:
        raise of_system(error, layout.credentials) from error
    call(("systemd-sysusers", str(layout.users / "cfsm.conf")))
    call(("systemd-tmpfiles", "--create", str(layout.folders / "cfsm.conf")))


def enable(layout: Layout, *, linger: bool) -> None:
    """Let systemd start the factory with the machine, or with its user's session; with ``linger`` without one too."""
    systemctl = Systemctl(layout.scope)
    systemctl.run("daemon-reload")
    systemctl.run("enable", TARGET)
    if linger:
        call(("loginctl", "enable-linger", getpass.getuser()))


def disable(layout: Layout) -> None:
    """Stop the factory, wait until it has stopped, and keep it from starting again."""
    systemctl = Systemctl(layout.scope)
    systemctl.run("stop", *names_of(systemctl), timeout_seconds=STOP_SECONDS)
    systemctl.run("disable", TARGET)


def forget(layout: Layout) -> None:
    """Let systemd see that the files are gone."""
    systemctl = Systemctl(layout.scope)
    systemctl.run("daemon-reload")
    systemctl.run("reset-failed")


def require_root(scope: Scope) -> None:
    """Raise Misconfigured if this user may not install for the machine."""
    if scope is Scope.SYSTEM and os.geteuid() != 0:
        raise Misconfigured("the machine's units are installed by root: use sudo, or --user for your own")
