"""A small disk."""

import pytest

from tests.fakes import disks


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 12 MB: a disk that is soon full."""
    with disks.small_disk(tmp_path / "disk", megabytes=12) as folder:
        yield folder
