"""Requests under ASGI: one thread from end to end, kept for the next one."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator

from config.serving import THREADS_KEPT, KeptThreads, OnePieceHandler

SCOPE: dict[str, Any] = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/health",
    "raw_path": b"/health",
    "query_string": b"",
    "headers": [(b"host", b"localhost")],
    "client": ("127.0.0.1", 5),
    "server": ("127.0.0.1", 80),
}


async def nothing() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


async def nowhere(message: Any) -> None: ...


def noting(seen: list[int], work: Callable[[], None] = lambda: None) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """An application that notes its thread, twice, with work in between."""

    def note() -> None:
        seen.append(threading.get_ident())

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await sync_to_async(note)()
        await sync_to_async(work)()
        await sync_to_async(note)()

    return application


def test_a_request_has_one_thread_and_the_next_one_the_same() -> None:
    seen: list[int] = []
    served = KeptThreads(noting(seen))

    async def ask() -> None:
        for _ in range(3):
            await served({}, nothing, nowhere)
            await idle(served, 1)

    asyncio.run(ask())
    assert len(seen) == 6
    assert len(set(seen)) == 1


async def idle(served: KeptThreads, count: int) -> None:
    async with asyncio.timeout(60):
        while served.idle_count < count:
            await asyncio.sleep(0.001)


def test_requests_at_one_time_have_a_thread_each_and_some_of_these_are_kept() -> None:
    together = THREADS_KEPT + 3
    seen: list[int] = []
    barrier = threading.Barrier(together, timeout=60)
    served = KeptThreads(noting(seen, lambda: barrier.wait() and None))

    async def ask() -> None:
        await asyncio.gather(*(served({}, nothing, nowhere) for _ in range(together)))
        await idle(served, THREADS_KEPT)

    asyncio.run(ask())
    assert len(set(seen)) == together
    assert served.idle_count == THREADS_KEPT


def test_a_thread_that_still_works_for_a_client_who_went_away_is_not_given_to_another() -> None:
    seen: list[int] = []
    begun, may_end = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        may_end.wait(60)

    works: list[Callable[[], None]] = [lambda: None, work]
    served = KeptThreads(noting(seen, lambda: works.pop()()))

    async def ask() -> None:
        left = asyncio.ensure_future(served({}, nothing, nowhere))
        await asyncio.to_thread(begun.wait, 60)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        assert served.idle_count == 0
        await served({}, nothing, nowhere)
        may_end.set()
        await idle(served, 2)

    asyncio.run(ask())
    assert len(set(seen)) == 2


@pytest.mark.django_db(transaction=True)
def test_django_answers_in_one_piece() -> None:
    async def ask() -> Any:
        client = ApplicationCommunicator(KeptThreads(OnePieceHandler()), SCOPE)
        await client.send_input({"type": "http.request", "body": b"", "more_body": False})
        start = await client.receive_output(60)
        body = await client.receive_output(60)
        await client.wait(60)
        return start["status"], body["body"]

    status, body = asyncio.run(ask())
    assert status == 200
    assert b"ok" in body
