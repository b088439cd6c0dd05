"""A filter in the kernel after which a process starts no other, even as root, whom RLIMIT_NPROC doesn't bind."""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from dataclasses import dataclass

_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_MODE_FILTER = 2
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_CLONE_THREAD = 0x00010000
_X32_BIT = 0x40000000


@dataclass(frozen=True)
class _SystemCalls:
    """An architecture's number, and those of its system calls.

    ``denied``: fork, vfork, execve, execveat, ptrace, process_vm_readv and process_vm_writev, as far as they exist.
    """

    architecture: int
    clone: int
    clone3: int
    denied: tuple[int, ...]


_SYSTEM_CALLS = {
    "x86_64": _SystemCalls(0xC000003E, 56, 435, (57, 58, 59, 322, 101, 310, 311)),
    "aarch64": _SystemCalls(0xC00000B7, 220, 435, (221, 281, 117, 270, 271)),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def forbid_other_processes() -> bool:
    """Let fork, exec and ptrace fail from here on; threads may start. False where the kernel or machine has no filter.

    The caller has no other threads yet: the filter is the calling thread's and that of those it starts.
    """
    if platform.system() != "Linux" or platform.machine() not in _SYSTEM_CALLS:
        return False
    code = _filter(_SYSTEM_CALLS[platform.machine()])
    held = ctypes.create_string_buffer(code)
    program = _Program(len(code) // 8, ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0) == 0)


def _filter(calls: _SystemCalls) -> bytes:
    """The program of the filter: each line loads, or compares and jumps over so many lines if true, if false."""
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, calls.architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32_BIT),  # the other numbering of x86-64, under which no filter by number holds
        (_RETURN, 0, 0, _KILL),
        (_EQUAL, 0, 1, calls.clone3),
        (_RETURN, 0, 0, _ERROR | errno.ENOSYS),  # its flags are in memory; without it, libc calls clone
        *(line for number in calls.denied for line in ((_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERROR | errno.EPERM))),
        (_EQUAL, 0, 3, calls.clone),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_ANY_BIT, 1, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, _ERROR | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
