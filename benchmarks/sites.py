"""Sites to measure over HTTP: each is a real server process on loopback, with a database of its own."""

import http.client
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psycopg

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60
IDLE_SECONDS = 2
BLOCK_BYTES = 1024 * 1024
BENCH_PYTHON = ROOT / ".venv-bench" / "bin" / "python"


@dataclass
class Answer:
    """What a server said: its status, its body, and seconds to its first byte and to its last."""

    status: int
    body: bytes
    first_byte_seconds: float
    seconds: float

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Site:
    """A server, spoken to over one connection that is kept open."""

    def __init__(self, port: int, process: "subprocess.Popen[bytes]") -> None:
        self.port = port
        self.process = process
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        self.used_at = 0.0

    def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, keep: bool = True
    ) -> Answer:
        """One request. body: a file, bytes, or a JSON value. keep: whether the answer's body is wanted."""
        given = dict(headers or {})
        if body is not None and not isinstance(body, bytes) and not hasattr(body, "read"):
            body = json.dumps(body).encode()
            given.setdefault("Content-Type", "application/json")
        if hasattr(body, "fileno"):
            given["Content-Length"] = str(os.fstat(body.fileno()).st_size)
        if time.monotonic() - self.used_at > IDLE_SECONDS:
            self.connection.close()  # the server may have closed it; it opens again by itself
        started = time.perf_counter()
        self.connection.request(method, path, body, given)
        response = self.connection.getresponse()
        first = response.read(1)
        first_byte = time.perf_counter() - started
        blocks = [first]
        while block := response.read(BLOCK_BYTES):
            if keep:
                blocks.append(block)
        answer = Answer(response.status, b"".join(blocks), first_byte, time.perf_counter() - started)
        self.used_at = time.monotonic()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.body[:1000].decode()}")
        return answer


@contextmanager
def served(command: list[str], port: int, environment: Mapping[str, str], probe: str) -> Iterator[Site]:
    """A server process for as long as the block lasts, once it answers. What it prints is shown if it never does."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        )
        site = Site(port, process)
        try:
            _await_answer(site, probe, output)
            yield site
        finally:
            site.connection.close()
            process.terminate()
            process.wait(timeout=20)


def _await_answer(site: Site, probe: str, output: IO[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            site.send("GET", probe)
            return
        except (OSError, http.client.HTTPException) as error:
            site.connection.close()
            if time.monotonic() > deadline or site.process.poll() is not None:
                output.seek(0)
                raise RuntimeError(output.read()[-2000:].decode()) from error
            time.sleep(0.1)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def manage(module: str, environment: Mapping[str, str], *arguments: str) -> None:
    """Run a management command of a site."""
    program = "import sys; from django.core.management import execute_from_command_line as run; run(sys.argv)"
    settings = {**environment, "DJANGO_SETTINGS_MODULE": module}
    subprocess.run([sys.executable, "-c", program, *arguments], check=True, cwd=ROOT, env={**os.environ, **settings})


@contextmanager
def exemplar(directory: Path, database_url: str | None = None) -> Iterator[Site]:
    """Exemplar, with an empty database in the directory, or over one that is given."""
    environment = {
        "SECRET_KEY": "only-for-benchmarks-0123456789-0123456789-0123456789",
        "DATABASE_URL": database_url or f"sqlite:///{directory}/exemplar.sqlite3",
        "PARTS_CACHE_DIR": f"{directory}/parts",
        "DEBUG": "true",  # open to loopback: nobody signs in on either side
    }
    manage("config.settings", environment, "migrate", "--verbosity", "0")
    port = free_port()
    with served([*_uvicorn(port), "config.asgi:application"], port, environment, "/health") as site:
        yield site


@contextmanager
def plain(directory: Path, database_url: str | None = None) -> Iterator[Site]:
    """The hand-written site, with an empty database."""
    environment = {"DATABASE_URL": database_url or f"sqlite:///{directory}/plain.sqlite3"}
    manage("benchmarks.plain.settings", environment, "migrate", "--run-syncdb", "--verbosity", "0")
    port = free_port()
    with served([*_uvicorn(port), "benchmarks.plain.asgi:application"], port, environment, "/sheets/") as site:
        yield site


def _uvicorn(port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port)),
        *("--lifespan", "off", "--no-access-log", "--log-level", "warning"),
    ]


@contextmanager
def datasette(directory: Path) -> Iterator[Site]:
    """Datasette over an empty SQLite database that anybody may write to."""
    database = directory / "datasette.db"
    with sqlite3.connect(database) as connection:
        connection.execute("VACUUM")
    port = free_port()
    settings = ["max_insert_rows 10000", "max_returned_rows 1000", "sql_time_limit_ms 60000", "allow_csv_stream on"]
    permissions = ["create-table", "insert-row", "alter-table", "update-row", "delete-row"]
    command = [
        *(str(BENCH_PYTHON), "-m", "datasette", "serve", str(database), "--host", "127.0.0.1", "--port", str(port)),
        *(word for setting in settings for word in ("--setting", *setting.split())),
        *(word for name in permissions for word in ("--setting", f"permissions.{name}", "true")),
    ]
    with served(command, port, {}, "/-/versions.json") as site:
        yield site


def empty_database(server: str, name: str) -> str:
    """A new, empty database on this PostgreSQL server."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server.rsplit('/', 1)[0]}/{name}"
