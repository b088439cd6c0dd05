"""Watching jobs: the WebSocket, who may use it, and what many watchers cost."""

import asyncio
import json
import time
from contextlib import aclosing
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client

from config.asgi import application
from jobs import live, watching
from jobs.context import JobContext, Pulse
from jobs.execution import enqueue, run_now
from jobs.leases import claim, end
from jobs.live import Feed
from jobs.models import Job
from jobs.serializers import feed, snapshots

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_SECONDS = 60
HOST = (b"host", b"testserver")


class Watch:
    """A client of a WebSocket."""

    def __init__(self, path: str, *headers: tuple[bytes, bytes]) -> None:
        scope = {"type": "websocket", "path": path, "raw_path": path.encode(), "query_string": b"", "subprotocols": []}
        scope |= {"headers": [*headers] or [HOST], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)}
        self._socket = ApplicationCommunicator(application, scope)

    async def __aenter__(self) -> "Watch":
        await self._socket.send_input({"type": "websocket.connect"})
        assert (await self._socket.receive_output(PATIENCE_SECONDS))["type"] == "websocket.accept"
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._socket.send_input({"type": "websocket.disconnect", "code": 1001})
        await self._socket.wait(PATIENCE_SECONDS)

    async def next(self) -> Any:
        """The next message, or the code with which it was closed."""
        message = await self._socket.receive_output(PATIENCE_SECONDS)
        return message["code"] if message["type"] == "websocket.close" else json.loads(message["text"])

    async def send(self, **message: Any) -> None:
        await self._socket.send_input({"type": "websocket.receive", **message})


@pytest.fixture
def job(kind: Any) -> Job:
    kind(lambda context: {"rows": 3})
    return enqueue("test", {}, total=10)


@pytest.fixture
def is_open(settings: Any) -> None:
    settings.DEBUG, settings.API_ACCESS = True, "open"


def first(path: str, *headers: tuple[bytes, bytes]) -> Any:
    """What comes first at an address."""

    async def ask() -> Any:
        async with Watch(path, *headers) as watch:
            return await watch.next()

    return asyncio.run(ask())


def report(job: Job, done: int) -> None:
    """What a worker process would write."""
    claimed = claim(job.pk) or Job.objects.get(pk=job.pk)
    pulse = Pulse(claimed)
    JobContext(claimed, pulse).report(done=done)
    pulse.beat()


def test_a_watcher_sees_the_whole_state_then_progress_then_the_end(is_open, job):
    async def watch() -> None:
        async with Watch(f"/ws/jobs/{job.pk}") as socket:
            state = await socket.next()
            assert (state["type"], state["state"], state["total"], state["final"]) == ("progress", "queued", 10, False)
            await socket.send(text="not JSON", bytes=None)
            await socket.send(text=None, bytes=b"\0")
            await sync_to_async(report)(job, 4)
            while (state := await socket.next())["done"] != 4:
                assert state["state"] in {"queued", "running"}
            held = await Job.objects.aget()
            await sync_to_async(end)(held, Job.State.FINISHED, result={"rows": 3})
            state = await socket.next()
            assert (state["state"], state["result"], state["final"]) == ("finished", {"rows": 3}, True)
            assert await socket.next() == 1000

    asyncio.run(watch())


def test_a_job_that_has_ended_is_shown_and_closed(is_open, job):
    run_now(job)
    assert first(f"/ws/jobs/{job.pk.lower()}/")["final"] is True


@pytest.mark.parametrize("path", [f"/ws/jobs/{'0' * 26}", "/ws/jobs/1", "/ws/", "/"])
def test_what_is_not_there_closes_as_not_found(is_open, path):
    assert first(path) == 4404


@pytest.mark.parametrize(
    "headers",
    [
        [HOST, (b"origin", b"https://elsewhere.example")],
        [HOST, (b"origin", b"null")],
        [HOST, (b"sec-fetch-site", b"cross-site")],
        [HOST, (b"x-forwarded-for", b"127.0.0.1")],
        [(b"host", b"elsewhere.example")],
    ],
)
def test_who_may_not_read_may_not_watch(is_open, job, headers):
    assert first(f"/ws/jobs/{job.pk}", *headers) == 4403


def test_a_page_of_this_site_may_watch(is_open, job):
    assert first(f"/ws/jobs/{job.pk}", HOST, (b"origin", b"http://testserver"))["id"] == job.pk


