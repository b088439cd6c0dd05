"""Warm children, seen from the parent: starting one, giving it a case, ending it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from config import temporary
from processes.runners import isolation
from processes.runners.contract import Limits, Permissions
from processes.runners.forking import MAXIMUM_PROCESSES
from processes.runners.groups import in_group, make_group, remove_group
from processes.runners.messages import Channel, ChannelClosedError

_START_SECONDS = 60.0
_PROCESSES_OF_ITS_OWN = 64  # bubblewrap, the child, its threads; and some more, so that its watch sees too many
_ROLES_OF_PROGRAMS = frozenset({"python", "command"})
_ENVIRONMENT = {
    "PATH": isolation.PROGRAM_PATH,
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONDONTWRITEBYTECODE": "1",
    # A pool of threads made when a library is imported would not live in the forks.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "2",
}
"""What a python function finds in its environment; other children find nothing."""

_ERROR_BYTES = 65536
"""What a pipe holds. Its writing end doesn't block, so a child that floods its standard error loses the flood."""


class ChildCrashedError(Exception):
    """The child ended, or said what no runner says. Its message tells how, its ``stderr`` the last it wrote."""

    def __init__(self, message: str, stderr: str) -> None:
        super().__init__(message)
        self.stderr = stderr


class Child:
    """A process that runs cases one after another, with a private directory that goes when it goes.

    It belongs to the thread that started it, because Linux ends it with that thread.
    """

    def __init__(
        self, limits: Limits, isolation_in_force: str, work_root: Path | None, role: str, permissions: Permissions
    ) -> None:
        """Start the process and wait until it is ready. Raises ChildCrashedError when it doesn't get there.

        role: the kind of implementation that it runs.
        """
        self._owner = _current_owner()
        self._role = role
        self.case_count = 0
        self.directory = _make_directory(work_root)
        self._group = make_group(MAXIMUM_PROCESSES + _PROCESSES_OF_ITS_OWN) if role == "command" else None
        ours, theirs = socket.socketpair()
        self._channel = Channel(ours)
        self._errors, errors = os.pipe()
        os.set_blocking(errors, False)
        try:
            self._process = subprocess.Popen(
                self._command(isolation_in_force, isolation.surroundings(role, permissions)),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=_ENVIRONMENT if role == "python" else {},
                cwd=isolation.PROJECT_ROOT,
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            os.close(self._errors)
            _remove(self.directory)
            if self._group:
                remove_group(self._group)
            raise ChildCrashedError(str(error), "") from error
        finally:
            theirs.close()
            os.close(errors)
        self._end = weakref.finalize(
            self, _end_child, os.getpid(), self._process, self._channel, self.directory, self._errors, self._group
        )
        self._greet(
            {
                "directory": str(self.directory),
                "limits": asdict(limits),
                "role": role,
                "isolation": isolation_in_force,
                "python_path": permissions.python_path,
                "http_allowed_hosts": permissions.http_allowed_hosts,
                "http_authorities": permissions.http_authorities,
            }
        )

    @property
    def is_usable(self) -> bool:
        """Whether it lives and was started by this thread."""
        return self._owner == _current_owner() and self._process.poll() is None

    def link_inputs(self, paths: Sequence[Path]) -> list[Path]:
        """Put files where the child can read them, without copying where the file system allows."""
        links: list[Path] = []
        for path in paths:
            link = self.directory / "inputs" / f"{self.case_count}-{len(links)}-{path.name[:64]}"
            try:
                link.hardlink_to(path)
            except OSError:
                shutil.copyfile(path, link)
            links.append(link)
        return links

    def output_path(self, position: int) -> Path:
        """Where the current case writes its output of that position."""
        return self.directory / "work" / f"{self.case_count}-{position}.parquet"

    def clear(self) -> None:
        """Forget the files of the cases so far. Raises OSError where a program forbids it."""
        for directory in (self.directory / "inputs", self.directory / "work"):
            with os.scandir(directory) as entries:
                found = list(entries)
            for entry in found:
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)  # noqa: PTH108 (after each case, where a Path takes as long as the call)
                elif entry.name != "temp" or self._role in _ROLES_OF_PROGRAMS:  # DuckDB keeps its own
                    temporary.remove_tree(Path(entry.path))

    def ask(self, case: Mapping[str, Any], wall_seconds: float, report: Callable[[str, str], None]) -> dict[str, Any]:
        """Run a case. Raises TimeoutError past its time and ChildCrashedError; the child is then to be closed."""
        deadline = time.monotonic() + wall_seconds
        try:
            self._channel.send(case, deadline)
            while "reply" not in (message := self._channel.receive(deadline)):
                report(str(message.get("phase")), str(message.get("output")))
        except ChannelClosedError as error:
            raise self._crash() from error
        return dict(message["reply"])

    def close(self) -> None:
        """End the process and all it started, and remove its directory."""
        self._end()

    def _command(self, isolation_in_force: str, around: isolation.Surroundings) -> list[str]:
        command = [sys.executable, "-s", "-m", "processes.runners.child"]
        is_wrapped = isolation_in_force == isolation.BUBBLEWRAP
        if is_wrapped:
            command = isolation.wrap(command, self.directory, around)
        return in_group(command, self._group) if self._group else command

    def _greet(self, settings: Mapping[str, Any]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        try:
            self._channel.send(settings, deadline)
            self._channel.receive(deadline)
        except (ChannelClosedError, TimeoutError) as error:
            crash = self._crash()
            self.close()
            raise crash from error

    def _crash(self) -> ChildCrashedError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)
        os.set_blocking(self._errors, False)
        stderr = b""
        with contextlib.suppress(BlockingIOError):
            stderr = os.read(self._errors, _ERROR_BYTES)
        return ChildCrashedError(_how_it_ended(self._process.returncode), stderr.decode(errors="replace"))


def _make_directory(work_root: Path | None) -> Path:
    """A private directory with ``inputs/`` and ``work/``."""
    directory = temporary.make_directory("child", work_root)
    isolation.make_work_directories(directory)
    return directory


def _remove(directory: Path) -> None:
    with contextlib.suppress(OSError):
        temporary.remove_tree(directory)


def _end_child(
    owner_pid: int,
    process: subprocess.Popen[bytes],
    channel: Channel,
    directory: Path,
    errors: int,
    group: Path | None,
) -> None:
    channel.close()
    if owner_pid == os.getpid():  # a fork of the owner has the same objects, and must not touch the owner's child
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        _remove(directory)
        if group:
            remove_group(group)
    os.close(errors)


def _current_owner() -> tuple[int, int]:
    return os.getpid(), threading.get_ident()


def _how_it_ended(status: int | None) -> str:
    """A process that died of a signal has a negative status; bubblewrap says 128 and the signal."""
    if status is None:
        return "it broke off the conversation"
    number = -status if status < 0 else status - 128
    try:
        return f"signal {signal.Signals(number).name}"
    except ValueError:
        return f"exit status {status}"
