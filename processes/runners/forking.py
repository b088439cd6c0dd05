"""Runs a piece of a case in a fork of the warm child, watches it, and leaves nothing of it behind.

What the fork does to its memory is gone when it ends, so cases can't see each other's state. In bubblewrap the child
has a world of processes of its own and ends everything in it but itself; without, it adopts what the fork leaves behind
and ends that.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processes.runners.contract import Limits
from processes.runners.isolation import PROCESS_MARGIN_BYTES, die_with_parent
from processes.runners.refusals import RefusedError
from processes.runners.seccomp import forbid_lasting_traces
from processes.runners.usage import memory_bytes, size_of, unlinked_bytes

MAXIMUM_PROCESSES = 64
MAXIMUM_FILES = 10_000
LOG_BYTES = 65536
TAIL_BYTES = 2000
_MESSAGE_BYTES = 8 * 1024 * 1024
_WATCH_SECONDS = 0.05
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36

Tell = Callable[[dict[str, Any]], None]


@dataclass
class Ended:
    """How a fork ended: its status (negative: the signal), what it told, and what it wrote to stdout and stderr."""

    status: int
    messages: list[dict[str, Any]]
    log: str
    tail: str


class Forker:
    """Forks of this process, one at a time, that write below ``work``."""

    def __init__(self, work: Path, limits: Limits, is_own_world: bool) -> None:
        self._work = work
        self._limits = limits
        self._is_own_world = is_own_world and Path("/proc/1/comm").read_text() == "bwrap\n" and os.getppid() == 1
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)  # no fork may look into this process, or write there
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def run(self, work: Callable[[Tell], None]) -> Ended:
        """Do the work in a fork and wait for its end. Raises RefusedError when it takes more than it may."""
        told, tell = os.pipe()
        printed, stdout = os.pipe()
        erred, stderr = os.pipe()
        process = os.fork()
        if process == 0:
            _be_the_fork(work, tell, stdout, stderr)
        for descriptor in (tell, stdout, stderr):
            os.close(descriptor)
        try:
            return self._watch(process, told, printed, erred)
        finally:
            for descriptor in (told, printed, erred):
                os.close(descriptor)
            self.end_all()

    def end_all(self) -> None:
        """End every process that a fork left behind."""
        while True:
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            left = list(self._others())
            if not left:
                return
            if self._is_own_world:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(-1, signal.SIGKILL)
            for process in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.001)

    def _watch(self, process: int, told: int, printed: int, erred: int) -> Ended:
        messages, log, tail = bytearray(), bytearray(), b""
        status, checked = None, 0.0
        opened = {told, printed, erred}
        while opened or status is None:
            # Once the fork has ended only what it has written is taken: others may hold the pipes open.
            readable, _, _ = select.select(list(opened), [], [], 0 if status is not None else self._pause(opened))
            for stream in readable:
                content = os.read(stream, 65536)
                if not content:
                    opened.discard(stream)
                elif stream == told:
                    messages += content
                    if len(messages) > _MESSAGE_BYTES:
                        raise RefusedError("crashed", "The process that ran the function says too much.")
                else:
                    log += content[: max(0, LOG_BYTES - len(log))]
                    tail = (tail + content)[-TAIL_BYTES:] if stream == erred else tail
            if status is not None and not readable:
                break
            if time.monotonic() - checked > _WATCH_SECONDS:
                self._check_use()
                checked = time.monotonic()
            if status is None and not (readable and opened):
                found, code = os.waitpid(process, os.WNOHANG)
                status = os.waitstatus_to_exitcode(code) if found else None
        return Ended(status, _messages(bytes(messages)), log.decode(errors="replace"), tail.decode(errors="replace"))

    @staticmethod
    def _pause(opened: set[int]) -> float:
        """How long to wait for the fork: once it has closed its pipes it is about to end."""
        return _WATCH_SECONDS if opened else 0.001

    def _check_use(self) -> None:
        others = list(self._others())
        if len(others) > MAXIMUM_PROCESSES:  # told before anything else is asked of so many
            message = f"The program runs more than {MAXIMUM_PROCESSES} processes at a time."
            raise RefusedError("execution_error", message, kind="too_many_processes")
        if memory_bytes(others) > self._limits.memory_bytes + PROCESS_MARGIN_BYTES:
            raise RefusedError("out_of_memory", "The function needs more memory than it may use.")
        size_bytes, files = size_of(self._work, MAXIMUM_FILES)
        allowed_bytes = self._limits.temp_bytes + self._limits.output_bytes
        if size_bytes + unlinked_bytes(others) > allowed_bytes or files > MAXIMUM_FILES:
            message = f"The function writes more than {MAXIMUM_FILES:,} files, or more bytes than it may."
            raise RefusedError("output_too_large", message)

    def _others(self) -> Iterator[int]:
        """Processes besides this one: all there are in a world of our own, else those below this one."""
        if self._is_own_world:
            yield from (process for process in _processes() if process not in (1, os.getpid()))
            return
        parents: dict[int, list[int]] = {}
        for process in _processes():
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
                parents.setdefault(int(fields[1]), []).append(process)
        found = parents.get(os.getpid(), [])[:]
        while found:
            process = found.pop()
            found += parents.get(process, [])
            yield process


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _be_the_fork(work: Callable[[Tell], None], tell: int, stdout: int, stderr: int) -> None:
    """Do the work and end, never to return into what the fork was made from."""
    status = 1
    try:
        die_with_parent()
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)  # its watch looks into it
        forbid_lasting_traces()
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)  # it was the channel to our parent
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="replace", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)
        for descriptor in range(3, tell):  # the pipes' other ends, and what the parent held open
            with contextlib.suppress(OSError):
                os.close(descriptor)
        with os.fdopen(tell, "w", encoding="utf-8") as stream:

            def send(message: dict[str, Any]) -> None:
                stream.write(json.dumps(message) + "\n")
                stream.flush()

            work(send)
        sys.stdout.flush()
        status = 0
    finally:
        os._exit(status)


def _messages(content: bytes) -> list[dict[str, Any]]:
    found = []
    for line in content.splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            message = json.loads(line)
            if isinstance(message, dict):
                found.append(message)
    return found
