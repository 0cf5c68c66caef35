"""Where units and what belongs to them lie: a machine's, or a user's own."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

TARGET = "cfsm.target"
_HOME_KEY = "X-CFSM-Home="


class Scope(StrEnum):
    """Which systemd runs the units."""

    SYSTEM = "system"
    USER = "user"


@dataclass(frozen=True)
class Layout:
    """The folders of one scope, below ``prefix``."""

    scope: Scope
    units: Path
    credentials: Path
    """Files that systemd hands to the units that may read them."""
    users: Path | None
    """Of sysusers.d; a user's units need no other user."""
    folders: Path | None
    """Of tmpfiles.d."""
    pages: Path
    """Of the manual."""

    @classmethod
    def of(cls, scope: Scope, environ: Mapping[str, str] = os.environ, prefix: Path = Path("/")) -> "Layout":
        """Give the layout of a scope."""
        if scope is Scope.SYSTEM:
            etc = prefix / "etc"
            return cls(
                scope,
                units=etc / "systemd/system",
                credentials=etc / "cfsm/credentials",
                users=etc / "sysusers.d",
                folders=etc / "tmpfiles.d",
                pages=prefix / "usr/local/share/man/man1",
            )
        settings = below(prefix, Path(environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()))
        data = below(prefix, Path(environ.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser()))
        return cls(
            scope,
            units=settings / "systemd/user",
            credentials=settings / "cfsm/credentials",
            users=None,
            folders=None,
            pages=data / "man/man1",
        )

    @property
    def home(self) -> Path | None:
        """The home of the factory whose units are installed here; None if there are none."""
        try:
            lines = (self.units / TARGET).read_text(encoding="utf-8").splitlines()
        except OSError:
            return None
        homes = [line.removeprefix(_HOME_KEY) for line in lines if line.startswith(_HOME_KEY)]
        return Path(homes[0]) if homes else None


def below(prefix: Path, path: Path) -> Path:
    """Give where an absolute path lies when ``prefix`` stands for the root."""
    return prefix / path.relative_to("/")


def installed_for(home: Path, environ: Mapping[str, str] = os.environ) -> Layout | None:
    """Give the layout whose units run the factory of this home; None if no units do."""
    for scope in (Scope.USER, Scope.SYSTEM):
        layout = Layout.of(scope, environ)
        if layout.home == home.absolute():
            return layout
    return None
