"""Calls of the kernel and of libc that Python does not offer."""

import ctypes
import os

_LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38


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
