"""What the files say that are installed: the shipped ones with this installation's paths, times and workers in them."""

import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cfsm.adapters.units.layout import Layout, Scope
from cfsm.application.errors import Misconfigured

MARK = "Written by `cfsm systemd install`"
"""In the first line of every file: what has it may be written anew and removed."""

PAGE = "cfsm.1"
"""Of the manual: `man cfsm`."""

WORKER = "cfsm-worker@.service"
"""The shipped file that becomes one for each role."""

RESERVE = "cfsm-worker@.path"
"""The shipped file that becomes one for each role with workers in reserve."""

RESERVE_DROPIN = "60-reserve.conf"
"""Whose condition keeps a worker in reserve from running unwanted."""

FORGE = "cfsm-forge.service"
"""Of a machine's units it runs as another user."""

HOMELESS = frozenset({FORGE, "cfsm-dryrun@.service"})
"""Units that run strangers' code: they must not see the home, and are given no secret."""

DRY_RUNNER = "dry_runner"
"""The role that asks for bots."""

STATE_ROOT = Path("/var/lib")
DAY_HOURS, HOUR_SECONDS, MINUTE_SECONDS = 24, 3600, 60

_PLACE = re.compile(r"@([A-Z_]+)@")
_NO_PATH = re.compile(r"[\s%\"'\\]")


@dataclass(frozen=True)
class Role:
    """What a role's unit may do beside what every worker may."""

    network: str = "none"
    credentials: Sequence[str] = ()
    settings: Sequence[str] = ()


@dataclass(frozen=True)
class Installation:
    """For which interpreter and home the units are, and what they run."""

    layout: Layout
    python: Path
    home: Path
    forge: Sequence[str]
    """The command that runs the forge."""
    workers: Sequence[tuple[str, int]]
    """Each role with the number of its instances, in the order in which they start."""
    calendar: Mapping[str, str]
    """When each timer is due, as systemd writes it; a timer that is not named is not installed."""
    watchdog_seconds: int
    start_seconds: int
    stop_seconds: int
    config: Path | None = None
    profile: str | None = None
    bot_memory_mb: int = 1536
    """What one bot may take, its address space and its files in memory alike."""
    most: Mapping[str, int] = field(default_factory=dict)
    """How many instances of a role there are at most, where that is more than always run."""

    @property
    def reserves(self) -> Sequence[tuple[str, int]]:
        """The workers that run only while they are wanted: role and instance."""
        return [(role, n) for role, least in self.workers for n in range(least + 1, self.most.get(role, least) + 1)]

    def __post_init__(self) -> None:
        given = (self.python, self.home, self.config)
        for path in filter(None, given):
            if not path.is_absolute() or _NO_PATH.search(str(path)):
                raise Misconfigured(f"{path} cannot stand in a unit: choose a path without blanks, quotes and %")


def roles(shipped: Path) -> Mapping[str, Role]:
    """Give what is said of roles. Raise Misconfigured if the table is wrong."""
    table = tomllib.loads((shipped / "roles.toml").read_text(encoding="utf-8"))
    try:
        return {name: Role(**row) for name, row in table.items()}
    except TypeError as error:
        raise Misconfigured(f"{shipped / 'roles.toml'}: {error}") from error


def render(installation: Installation, shipped: Path) -> dict[Path, str]:
    """Give every file with its content. Raise Misconfigured for what cannot be installed."""
    layout = installation.layout
    fill = _Filler(installation)
    table = roles(shipped)
    files: dict[Path, str] = {}
    for name, role, text in _units(installation, shipped):
        files[layout.units / name] = fill(text)
        if name.endswith(".service"):
            folder = layout.units / f"{name}.d"
            of_role = table.get(role, Role())
            given = [] if name in HOMELESS else [*table["every"].credentials]
            for shared in _dropins(name, layout.scope, of_role):
                files[folder / shared] = fill((shipped / "dropins" / shared).read_text(encoding="utf-8"))
            if lines := [*_credentials([*given, *of_role.credentials], layout), *of_role.settings]:
                files[folder / "50-role.conf"] = fill("\n".join(["[Service]", *lines, ""]))
    for role, instance in installation.reserves:
        text = fill((shipped / "dropins" / RESERVE_DROPIN).read_text(encoding="utf-8"))
        files[layout.units / f"cfsm-{role}@{instance}.service.d" / RESERVE_DROPIN] = text
    for kind, place in (("sysusers.d", layout.users), ("tmpfiles.d", layout.folders)):
        if place is not None:
            files[place / "cfsm.conf"] = fill((shipped / kind / "cfsm.conf").read_text(encoding="utf-8"))
    files[layout.pages / PAGE] = f'.\\" {MARK}\n' + (shipped / PAGE).read_text(encoding="utf-8")
    return files


