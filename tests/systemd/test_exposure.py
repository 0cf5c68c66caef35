"""How much of the machine each unit could reach, by systemd's own reckoning, on files alone: no systemd has to run."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cfsm.adapters.shipped import shipped
from cfsm.adapters.units.installing import write
from cfsm.adapters.units.layout import Layout, Scope
from cfsm.adapters.units.rendering import Installation, render, roles
from cfsm.bootstrap import ROLES

MOST = {"none": 0.5, "loopback": 1.0, "internet": 1.5}
OTHERS = ("forge", "generation", "reevaluation", "cleaning")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder that stands for a machine's root, with units of a factory that has a role of every network class."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is missing (Debian: apt install systemd)")
    folder = tmp_path_factory.mktemp("root")
    systemd = tmp_path_factory.mktemp("shipped") / "systemd"
    shutil.copytree(shipped("systemd"), systemd)
    with (systemd / "roles.toml").open("a") as table:
        table.write("".join(f'\n[test{network}]\nnetwork = "{network}"\n' for network in MOST))
    names = [*ROLES, *(f"test{network}" for network in MOST)]
    installation = Installation(
        layout=Layout.of(Scope.SYSTEM, {}, folder),
        python=Path(sys.executable),
        home=Path("/var/lib/cfsm"),
        forge=[sys.executable, "-m", "forge"],
        workers=[(role, 1) for role in names],
        calendar=dict.fromkeys(OTHERS[1:], "hourly"),
        watchdog_seconds=30,
        start_seconds=120,
        stop_seconds=20,
    )
    write(render(installation, systemd))
    return folder


def exposure(root, unit):
    said = subprocess.run(
        ["systemd-analyze", "security", "--no-pager", "--offline=yes", f"--root={root}", unit],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return float(re.search(r"Overall exposure level for \S+: ([\d.]+)", said)[1])


def network_of(name):
    if name.startswith("test"):
        return name.removeprefix("test")
    return roles(shipped("systemd"))[name].network if name in roles(shipped("systemd")) else "none"


@pytest.mark.parametrize("role", [*ROLES, *(f"test{network}" for network in MOST)])
def test_a_worker_is_exposed_no_more_than_its_network_class_allows(root, role):
    assert exposure(root, f"cfsm-{role}@1.service") <= MOST[network_of(role)]


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_worker_has_no_network_and_is_exposed_as_little(root, name):
    assert exposure(root, f"cfsm-{name}.service") <= MOST["none"]


def test_a_bot_is_exposed_no_more_than_loopback_allows(root):
    assert exposure(root, "cfsm-dryrun@1.service") <= MOST["loopback"]


def test_systemd_has_nothing_against_any_unit(root):
    units = sorted(path for path in (root / "etc/systemd/system").iterdir() if path.is_file())

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert len(units) > len(ROLES)


@pytest.mark.parametrize("role", [*ROLES, "dryrun"])
def test_the_document_says_which_network_a_role_has(role):
    page = (Path(__file__).parents[2] / "docs/reference/hardening.md").read_text()

    assert re.search(rf"^\| `cfsm-{role}@` \| cfsm \| {network_of(role)} \| [0-9.]+ \|$", page, re.MULTILINE)


def test_the_role_table_names_only_roles_that_there_are(root):
    units = shipped("systemd") / "units"
    others = {path.name.removeprefix("cfsm-").partition("@")[0].partition(".")[0] for path in units.iterdir()}

    assert set(roles(shipped("systemd"))) <= {"every", *ROLES, *others}
