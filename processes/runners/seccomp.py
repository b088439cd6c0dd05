"""Filters in the kernel, which bind root as well: no trace that outlives a process, and no other process."""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_PR_SET_DUMPABLE = 4
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

    ``starting``: fork, vfork, execve, execveat, ptrace, process_vm_readv and process_vm_writev, as far as they exist.
    ``lasting``: shmget, semget, msgget, mq_open, add_key, request_key and keyctl.
    """

    architecture: int
    clone: int
    clone3: int
    prctl: int
    prlimit64: int
    starting: tuple[int, ...]
    lasting: tuple[int, ...]


_SYSTEM_CALLS = {
    "x86_64": _SystemCalls(
        0xC000003E, 56, 435, 157, 302, (57, 58, 59, 322, 101, 310, 311), (29, 64, 68, 240, 248, 249, 250)
    ),
    "aarch64": _SystemCalls(
        0xC00000B7, 220, 435, 167, 261, (221, 281, 117, 270, 271), (194, 190, 186, 180, 217, 218, 219)
    ),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def forbid_lasting_traces() -> bool:
    """Let fail from here on what outlives a process or reaches another, and what hides a process from its watch.

    That is shared memory, semaphores and queues of System V or by name, keys in the kernel's rings, other processes'
    limits, and the mark of a process that none may look into. False where the kernel or machine has no filter.
    """
    return _install(_lasting_filter)


def forbid_other_processes() -> bool:
    """Let fork, exec and ptrace fail from here on; threads may start. False where the kernel or machine has no filter.

    The caller has no other threads yet: the filter is the calling thread's and that of those it starts.
    """
    return _install(_starting_filter)


_Lines = list[tuple[int, int, int, int]]


def _install(lines_of: Callable[[_SystemCalls], _Lines]) -> bool:
    if platform.system() != "Linux" or platform.machine() not in _SYSTEM_CALLS:
        return False
    calls = _SYSTEM_CALLS[platform.machine()]
    lines = [*_beginning(calls), *lines_of(calls), (_RETURN, 0, 0, _ALLOW)]
    held = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in lines))
    program = _Program(len(lines), ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0) == 0)


def _beginning(calls: _SystemCalls) -> _Lines:
    """Load the call's number. Each line loads, or compares and jumps over so many lines if true, if false."""
    return [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, calls.architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32_BIT),  # the other numbering of x86-64, under which no filter by number holds
        (_RETURN, 0, 0, _KILL),
    ]


def _denied(numbers: Iterable[int]) -> _Lines:
    return [line for number in numbers for line in ((_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERROR | errno.EPERM))]


def _denied_if(number: int, condition: tuple[int, int, int, int]) -> _Lines:
    """Deny a call by its first argument. The condition jumps over one line to allow it."""
    return [
        (_EQUAL, 0, 4, number),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        condition,
        (_RETURN, 0, 0, _ERROR | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _lasting_filter(calls: _SystemCalls) -> _Lines:
    return [
        *_denied(calls.lasting),
        *_denied_if(calls.prlimit64, (_EQUAL, 1, 0, 0)),  # 0: its own
        *_denied_if(calls.prctl, (_EQUAL, 0, 1, _PR_SET_DUMPABLE)),
    ]


def _starting_filter(calls: _SystemCalls) -> _Lines:
    return [
        (_EQUAL, 0, 1, calls.clone3),
        (_RETURN, 0, 0, _ERROR | errno.ENOSYS),  # its flags are in memory; without it, libc calls clone
        *_denied(calls.starting),
        *_denied_if(calls.clone, (_ANY_BIT, 1, 0, _CLONE_THREAD)),
    ]
