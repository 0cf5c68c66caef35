"""Limits of control groups, from trees of files as the kernel shows them."""

import os

import pytest

from cfsm.adapters.control_group import ControlGroups, usable_cores
from cfsm.adapters.hardware import Gauge

MB = 1 << 20


class Groups:
    """A tree of groups of the second version, and this process's place in it."""

    def __init__(self, folder, place="/"):
        self.root = folder / "cgroup"
        self.root.mkdir()
        self.own = folder / "own"
        self.own.write_text(f"0::{place}\n")
        (self.root / place.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def write(self, path, text):
        (self.root / path.lstrip("/")).write_text(text)

    def limit(self, group, limit, used, cached=0):
        self.write(f"{group}/memory.max", f"{limit}\n")
        self.write(f"{group}/memory.current", f"{used}\n")
        self.write(f"{group}/memory.stat", f"anon 1\ninactive_file {cached}\nfile_mapped 3\n")

    @property
    def found(self):
        return ControlGroups(self.root, self.own)


def test_where_nothing_is_limited_nothing_is_said(tmp_path):
    groups = Groups(tmp_path, "/user.slice")
    groups.write("user.slice/memory.max", "max\n")
    groups.write("user.slice/cpu.max", "max 100000\n")

    assert groups.found.memory_left_bytes() is None
    assert groups.found.cores() is None
    assert groups.found.pressure_folders() == ()


def test_where_there_are_no_groups_at_all_nothing_is_said(tmp_path):
    found = ControlGroups(tmp_path / "none", tmp_path / "none")

    assert (found.memory_left_bytes(), found.cores()) == (None, None)


def test_in_a_container_the_limit_is_that_of_the_root(tmp_path):
    groups = Groups(tmp_path)
    groups.limit("", 1000 * MB, 700 * MB, cached=200 * MB)

    assert groups.found.memory_left_bytes() == 500 * MB


def test_the_tightest_group_counts(tmp_path):
    groups = Groups(tmp_path, "/user.slice/session-3.scope")
    groups.limit("user.slice", 4000 * MB, 3900 * MB)
    groups.limit("user.slice/session-3.scope", 2000 * MB, 500 * MB)

    assert groups.found.memory_left_bytes() == 100 * MB


def test_the_group_of_a_single_worker_does_not_count(tmp_path):
    place = "/cfsm.slice/cfsm-workers.slice/cfsm-backtester@1.service"
    groups = Groups(tmp_path, place)
    groups.limit("cfsm.slice", 4000 * MB, 1000 * MB)
    groups.limit("cfsm.slice/cfsm-workers.slice", 900 * MB, 400 * MB)
    groups.limit(place.lstrip("/"), 768 * MB, 40 * MB)

    assert groups.found.memory_left_bytes() == 3000 * MB


def test_a_place_that_only_the_host_knows_is_as_none(tmp_path):
    groups = Groups(tmp_path)
    groups.own.write_text("0::/system.slice/docker-ab.scope\n")
    groups.limit("", 1000 * MB, 100 * MB)

    assert groups.found.memory_left_bytes() == 900 * MB


def test_more_used_than_granted_leaves_nothing(tmp_path):
    groups = Groups(tmp_path)
    groups.limit("", 100 * MB, 130 * MB)

    assert groups.found.memory_left_bytes() == 0


@pytest.mark.parametrize(("text", "cores"), [("50000 100000", 0.5), ("250000 100000", 2.5), ("max 100000", None)])
def test_cores_are_granted_by_time(tmp_path, text, cores):
    groups = Groups(tmp_path)
    groups.write("cpu.max", f"{text}\n")

    assert groups.found.cores() == cores


def test_usable_cores_are_whole_and_no_more_than_there_are(tmp_path):
    groups = Groups(tmp_path)
    groups.write("cpu.max", "50000 100000\n")
    assert usable_cores(groups.found) == 1

    groups.write("cpu.max", "9900000 100000\n")
    assert usable_cores(groups.found) == len(os.sched_getaffinity(0))


def test_the_first_version_is_understood(tmp_path):
    root, own = tmp_path / "cgroup", tmp_path / "own"
    memory, cpu = root / "memory" / "docker", root / "cpu" / "docker"
    memory.mkdir(parents=True)
    cpu.mkdir(parents=True)
    own.write_text("4:memory:/docker\n2:cpu,cpuacct:/docker\n0::/\n")
    (root / "memory" / "memory.limit_in_bytes").write_text(f"{2**63 - 4096}\n")
    (memory / "memory.limit_in_bytes").write_text(f"{800 * MB}\n")
    (memory / "memory.usage_in_bytes").write_text(f"{300 * MB}\n")
    (memory / "memory.stat").write_text(f"inactive_file 5\ntotal_inactive_file {100 * MB}\n")
    (cpu / "cpu.cfs_quota_us").write_text("150000\n")
    (cpu / "cpu.cfs_period_us").write_text("100000\n")

    found = ControlGroups(root, own)
    assert found.memory_left_bytes() == 600 * MB
    assert found.cores() == 1.5


def test_the_gauge_gives_the_worse_of_machine_and_group(tmp_path):
    groups = Groups(tmp_path)
    groups.limit("", 1000 * MB, 995 * MB)
    line = "avg10={}.00 avg60=0.00 avg300=0.00 total=0\n"
    for name, machine, group in (("cpu", 20, 65), ("memory", 3, 1)):
        (tmp_path / name).write_text(f"some {line.format(machine)}full {line.format(machine)}")
        groups.write(f"{name}.pressure", f"some {line.format(group)}full {line.format(group)}")

    load = Gauge(tmp_path, 2.0, pressure=tmp_path, groups=groups.found).load()

    assert load.memory_available_mb == 5.0
    assert (load.psi_cpu_some_percent, load.psi_memory_full_percent) == (65.0, 3.0)


def test_without_limits_the_gauge_gives_the_machines(tmp_path):
    groups = Groups(tmp_path)
    (tmp_path / "cpu").write_text("some avg10=20.00 avg60=0.00 avg300=0.00 total=0\n")

    load = Gauge(tmp_path, 2.0, pressure=tmp_path, groups=groups.found).load()

    assert load.psi_cpu_some_percent == 20.0
    assert load.memory_available_mb > 5.0
