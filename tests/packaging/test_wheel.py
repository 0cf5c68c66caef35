"""The wheel has the command, config/ and systemd/, and works where nothing else of the checkout is."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from the checkout without any network."""
    pytest.importorskip("hatchling", reason="hatchling is not installed: `./dev test` installs it")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A clean environment with the wheel in it; the dependencies are those of this environment."""
    venv = tmp_path_factory.mktemp("clean") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True, capture_output=True)
    packages = venv / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return venv


def test_the_wheel_holds_what_an_installation_needs(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read("cfsm-0.1.0.dist-info/METADATA").decode()
        entry_points = archive.read("cfsm-0.1.0.dist-info/entry_points.txt").decode()

    shipped = {"config/cfsm.yaml", "config/profiles/safe.yaml", "systemd/README.md"}
    assert {f"cfsm/_shipped/{name}" for name in shipped} <= names
    assert {"cfsm/py.typed", "cfsm/__main__.py", "cfsm-0.1.0.dist-info/licenses/LICENSE"} <= names
    assert {"cfsm/adapters/ollama/scripted/demonstration.yaml", "cfsm/adapters/prompts/texts/judge/1.md"} <= set(names)
    assert not [name for name in names if name.startswith(("tests/", "docs/", "benchmarks/")) or name.endswith(".pyc")]
    assert "License-Expression: GPL-3.0-or-later" in metadata
    assert "Requires-Python: <3.12,>=3.11" in metadata
    assert "cfsm = cfsm.__main__:main" in entry_points


def test_every_module_of_the_checkout_is_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    assert {str(path.relative_to(ROOT)) for path in (ROOT / "cfsm").rglob("*.py")} <= names


def test_the_installed_command_finds_its_profiles_and_its_own_code(installed, tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('the current directory was imported from')\n")
    code = (
        "import sys; sys.argv[0] = 'cfsm'; from cfsm.__main__ import main; import cfsm, atexit; "
        "atexit.register(lambda: print(cfsm.__file__, file=sys.stderr)); main()"
    )
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONSAFEPATH": "1"}

    shown = subprocess.run(
        [installed / "bin" / "python", "-c", code, "--profile", "safe", "config", "show", "--json"],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert shown.stderr.strip().startswith(str(installed))
    rows = {row["key"]: row for row in json.loads(shown.stdout)}
    assert rows["selection.minimum_trades"]["value"] == 100
    assert str(installed) in rows["selection.minimum_trades"]["from" if "from" in rows["profile"] else "origin"]


@pytest.mark.slow
def test_pip_installs_the_checkout_with_the_command(tmp_path):
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (packages,) = (venv / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [os.environ.get("PYTHON", "python3.11"), "-m", "pip", "--python", venv / "bin" / "python"]
    if subprocess.run([*pip, "--version"], check=False, capture_output=True).returncode:
        pytest.skip("there is no pip outside of the environment")

    installing = subprocess.run(
        [*pip, "install", "--no-deps", "--no-build-isolation", "-q", ROOT],
        check=False,
        capture_output=True,
        text=True,
    )

    assert installing.returncode == 0, installing.stderr
    shown = subprocess.run(
        [venv / "bin" / "cfsm", "--home", tmp_path / "home", "doctor"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "ok   configuration: profile standard" in shown.stdout
