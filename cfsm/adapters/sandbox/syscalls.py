"""Calls of the kernel and of libc that Python does not offer."""

import ctypes
import os

_LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def syscall(number: int, *arguments: object) -> int:
    """Make the system call of this number and give its answer. Raise OSError where it fails."""
    answer = int(_LIBC.syscall(ctypes.c_long(number), *arguments))
    if answer < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), f"system call {number}")
    return answer


def prctl(option: int, value: int, more: int = 0) -> None:
    """Set a property of this process. Raise OSError where the kernel refuses."""
    words = [ctypes.c_ulong(word) for word in (value, more, 0, 0)]
    if _LIBC.prctl(option, *words) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), f"prctl {option}")


def keep_memory(step_bytes: int = 32 << 20) -> None:
    """Have libc take memory in large steps and keep it, which is quick; not every libc has this choice."""
    mallopt = getattr(_LIBC, "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, step_bytes)  # 32 MB are the most
        mallopt(_M_TRIM_THRESHOLD, 16 * step_bytes)
        mallopt(_M_TOP_PAD, step_bytes)
