"""What is imported is declared, what is declared is imported, and the locks hold what is declared."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
DEVELOPMENT = [Requirement(text) for text in PROJECT["dependency-groups"]["dev"]]
PART_OF = {"pydantic-core": "pydantic"}
"""Distributions that come with another, always in the version that fits it."""

BROUGHT_BY_FREQTRADE = {"ta-lib", "technical"}
"""What strategies import: of the version that Freqtrade wants."""

FIRST_PARTY = {"cfsm", "tests", "benchmarks"}
RUN_AS_PROGRAMS = {"mypy", "ruff", "import-linter", "pytest-timeout", "pytest-xdist", "hatchling"}
STUBS = {"pandas-stubs", "types-psutil", "types-pyyaml"}


@cache
def imported(folder):
    """Give the distributions that the folder's modules import, by the first module that does."""
    distributions = packages_distributions()
    found = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for top in {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - FIRST_PARTY:
                for distribution in distributions.get(top, [top]):
                    name = canonicalize_name(distribution)
                    found.setdefault(PART_OF.get(name, name), path.relative_to(ROOT))
    return found


def declared(requirements):
    return {canonicalize_name(requirement.name) for requirement in requirements}


def test_what_cfsm_imports_is_declared():
    missing = {name: str(path) for name, path in imported("cfsm").items() if name not in declared(RUNTIME)}

    assert missing == {}


def test_what_is_declared_is_imported():
    assert declared(RUNTIME) - set(imported("cfsm")) == set()
    assert declared(DEVELOPMENT) - set(imported("tests")) - RUN_AS_PROGRAMS - STUBS == set()


def test_what_tests_and_benchmarks_import_is_declared():
    both = declared(RUNTIME) | declared(DEVELOPMENT) | BROUGHT_BY_FREQTRADE

    for folder in ("tests", "benchmarks"):
        assert {name: str(path) for name, path in imported(folder).items() if name not in both} == {}


def pins(name):
    """Give the versions that a lock file holds, and check that each has hashes."""
    text = (ROOT / name).read_text()
    entries = re.findall(
        r"^([a-z0-9][a-z0-9._-]*)==(\S+)((?: ; [^\\\n]+)?) \\\n((?:    --hash=\S+(?: \\)?\n)+)", text, re.MULTILINE
    )
    assert len(entries) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE)), (
        f"{name} has a line that is no pin with hashes"
    )
    return {canonicalize_name(package): Version(version) for package, version, _, _ in entries}


@pytest.mark.parametrize(
    ("lock", "requirements"),
    [("requirements.lock", RUNTIME), ("requirements-dev.lock", [*RUNTIME, *DEVELOPMENT])],
    ids=["requirements.lock", "requirements-dev.lock"],
)
def test_a_lock_holds_what_is_declared(lock, requirements):
    pinned = pins(lock)

    for requirement in requirements:
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not in {lock}: `./dev lock`"
        assert requirement.specifier.contains(version, prereleases=True), (
            f"{requirement} is not {version}: `./dev lock`"
        )


def test_the_lock_for_development_is_the_other_and_more():
    runtime, development = pins("requirements.lock"), pins("requirements-dev.lock")

    assert runtime.items() <= development.items()
    assert set(development) - set(runtime) >= declared(DEVELOPMENT) - set(runtime)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_no_index(lock):
    assert "://" not in (ROOT / lock).read_text()


def test_versions_agree():
    import cfsm

    assert PROJECT["project"]["version"] == cfsm.__version__
    assert f"## {cfsm.__version__}" in (ROOT / "CHANGELOG.md").read_text()