def calendar_of(seconds: float) -> str:
    """Give when a slot of the calendar begins that many seconds long, as systemd writes it.

    A length that does not divide an hour or a day is rung more often; whoever is asked twice in a slot asks once.
    """
    whole = max(1, int(seconds))
    if whole % HOUR_SECONDS == 0:
        hours = math.gcd(whole // HOUR_SECONDS, DAY_HOURS)
        return f"*-*-* {'00' if hours == DAY_HOURS else f'00/{hours}'}:00:00 UTC"
    if whole % MINUTE_SECONDS == 0:
        return f"*-*-* *:00/{math.gcd(whole // MINUTE_SECONDS, 60)}:00"
    return f"*-*-* *:*:00/{math.gcd(whole, 60)}"


def _units(installation: Installation, shipped: Path) -> Iterator[tuple[str, str, str]]:
    """Give each unit's file name, whose role it is, and its text."""
    for path in sorted((shipped / "units").iterdir()):
        text = path.read_text(encoding="utf-8")
        stem = re.sub(r"@?$", "", path.stem).removeprefix("cfsm-")
        if path.name == WORKER:
            for role, _ in installation.workers:
                yield f"cfsm-{role}@.service", role, text
        elif path.name == RESERVE:
            for role in dict.fromkeys(role for role, _ in installation.reserves):
                yield f"cfsm-{role}@.path", role, text
        elif not (shipped / "units" / f"cfsm-{stem}.timer").exists() or stem in installation.calendar:
            yield path.name, stem, text


def _dropins(name: str, scope: Scope, role: Role) -> Iterable[str]:
    yield "10-hardening.conf"
    yield f"20-{scope}-forge.conf" if name == FORGE and scope is Scope.SYSTEM else f"20-{scope}.conf"
    if name not in HOMELESS:
        yield "30-home.conf"
    yield f"40-network-{role.network}.conf"


def _credentials(names: Iterable[str], layout: Layout) -> Iterator[str]:
    for name in names:
        yield f"LoadCredential={name}:{layout.credentials / name}"
        yield f"SetCredential={name}:\\n"  # one that is not there is an empty line, and keeps nothing from starting


class _Filler:
    """Puts what is true of an installation into the places of a text."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        layout = installation.layout
        is_system = layout.scope is Scope.SYSTEM
        wants = [f"cfsm-{role}@{n}.service" for role, count in installation.workers for n in range(1, count + 1)]
        wants += [f"cfsm-{role}@{n}.path" for role, n in installation.reserves]
        wants += [f"cfsm-{timer}.timer" for timer in installation.calendar]
        least = dict(installation.workers).get(DRY_RUNNER, 0)
        dry_runners = range(1, installation.most.get(DRY_RUNNER, least) + 1)
        self._places = {
            "HOME": str(installation.home),
            "FORGE": " ".join(installation.forge),
            "CFSM": f"{installation.python} -m cfsm",
            "PYTHON": str(installation.python),
            "BOT_MEMORY": str(installation.bot_memory_mb),
            "DRY_RUNNERS": " ".join(f"cfsm-{DRY_RUNNER}@{n}.service" for n in dry_runners),
            "WANTS": " ".join(wants),
            "WANTED_BY": "multi-user.target" if is_system else "default.target",
            "WATCHDOG": str(installation.watchdog_seconds),
            "START": str(installation.start_seconds),
            "STOP": str(installation.stop_seconds),
            "STATE": _state(installation.home, layout.scope),
            "SOCKET_USER": "SocketUser=cfsm\nSocketGroup=cfsm" if is_system else "",
            "ENVIRONMENT": _environment(installation),
            **{name.upper(): when for name, when in installation.calendar.items()},
        }

    def __call__(self, text: str) -> str:
        """Give the text, marked as written by an installation."""
        filled = _PLACE.sub(lambda found: self._places[found[1]], text)
        return f"# {MARK}: it is written anew by the next one. Changes go into a drop-in of your own.\n{filled}"


def _state(home: Path, scope: Scope) -> str:
    if scope is Scope.SYSTEM and home.is_relative_to(STATE_ROOT) and home != STATE_ROOT:
        return f"StateDirectory={home.relative_to(STATE_ROOT)}\nStateDirectoryMode=0700"
    return f"ReadWritePaths={home}"


def _environment(installation: Installation) -> str:
    given: dict[str, str] = {}
    if installation.config is not None:
        given["CFSM_CONFIG"] = str(installation.config)
    if installation.profile is not None:
        given["CFSM_PROFILE"] = installation.profile
    return "\n".join(f"Environment={name}={value}" for name, value in sorted(given.items()))
