"""The files that are installed, read as text."""

import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

from cfsm.adapters.shipped import shipped
from cfsm.adapters.units.layout import Layout, Scope, installed_for
from cfsm.adapters.units.rendering import MARK, Installation, calendar_of, render, roles
from cfsm.application.errors import Misconfigured
from cfsm.bootstrap import ROLES
from cfsm.bootstrap.market import BOTS_SOCKET, FORWARD_FOLDER

SHIPPED = shipped("systemd")
HOME = Path("/var/lib/cfsm")


def installation(scope=Scope.SYSTEM, prefix=Path("/"), **changes):
    given = {
        "layout": Layout.of(
            scope, {"XDG_CONFIG_HOME": "/home/trader/.config", "XDG_DATA_HOME": "/home/trader/.local/share"}, prefix
        ),
        "python": Path("/opt/cfsm/bin/python"),
        "home": HOME,
        "forge": ["/opt/cfsm/bin/python", "-m", "forge"],
        "workers": [(role, 1) for role in ROLES],
        "calendar": {"generation": "hourly", "reevaluation": "daily", "cleaning": "*-*-* 02:00:00"},
        "watchdog_seconds": 30,
        "start_seconds": 120,
        "stop_seconds": 20,
    }
    return Installation(**given | changes)


def rendered(**changes):
    return {str(path): text for path, text in render(installation(**changes), SHIPPED).items()}


def wanted(files):
    (line,) = re.findall(r"^Wants=(.*)$", files["/etc/systemd/system/cfsm.target"], re.MULTILINE)
    return line.split()


def settings_of(files, unit):
    """Give the last value of each setting of a service and its drop-ins."""
    found = {}
    folder = "/etc/systemd/system"
    names = [f"{folder}/{unit}", *sorted(name for name in files if name.startswith(f"{folder}/{unit}.d/"))]
    for name in names:
        parser = RawConfigParser(strict=False, interpolation=None)
        parser.optionxform = str
        parser.read_string(files[name])
        found |= dict(parser["Service"]) if parser.has_section("Service") else {}
    return found


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_its_unit(role):
    files = rendered()

    assert f"cfsm-{role}@1.service" in wanted(files)
    settings = settings_of(files, f"cfsm-{role}@.service")
    assert settings["ExecStart"] == "/opt/cfsm/bin/python -m cfsm worker %j --instance %i"
    assert settings["User"] == "cfsm"
    assert settings["ProtectSystem"] == "strict"


def test_a_role_may_have_several_instances_or_none():
    files = rendered(workers=[("backtester", 3), ("cleaner", 0)])

    assert [name for name in wanted(files) if "@" in name] == [f"cfsm-backtester@{n}.service" for n in (1, 2, 3)]


def test_no_place_is_left_empty_and_every_file_is_marked():
    for name, text in rendered().items():
        assert not re.search(r"@[A-Z_]+@", text), name
        assert MARK in text.splitlines()[0], name


@pytest.mark.parametrize("role", ROLES)
def test_only_roles_of_the_table_have_a_network(role):
    settings = settings_of(rendered(), f"cfsm-{role}@.service")
    network = roles(SHIPPED)[role].network if role in roles(SHIPPED) else "none"

    assert ("PrivateNetwork" in settings) == (network == "none")
    assert (settings.get("IPAddressDeny") == "any") == (network != "internet")


def test_the_forge_sees_the_candles_of_the_home_and_nothing_else():
    settings = settings_of(rendered(), "cfsm-forge.service")

    assert settings["TemporaryFileSystem"] == f"{HOME}:ro"
    assert settings["BindReadOnlyPaths"] == f"{HOME}/data"
    assert not {"StateDirectory", "ReadWritePaths"} & set(settings)


def test_a_bot_sees_the_bots_folders_of_the_home_and_nothing_else_and_has_no_secret():
    files = rendered(bot_memory_mb=777)
    settings = settings_of(files, "cfsm-dryrun@.service")

    assert settings["ExecStart"].split()[-1] == f"{HOME}/{FORWARD_FOLDER}"
    assert settings["TemporaryFileSystem"] == f"{HOME}:ro"
    assert settings["BindPaths"] == f"{HOME}/{FORWARD_FOLDER}"
    assert (settings["IPAddressDeny"], settings["IPAddressAllow"]) == ("any", "localhost")
    assert settings["MemoryMax"] == "777M"
    assert settings["User"] == "cfsm"
    assert not {"StateDirectory", "ReadWritePaths", "LoadCredential"} & set(settings)


def test_bots_are_asked_for_before_their_dry_runners_start_and_end_after_them():
    files = rendered(workers=[("dry_runner", 1)], most={"dry_runner": 2})
    units = {name: files[f"/etc/systemd/system/cfsm-dryrun{name}"] for name in (".socket", "@.service")}

    assert "cfsm-dryrun.socket" in wanted(files)
    assert f"ListenStream={HOME}/run/{BOTS_SOCKET}\n" in units[".socket"]
    for text in units.values():
        assert "Before=cfsm-dry_runner@1.service cfsm-dry_runner@2.service\n" in text


