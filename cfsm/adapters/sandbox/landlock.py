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
_VERSION_FLAG, _PATH_BENEATH, _NET_PORT = 1, 1, 2

_WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1 << 1, 1 << 2, 1 << 3, 1 << 14
_EXECUTE_AND_SPECIAL = 1 | 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 15
"""Nothing in a folder is run, and no device, socket, pipe or symbolic link is made there."""

_EVERY_FILE_RIGHT_OF_ABI_1 = (1 << 13) - 1
_FILE_RIGHTS_SINCE = {2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  # link across folders; truncate; ioctl
_BIND_TCP, _CONNECT_TCP = 1, 2  # since ABI 4
_NETWORK_RIGHTS = _BIND_TCP | _CONNECT_TCP
_SCOPES = 0b11  # abstract unix sockets and signals, since ABI 6
ABI_WITH_NETWORK, _ABI_WITH_SCOPES = 4, 6


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
    allow_only(reading=paths)


def allow_only(
    *, reading: Iterable[Path], writing: Iterable[Path] = (), connect: Iterable[int] = (), bind: Iterable[int] = ()
) -> None:
    """Leave this process reading of some paths, all rights in others, and TCP on these ports.

    Paths that do not exist are passed over. Below ABI 4 (Linux 6.7) Landlock says nothing about TCP: whoever needs
    that checks ``landlock_abi``. Raise OSError where the kernel has no Landlock.
    """
    abi = landlock_abi()
    rights = _EVERY_FILE_RIGHT_OF_ABI_1
    for since, right in _FILE_RIGHTS_SINCE.items():
        rights |= right if abi >= since else 0
    words = [rights]
    words += [_NETWORK_RIGHTS] if abi >= ABI_WITH_NETWORK else []
    words += [_SCOPES] if abi >= _ABI_WITH_SCOPES else []
    attributes = struct.pack(f"={len(words)}Q", *words)
    ruleset = syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    try:
        for path in reading:
            _allow_path(ruleset, path, _READ_FILE, _READ_DIR)
        for path in writing:
            _allow_path(ruleset, path, _READ_FILE | _WRITE_FILE | rights & _TRUNCATE, rights & ~_EXECUTE_AND_SPECIAL)
        if abi >= ABI_WITH_NETWORK:
            for right, ports in ((_BIND_TCP, bind), (_CONNECT_TCP, connect)):
                for port in ports:
                    _add_rule(ruleset, _NET_PORT, struct.pack("=QQ", right, port))
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _allow_path(ruleset: int, path: Path, of_file: int, of_folder: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rights = of_file | (of_folder if path.is_dir() else 0)
        _add_rule(ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, descriptor))
    finally:
        os.close(descriptor)


def _add_rule(ruleset: int, kind: int, rule: bytes) -> None:
    syscall(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(kind), rule, ctypes.c_uint32(0))
