"""How much memory processes take."""

import os
from collections.abc import Iterator
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def memory_bytes(pid: int) -> int:
    """Give the memory of a process and its descendants; a page that several share counts once, a part for each."""
    return sum(own_memory_bytes(member) for member in (pid, *_descendants(pid)))


def own_memory_bytes(pid: int) -> int:
    """Give the memory of one process, shared pages in parts (PSS); 0 for a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    except (OSError, ValueError, StopIteration):  # another user's, or a kernel that does not tell
        return _resident_bytes(pid)


def _descendants(pid: int) -> Iterator[int]:
    try:
        threads = Path(f"/proc/{pid}/task").iterdir()
        children = [int(child) for thread in threads for child in (thread / "children").read_bytes().split()]
    except OSError:
        return
    for child in children:
        yield child
        yield from _descendants(child)


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0
