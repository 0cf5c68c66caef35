"""Small file systems of their own for tests that fill a disk or write-protect it."""

import os
import subprocess

import pytest


@pytest.fixture
def small_disk(tmp_path):
    """A tmpfs of 12 MB: a disk that is soon full."""
    if os.getuid() != 0:
        pytest.skip("only root can mount a small file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m,mode=0700", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this root may not mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
