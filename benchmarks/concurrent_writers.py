"""How long a single write waits while another thread writes without pause, on SQLite: Django's backend beside ours.

`python -m benchmarks.concurrent_writers [SECONDS]`. The one holds the write lock for some milliseconds in every
transaction, as a small write of Exemplar does, and begins the next one at once; the other wants to write a row every
now and then. Under Django's backend SQLite lets who finds it busy sleep for up to 0.1 s and look again; ours lets the
writers of a process take turns (config.databases.sqlite).
"""

import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

import django
from django.conf import settings
from django.db.utils import ConnectionHandler

HELD_SECONDS = 0.02
PAUSE_SECONDS = 0.1
ENGINES = {"SQLite alone": "django.db.backends.sqlite3", "in turn": "config.databases.sqlite"}
OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 60,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
}


def write(databases: ConnectionHandler, seconds: float = 0) -> None:
    """One transaction that holds the lock for so long."""
    database = databases["default"]
    database.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    with database.cursor() as cursor:
        cursor.execute("INSERT INTO row DEFAULT VALUES")
    time.sleep(seconds)
    database.commit()
    database.set_autocommit(True)


def measure(engine: str, path: Path, seconds: float) -> tuple[list[float], int]:
    """Milliseconds that each single write took, and how many writes the other thread did meanwhile."""
    databases = ConnectionHandler({"default": {"ENGINE": engine, "NAME": str(path), "OPTIONS": OPTIONS}})
    with databases["default"].cursor() as cursor:
        cursor.execute("CREATE TABLE row (id INTEGER PRIMARY KEY)")
    is_over, others = threading.Event(), []

    def write_without_pause() -> None:
        while not is_over.is_set():
            write(databases, HELD_SECONDS)
            others.append(1)
        databases["default"].close()

    thread = threading.Thread(target=write_without_pause)
    thread.start()
    waits = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
        started = time.perf_counter()
        write(databases)
        waits.append((time.perf_counter() - started) * 1000)
    is_over.set()
    thread.join()
    databases["default"].close()
    return waits, len(others)


def main() -> None:
    settings.configure(USE_TZ=True)
    django.setup()
    seconds = float(sys.argv[1]) if sys.argv[1:] else 20
    print(f"{'a single write beside another thread':40}{'median':>10}{'longest':>12}{'of':>6}{'other':>8}")
    with tempfile.TemporaryDirectory(prefix="exemplar-benchmark-") as directory:
        for name, engine in ENGINES.items():
            waits, others = measure(engine, Path(directory) / f"{engine}.sqlite3", seconds)
            line = f"{median(waits):>7.0f} ms{max(waits):>9.0f} ms{len(waits):>6}{others:>8}"
            print(f"{name:40}{line}", flush=True)


if __name__ == "__main__":
    main()
