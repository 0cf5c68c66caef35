"""Seccomp: the few system calls that are left to a caged process; all others answer EPERM.

The filter is compiled once, before forking; a second, tiny one, made in the child, holds signals to itself.
"""

import ctypes
import errno
import os
import socket
import struct
from functools import cache

from cfsm.adapters.sandbox.syscalls import PR_SET_NO_NEW_PRIVS, prctl

_ALLOWED = """
read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek close close_range
fstat newfstatat stat lstat statx access faccessat faccessat2 readlink readlinkat getdents getdents64
getcwd chdir fchdir
dup dup2 dup3 pipe pipe2 fadvise64
mmap munmap mremap mprotect madvise brk mincore msync membarrier get_mempolicy
rt_sigaction rt_sigprocmask rt_sigreturn rt_sigtimedwait rt_sigpending sigaltstack
futex futex_waitv set_robust_list get_robust_list rseq set_tid_address gettid
getpid getppid getuid geteuid getgid getegid getgroups getpgid getpgrp getsid getresuid getresgid
arch_prctl sched_yield sched_getaffinity sched_getparam sched_getscheduler sched_get_priority_max
sched_get_priority_min getpriority getcpu getrlimit getrusage sysinfo uname times
clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time getitimer
poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2
getrandom exit exit_group restart_syscall wait4 waitid tgkill
"""
_ALLOWED_TO_A_BOT = """
connect bind listen accept accept4 getsockname getpeername setsockopt getsockopt shutdown
recvfrom recvmsg
unlink unlinkat rename renameat renameat2 mkdir mkdirat rmdir ftruncate fallocate fsync fdatasync fstatfs statfs
umask
"""
"""What a bot needs on top: TCP, and its own folder; which files and ports these may be is Landlock's to say."""

_CLONE_THREAD = 0x10000
_OPEN_FOR_WRITING = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC
_PR_SET_NAME, _PR_SET_VMA = 15, 0x53564D41
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_HARMLESS_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS TIOCGWINSZ FIONREAD FIONBIO ...
_SOCKET_KIND = 0xF  # without SOCK_NONBLOCK and SOCK_CLOEXEC
_MSG_FASTOPEN = 0x20000000
_LOCKS_OF_FILES = (5, 6, 7)  # F_GETLK, F_SETLK, F_SETLKW: SQLite's
_HARMLESS_FCNTLS = (0, 1, 2, 3, 4, 1030)  # duplicate, flags; none that sends another process a signal

# One instruction of classic BPF, and the few that the second filter needs (linux/filter.h).
_LOAD_WORD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_SECCOMP_ALLOW, _SECCOMP_ERRNO = 0x7FFF0000, 0x00050000
_OFFSET_OF_NUMBER, _OFFSET_OF_FIRST_ARGUMENT = 0, 16


