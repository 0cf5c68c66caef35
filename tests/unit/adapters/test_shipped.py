"""The folders that come with CFSM are found in a wheel and in a checkout, and missed with clear words."""

from pathlib import Path

import pytest

from cfsm.adapters.shipped import NotShipped, shipped
from cfsm.application.errors import Misconfigured


def test_this_installation_has_them():
    assert (shipped("config") / "profiles" / "standard.yaml").is_file()
    assert shipped("systemd").is_dir()


def test_a_wheel_holds_them_inside_the_package(tmp_path):
    package = tmp_path / "site-packages" / "cfsm"
    (package / "_shipped" / "config").mkdir(parents=True)
    (tmp_path / "site-packages" / "config").mkdir()

    assert shipped("config", package=package) == package / "_shipped" / "config"


def test_a_checkout_holds_them_beside_the_package(tmp_path):
    (tmp_path / "systemd").mkdir()
    (tmp_path / "pyproject.toml").touch()

    assert shipped("systemd", package=tmp_path / "cfsm") == tmp_path / "systemd"


def test_a_folder_of_that_name_in_site_packages_is_another_ones(tmp_path):
    (tmp_path / "config").mkdir()

    with pytest.raises(NotShipped, match=r"config/ is missing from this installation .*; install it again"):
        shipped("config", package=tmp_path / "cfsm")


def test_a_missing_folder_asks_a_person():
    with pytest.raises(Misconfigured):
        shipped("config", package=Path("/nowhere/cfsm"))