def test_a_private_site_wants_a_session(settings, job, django_user_model):
    settings.API_ACCESS = "private"
    assert first(f"/ws/jobs/{job.pk}") == 4403
    user = django_user_model.objects.create_user("ann")
    client = Client()
    client.force_login(user)
    session = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    cookie = (b"cookie", f"{django_settings.SESSION_COOKIE_NAME}={session}".encode())
    assert first(f"/ws/jobs/{job.pk}", HOST, cookie)["id"] == job.pk
    user.set_password("another")
    user.save()
    assert first(f"/ws/jobs/{job.pk}", HOST, cookie) == 4403


@pytest.mark.parametrize("how", ["signs out", "is barred", "stays"])
def test_who_loses_access_while_watching_is_sent_nothing_more(settings, job, django_user_model, monkeypatch, how):
    settings.API_ACCESS = "private"
    monkeypatch.setattr(watching, "CHECK_SECONDS", 0)
    user = django_user_model.objects.create_user("ann")
    client = Client()
    client.force_login(user)
    name = django_settings.SESSION_COOKIE_NAME
    cookie = (b"cookie", f"{name}={client.cookies[name].value}".encode())

    def lose() -> None:
        if how == "signs out":
            client.logout()
        elif how == "is barred":
            django_user_model.objects.update(is_active=False)
        report(job, 4)

    async def watch() -> Any:
        async with Watch(f"/ws/jobs/{job.pk}", HOST, cookie) as socket:
            assert (await socket.next())["done"] == 0
            await sync_to_async(lose)()
            while isinstance(state := await socket.next(), dict) and state["done"] != 4:
                pass
            return state if state == 4403 else state["done"]

    assert asyncio.run(watch()) == (4 if how == "stays" else 4403)


def test_two_hundred_watchers_cost_no_more_queries_than_one(job):
    counted: list[str] = []

    def load(identities: Any) -> Any:
        with connection.execute_wrapper(lambda execute, sql, *given: (counted.append(sql), execute(sql, *given))[1]):
            return snapshots(identities)

    shared = Feed(load, feed.channel)

    async def watch() -> float:
        started = time.monotonic()
        seen: list[int] = [0]

        async def one() -> int:
            async with aclosing(shared.follow(job.pk)) as states:
                async for state in states:
                    seen[0] += 1
                    if state is None or state["done"] == 5:
                        return 0 if state is None else state["done"]
            return 0

        watchers = [asyncio.create_task(one()) for _ in range(200)]
        for done in range(1, 6):
            target = seen[0] + 200
            while seen[0] < target:
                await asyncio.sleep(0.01)
            await sync_to_async(report)(job, done)
        assert await asyncio.gather(*watchers) == [5] * 200
        return time.monotonic() - started

    seconds = asyncio.run(asyncio.wait_for(watch(), PATIENCE_SECONDS))
    assert len([sql for sql in counted if "jobs_job" in sql]) <= seconds / live.PAUSE_SECONDS + 1
    assert {len(follower._watchers) for follower in shared._followers.values()} <= {0}


def test_who_is_slow_sees_the_last_state_only(job):
    async def watch() -> None:
        async with aclosing(feed.follow(job.pk)) as slow, aclosing(feed.follow(job.pk)) as quick:
            assert (await anext(slow))["done"] == 0
            for done in (1, 2, 3):
                await sync_to_async(report)(job, done)
                while (await anext(quick))["done"] != done:
                    pass
            assert (await anext(slow))["done"] == 3

    asyncio.run(asyncio.wait_for(watch(), PATIENCE_SECONDS))


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite can't tell of a change")
def test_postgres_tells_of_a_change_so_that_nobody_has_to_look(job, monkeypatch):
    monkeypatch.setattr(live, "PATIENCE_SECONDS", 10_000)

    async def watch() -> None:
        async with aclosing(feed.follow(job.pk)) as states:
            await anext(states)
            follower = feed._followers[asyncio.get_running_loop()]
            while not follower._is_listening:
                await asyncio.sleep(0.01)
            for done in (1, 2):
                await sync_to_async(report)(job, done)
                while (await anext(states))["done"] != done:
                    pass

    asyncio.run(asyncio.wait_for(watch(), PATIENCE_SECONDS))


def test_a_look_that_fails_is_repeated(job):
    failures = iter([RuntimeError("once")])

    def load(identities: Any) -> Any:
        for failure in failures:
            raise failure
        return snapshots(identities)

    async def watch() -> Any:
        async with aclosing(Feed(load, feed.channel).follow(job.pk)) as states:
            return await anext(states)

    assert asyncio.run(asyncio.wait_for(watch(), PATIENCE_SECONDS))["id"] == job.pk
