"""A run watched in a real browser while a worker executes it, both processes of their own."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import expect

from config.tests.test_browser import browser, shows, visit
from jobs.tests.test_processes import ROOT, WAIT_SECONDS, environment, wait_for_answer

__all__ = ["browser", "environment"]
PATIENCE = WAIT_SECONDS * 1000

pytestmark = pytest.mark.xdist_group("browser")


def manage(environment: dict[str, str], *words: str) -> None:
    subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=environment, check=True, capture_output=True)


def ask(address: str, body: Any) -> Any:
    headers = {"Content-Type": "application/json", "Prefer": "respond-async"}
    request = urllib.request.Request(address, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as answer:
        return json.load(answer)


def test_verdicts_appear_as_they_fall_and_the_page_ends_with_the_run(browser, environment):
    environment["DJANGO_ALLOW_ASYNC_UNSAFE"] = ""
    manage(environment, "migrate", "-v0")
    manage(environment, "load_package", "examples/jaffle_shop", "--application", "demo")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    site = f"http://127.0.0.1:{port}"
    serve = [sys.executable, "manage.py", "serve", "--port", str(port), "--workers", "0"]
    with subprocess.Popen(serve, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for_answer(site + "/health", server)
            run = ask(site + "/api/v1/runs", {"application": "demo"})
            page, errors = visit(browser)
            told: list[str] = []
            page.on("websocket", lambda feed: feed.on("framereceived", lambda message: told.append(str(message))))
            page.goto(f"{site}/runs/{run['id']}")
            shows(page.locator(".live"), "0 of 33 judged")
            worker = subprocess.Popen([sys.executable, "manage.py", "db_worker"], cwd=ROOT, env=environment)
            try:
                expect(page.locator("h1 .verdict")).to_have_text("failed", timeout=PATIENCE)
            finally:
                os.kill(worker.pid, signal.SIGTERM)
                worker.wait(WAIT_SECONDS)
            shows(page.locator(".counts"), "31 passed")
            expect(page.get_by_role("region", name="Verdicts").locator("tbody tr")).to_have_count(33)
            assert [each for each in told if '"running"' in each]
            assert errors == []
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(WAIT_SECONDS)
