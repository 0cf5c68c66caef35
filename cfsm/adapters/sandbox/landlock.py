"""Landlock: which files a process may see for the rest of its life.

The numbers of the calls are the same on all architectures that Landlock serves (linux/landlock.h).
"""

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from cfsm.adapters.sandbox.syscalls import PR_SET_NO_NEW_PRIVS, prctl, syscall

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH = 1, 1

_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_EVERY_FILE_RIGHT_OF_ABI_1 = (1 << 13) - 1
_FILE_RIGHTS_SINCE = {2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  # link across folders; truncate; ioctl
_NETWORK_RIGHTS = 0b11  # bind and connect TCP, since ABI 4
_SCOPES = 0b11  # abstract unix sockets and signals, since ABI 6
_ABI_WITH_NETWORK, _ABI_WITH_SCOPES = 4, 6


def landlock_abi() -> int:
    """Give the version of Landlock that the kernel speaks; 0 where it has none."""
    try:
        return syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    except OSError:
        return 0


def allow_only_reading(paths: Iterable[Path]) -> None:
    """Leave this process only reading of these files and folders; paths that do not exist are passed over.

    Raise OSError where the kernel has no Landlock.
    """
    abi = landlock_abi()
    rights = _EVERY_FILE_RIGHT_OF_ABI_1
    for since, right in _FILE_RIGHTS_SINCE.items():
        rights |= right if abi >= since else 0
    words = [rights]
    words += [_NETWORK_RIGHTS] if abi >= _ABI_WITH_NETWORK else []
    words += [_SCOPES] if abi >= _ABI_WITH_SCOPES else []
    attributes = struct.pack(f"={len(words)}Q", *words)
    ruleset = syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    try:
        for path in paths:
            _allow_reading(ruleset, path)
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _allow_reading(ruleset: int, path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rights = _READ_FILE | (_READ_DIR if path.is_dir() else 0)
        rule = struct.pack("=Qi", rights, descriptor)
        syscall(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(descriptor)