class _Program(ctypes.Structure):
    """``struct sock_fprog``: the count of instructions and where they are."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


@cache
def compiled_filter(*, living: bool = False) -> bytes:
    """Give the allow-list as instructions of BPF. Raise OSError where libseccomp is missing.

    A ``living`` process may write files and speak TCP besides; the others only compute.
    """
    try:
        import pyseccomp  # noqa: PLC0415 (it fails at import without libseccomp; that is told by `missing_layers`)
    except RuntimeError as error:
        raise OSError(errno.ENOSYS, "libseccomp.so.2 is not here (Debian: apt install libseccomp2)") from error

    rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
    for name in _ALLOWED.split():
        _allow_where_known(rules, pyseccomp, name)
    for name, position in (("open", 1), ("openat", 2)):
        only_reading = pyseccomp.Arg(position, pyseccomp.MASKED_EQ, _OPEN_FOR_WRITING, 0)
        _allow_where_known(rules, pyseccomp, name, *(() if living else (only_reading,)))
    if living:
        _allow_living(rules, pyseccomp)
    for name in ("openat2", "clone3"):  # ENOSYS makes libc fall back to the call that can be checked
        rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), name)
    new_thread = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _CLONE_THREAD, _CLONE_THREAD)
    rules.add_rule(pyseccomp.ALLOW, "clone", new_thread)
    own, read_only = pyseccomp.Arg(0, pyseccomp.EQ, 0), pyseccomp.Arg(2, pyseccomp.EQ, 0)
    rules.add_rule(pyseccomp.ALLOW, "prlimit64", own, read_only)
    for option in (_PR_SET_NAME, _PR_SET_VMA):
        rules.add_rule(pyseccomp.ALLOW, "prctl", pyseccomp.Arg(0, pyseccomp.EQ, option))
    for request in _HARMLESS_IOCTLS:
        rules.add_rule(pyseccomp.ALLOW, "ioctl", pyseccomp.Arg(1, pyseccomp.EQ, request))
    for command in _HARMLESS_FCNTLS:
        rules.add_rule(pyseccomp.ALLOW, "fcntl", pyseccomp.Arg(1, pyseccomp.EQ, command))
    with os.fdopen(os.memfd_create("seccomp"), "w+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _allow_living(rules: object, pyseccomp: object) -> None:
    for name in _ALLOWED_TO_A_BOT.split():
        _allow_where_known(rules, pyseccomp, name)
    arg, equal, masked = pyseccomp.Arg, pyseccomp.EQ, pyseccomp.MASKED_EQ  # type: ignore[attr-defined]  # untyped
    stream = arg(1, masked, _SOCKET_KIND, socket.SOCK_STREAM)
    for family in (socket.AF_INET, socket.AF_INET6):  # no UDP: no name is looked up, and nothing leaks that way
        for protocol in (0, socket.IPPROTO_TCP):  # Landlock does not see the ports of MPTCP and SCTP
            _allow_where_known(rules, pyseccomp, "socket", arg(0, equal, family), stream, arg(2, equal, protocol))
    for name, position in (("sendto", 3), ("sendmsg", 2)):  # nor a connection that is made by sending
        _allow_where_known(rules, pyseccomp, name, arg(position, masked, _MSG_FASTOPEN, 0))
    _allow_where_known(rules, pyseccomp, "socketpair", arg(0, equal, socket.AF_UNIX))
    for command in _LOCKS_OF_FILES:
        _allow_where_known(rules, pyseccomp, "fcntl", arg(1, equal, command))


def _allow_where_known(rules: object, pyseccomp: object, name: str, *arguments: object) -> None:
    try:
        number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)  # type: ignore[attr-defined]  # untyped
    except (ValueError, RuntimeError, OSError):
        return  # this architecture never had it
    if number >= 0:
        rules.add_rule(pyseccomp.ALLOW, name, *arguments)  # type: ignore[attr-defined]  # untyped


def allow_only_computing() -> None:
    """Leave this process, and the threads it will start, only the allowed calls. Raise OSError where that fails."""
    _restrict(compiled_filter())


def allow_only_living() -> None:
    """Leave this process what a bot needs: computing, TCP, files. Raise OSError where that fails."""
    _restrict(compiled_filter(living=True))


def _restrict(program: bytes) -> None:
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    _install(_signals_only_to(os.getpid()))  # first: the other one forbids installing filters
    _install(program)


def _signals_only_to(process_id: int) -> bytes:
    number = _number_of_tgkill()
    return b"".join(
        (
            _instruction(_LOAD_WORD, _OFFSET_OF_NUMBER),
            _instruction(_JUMP_IF_EQUAL, number, skip_unless=3),
            _instruction(_LOAD_WORD, _OFFSET_OF_FIRST_ARGUMENT),
            _instruction(_JUMP_IF_EQUAL, process_id, skip_if=1),
            _instruction(_RETURN, _SECCOMP_ERRNO | errno.EPERM),
            _instruction(_RETURN, _SECCOMP_ALLOW),
        )
    )


@cache
def _number_of_tgkill() -> int:
    import pyseccomp  # noqa: PLC0415 (as in `compiled_filter`, which was called before)

    return int(pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, "tgkill"))


def _instruction(code: int, value: int, *, skip_if: int = 0, skip_unless: int = 0) -> bytes:
    return struct.pack("=HBBI", code, skip_if, skip_unless, value)


def _install(instructions: bytes) -> None:
    program = _Program(len(instructions) // 8, instructions)
    prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))