def test_a_part_of_the_calendar_that_is_off_has_no_timer():
    files = rendered(calendar={"cleaning": "*-*-* 02:00:00"})

    assert [name for name in wanted(files) if name.endswith(".timer")] == ["cfsm-cleaning.timer"]
    assert not [name for name in files if "generation" in name or "reevaluation" in name]


def test_a_home_of_another_place_is_made_writable_by_name():
    files = rendered(home=Path("/srv/factory"))

    assert settings_of(files, "cfsm-cleaner@.service")["ReadWritePaths"] == "/srv/factory"
    assert "d /srv/factory 0700 cfsm cfsm" in files["/etc/tmpfiles.d/cfsm.conf"]


def test_units_of_a_user_name_no_user_and_make_none():
    files = rendered(scope=Scope.USER)

    assert all("User=" not in re.sub("PrivateUsers=", "", text) for text in files.values())
    assert {str(Path(name).parts[1]) for name in files} == {"home"}
    assert "WantedBy=default.target" in files["/home/trader/.config/systemd/user/cfsm.target"]


def test_configuration_and_profile_reach_every_unit():
    files = rendered(config=Path("/etc/cfsm/cfsm.yaml"), profile="safe")

    hardening = files["/etc/systemd/system/cfsm-cleaner@.service.d/10-hardening.conf"]
    assert "Environment=CFSM_CONFIG=/etc/cfsm/cfsm.yaml" in hardening
    assert "Environment=CFSM_PROFILE=safe" in hardening


@pytest.mark.parametrize("home", ["/srv/my factory", "/srv/50%", "relative", '/srv/"x"'])
def test_a_path_that_cannot_stand_in_a_unit_is_refused(home):
    with pytest.raises(Misconfigured, match="cannot stand in a unit"):
        installation(home=Path(home))


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (3600, "*-*-* 00/1:00:00 UTC"),
        (7200, "*-*-* 00/2:00:00 UTC"),
        (5 * 3600, "*-*-* 00/1:00:00 UTC"),
        (2 * 86_400, "*-*-* 00:00:00 UTC"),
        (5400, "*-*-* *:00/30:00"),
        (600, "*-*-* *:00/10:00"),
        (90, "*-*-* *:*:00/30"),
        (7, "*-*-* *:*:00/1"),
    ],
)
def test_the_calendar_rings_at_the_beginning_of_every_slot(seconds, expected):
    assert calendar_of(seconds) == expected
    if shutil.which("systemd-analyze"):
        subprocess.run(["systemd-analyze", "calendar", expected], check=True, capture_output=True)


def test_the_installed_home_is_found_again(tmp_path):
    layout = Layout.of(Scope.USER, {"XDG_CONFIG_HOME": str(tmp_path)})
    layout.units.mkdir(parents=True)
    files = render(installation(layout=layout, home=tmp_path / "home"), SHIPPED)
    (layout.units / "cfsm.target").write_text(files[layout.units / "cfsm.target"])

    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert installed_for(tmp_path / "home", environ).scope is Scope.USER
    assert installed_for(tmp_path / "another", environ) is None


def test_workers_in_reserve_start_by_a_file_and_do_not_run_without_it():
    files = rendered(workers=[("backtester", 1), ("cleaner", 1)], most={"backtester": 3, "cleaner": 1})

    assert [name for name in wanted(files) if "@" in name] == [
        "cfsm-backtester@1.service",
        "cfsm-cleaner@1.service",
        "cfsm-backtester@2.path",
        "cfsm-backtester@3.path",
    ]
    assert f"PathExists={HOME}/run/wanted/%j-%i" in files["/etc/systemd/system/cfsm-backtester@.path"]
    assert "/etc/systemd/system/cfsm-cleaner@.path" not in files
    conditions = [name for name in files if name.endswith("60-reserve.conf")]
    assert conditions == [f"/etc/systemd/system/cfsm-backtester@{n}.service.d/60-reserve.conf" for n in (2, 3)]
    assert f"ConditionPathExists={HOME}/run/wanted/%j-%i" in files[conditions[0]]


def test_without_reserves_there_are_none_of_their_files():
    assert not [name for name in rendered() if name.endswith((".path", "60-reserve.conf"))]


def test_a_secret_is_handed_to_the_units_that_may_read_it_and_is_empty_where_it_is_missing():
    files = rendered()
    folder = "/etc/systemd/system"

    lines = files[f"{folder}/cfsm-backtester@.service.d/50-role.conf"].splitlines()
    assert "LoadCredential=store_password:/etc/cfsm/credentials/store_password" in lines
    assert "SetCredential=store_password:\\n" in lines
    assert f"{folder}/cfsm-forge.service.d/50-role.conf" not in files
