"""`manage.py serve`: the site and its workers, begun and ended together."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from config.commands import WRONG_USAGE, ExemplifiedCommand

GRACE_SECONDS: Final = 5.0  # for a worker's current job, which is then given back, and for open connections
WATCH_SECONDS: Final = 0.2
LIFE_SECONDS: Final = 5.0  # a worker that ends sooner is not begun again: it can't work here
SOCKET_MESSAGE_BYTES: Final = 65_536
PR_SET_PDEATHSIG: Final = 1


class Command(ExemplifiedCommand):
    help = (
        "Serves the site, and does its jobs: the web server and a worker, which is begun again if it dies. "
        "Ctrl-C ends both; a job that does not end within five seconds is given back to the queue. "
        "Exit codes: 0 ended as it was asked to, 1 the server could not go on, 2 wrong usage."
    )
    examples = ("--port 8080 --workers 4", "--reload")
    requires_system_checks = ()  # the server makes them

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, default=8000, help="the port to listen on (default: %(default)s)")
        parser.add_argument("--workers", type=int, default=1, help="how many workers do jobs (default: %(default)s)")
        parser.add_argument("--reload", action="store_true", help="begin both again when code changes")

    def handle(self, *arguments: Any, **options: Any) -> None:
        if options["workers"] < 0 or not 0 < options["port"] < 65_536:
            raise CommandError("--workers is at least 0, --port from 1 to 65535.", returncode=WRONG_USAGE)
        processes = _Processes()
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            server = processes.start(_server(options))
            is_ours = settings.TASKS_BACKEND == "database"
            workers = [processes.start(_worker(options)) for _ in range(options["workers"] if is_ours else 0)]
            while server.poll() is None:
                time.sleep(WATCH_SECONDS)
                workers = [self._living(processes, worker, options) for worker in workers]
            code = server.returncode
        except KeyboardInterrupt:
            code = 0
        finally:
            processes.stop()
        if code:
            raise CommandError(f"The server ended with status {code}.", returncode=1)

    def _living(self, processes: "_Processes", worker: "_Process", options: Any) -> "_Process":
        """The worker, or the one that takes the place of a dead one."""
        if worker.poll() is None:
            return worker
        if time.monotonic() - worker.started_at < LIFE_SECONDS:
            raise CommandError(f"The worker ended at once with status {worker.returncode}; see above.")
        self.stderr.write(f"The worker ended with status {worker.returncode}; another begins.")
        return processes.start(_worker(options))


class _Process(subprocess.Popen[bytes]):
    started_at = 0.0


class _Processes:
    """What was started here: each in a session of its own, so that Ctrl-C comes to this process alone."""

    def __init__(self) -> None:
        self._started: list[_Process] = []

    def start(self, command: Sequence[str]) -> _Process:
        process = _Process(command, start_new_session=True, preexec_fn=_end_with_parent)
        process.started_at = time.monotonic()
        self._started.append(process)
        return process

    def stop(self) -> None:
        """Ask, ask again, and end what does not listen; nothing is left behind."""
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGKILL):
            for process in self._started:
                if process.poll() is None:
                    _signal(process, number)
            deadline = time.monotonic() + GRACE_SECONDS
            while time.monotonic() < deadline and any(process.poll() is None for process in self._started):
                time.sleep(WATCH_SECONDS / 4)
        for process in self._started:
            process.wait()


def _server(options: Any) -> list[str]:
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--lifespan", "off"]
    command += ["--host", options["host"], "--port", str(options["port"])]
    command += ["--ws-max-size", str(SOCKET_MESSAGE_BYTES), "--timeout-graceful-shutdown", "3"]
    return [*command, "--reload" if options["reload"] else "--no-access-log"]


def _worker(options: Any) -> list[str]:
    return [sys.executable, sys.argv[0], "db_worker", "--reload" if options["reload"] else "--no-reload"]


def _signal(process: _Process, number: int) -> None:
    """To the whole session: a server or worker that reloads has a child that does the work."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:  # it ended this moment
        return


def _end_with_parent() -> None:
    """Linux: be told when the parent is killed, so that nothing is left running."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt
