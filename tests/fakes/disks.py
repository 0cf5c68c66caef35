"""Small file systems of their own, for tests that fill a disk or write-protect it."""

import os
import subprocess
from contextlib import contextmanager

import pytest


@contextmanager
def small_disk(folder, megabytes):
    """Give a new folder with a tmpfs of this size; a test is skipped where none can be mounted."""
    if os.getuid() != 0:
        pytest.skip("only root can mount a small file system")
    folder.mkdir()
    options = f"size={megabytes}m,mode=0700"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("this root may not mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def write_protected(folder):
    """Let nothing be written to a small file system while the block lasts."""
    _remount(folder, "ro")
    try:
        yield
    finally:
        _remount(folder, "rw")


def _remount(folder, mode):
    subprocess.run(["mount", "-o", f"remount,{mode}", folder], check=True)
