"""Real workers, killed and stopped, on the database that the tests run on."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection

from config.models import new_ulid

ROOT = Path(__file__).resolve().parents[2]
WAIT_SECONDS = 300

pytestmark = pytest.mark.xdist_group("processes")


@pytest.fixture
def environment(tmp_path: Path, worker_id: str) -> Iterator[dict[str, str]]:
    """An empty database of its own, for processes of their own."""
    given = {**os.environ, "SECRET_KEY": "x" * 50, "DEBUG": "true", "PARTS_CACHE_DIR": str(tmp_path / "parts")}
    if connection.vendor == "sqlite":
        yield {**given, "DATABASE_URL": f"sqlite:///{tmp_path / 'jobs.sqlite3'}"}
        return
    settings = connection.settings_dict
    user = f"{settings['USER']}:{settings['PASSWORD']}" if settings["PASSWORD"] else settings["USER"]
    server = f"postgres://{user}@{settings['HOST']}:{settings['PORT']}"
    name = f"{settings['NAME']}_processes_{worker_id}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as maker:
        maker.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        maker.execute(f'CREATE DATABASE "{name}"')
        yield {**given, "DATABASE_URL": f"{server}/{name}"}
        maker.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def output_of(environment, module, *arguments):
    """What a program that ends well says."""
    outcome = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


def test_a_job_whose_workers_are_killed_does_each_step_once(environment):
    told = output_of(environment, "benchmarks.jobs_crash", "150", "1")
    assert "150 steps were done, 150 of them different; 150 are told" in told


def test_each_case_of_a_run_whose_workers_are_killed_is_judged_once(environment):
    told = output_of(environment, "benchmarks.jobs_runs", "60", "1")
    assert "60 results, 60 cases; 60 are counted as passed, 60 in all" in told


def test_the_site_and_its_worker_end_together(environment):
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "manage.py", "serve", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) as site:
        children: set[int] = set()
        try:
            wait_for_answer(f"http://127.0.0.1:{port}/health", site)
            children = children_of(site.pid)
            assert len(children) == 2
        finally:
            site.send_signal(signal.SIGINT)
            site.communicate(timeout=WAIT_SECONDS)
    assert site.returncode == 0
    assert not [child for child in children if Path(f"/proc/{child}").exists()]


@pytest.fixture
def broker(environment: dict[str, str]) -> dict[str, str]:
    """Celery over the Redis of this machine, on a database of its own there."""
    address = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/9")
    try:
        socket.create_connection((urlsplit(address).hostname, urlsplit(address).port or 6379), timeout=5).close()
    except OSError as error:
        pytest.skip(f"no Redis answers at {address}: Celery was not tried ({error})")
    return {**environment, "TASKS_BACKEND": "celery", "CELERY_BROKER_URL": address, "CELERY_QUEUE": new_ulid()}


def test_a_celery_worker_does_what_is_enqueued_and_what_was_lost(broker):
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=broker, check=True)
    command = [sys.executable, "-m", "celery", "-A", "jobs.tests.celery_kinds", "worker", "-c1", "-lWARNING"]
    broker["JOB_LEASE_SECONDS"] = "2"
    with subprocess.Popen(command, cwd=ROOT, env=broker) as worker:
        try:
            outcome = subprocess.run(
                [sys.executable, "-m", "jobs.tests.celery_kinds"],
                cwd=ROOT,
                env=broker,
                capture_output=True,
                text=True,
                timeout=WAIT_SECONDS,
            )
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(WAIT_SECONDS)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert outcome.stdout.split() == ["finished", "1", "rolled_back", "finished", "2"]


def wait_for_answer(address: str, site: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            urllib.request.urlopen(address, timeout=10).close()
            return
        except OSError:
            if time.monotonic() > deadline or site.poll() is not None:
                raise
            time.sleep(0.1)


def children_of(process: int) -> set[int]:
    listed = Path(f"/proc/{process}/task/{process}/children")
    return {int(child) for child in listed.read_text().split()}
