"""How requests meet Django under ASGI: each in one thread from end to end, and the thread is kept for the next one.

Django would begin a thread and a database connection for every request, and hand it back and forth between the event
loop and that thread for every middleware; of a small answer, that is the larger part.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import django
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import connections
from django.http import HttpRequest, HttpResponseBase

THREADS_KEPT: Final = 8

Application = Callable[[Any, Any, Any], Awaitable[None]]  # scope, receive, send


class OnePieceHandler(ASGIHandler):
    """Django's handler with middleware and view in one piece: ours are synchronous, all of them."""

    def load_middleware(self, is_async: bool = False) -> None:
        """Make the chain of middleware, synchronous from end to end."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """The answer, made in the request's thread."""
        return await sync_to_async(self.get_response)(request)


class KeptThreads:
    """ASGI middleware for HTTP: the synchronous work of a request is done by a thread of its own, one that was idle.

    There are as many as requests at one time; of those that are idle, THREADS_KEPT stay, with their connections.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._idle: deque[ThreadPoolExecutor] = deque()

    @property
    def idle_count(self) -> int:
        """How many threads wait for a request."""
        return len(self._idle)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            thread = self._idle.pop()
        except IndexError:
            thread = ThreadPoolExecutor(1, thread_name_prefix="request")
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self._application(scope, receive, send)
        finally:
            # The thread says so itself: a client that went away leaves it with work that has yet to end.
            thread.submit(self._end, thread)

    def _end(self, thread: ThreadPoolExecutor) -> None:
        """Keep the thread, or let it go; done in the thread itself, after all that the request wanted of it."""
        if len(self._idle) < THREADS_KEPT:
            self._idle.append(thread)
            return
        connections.close_all()
        thread.shutdown(wait=False)


def get_application() -> OnePieceHandler:
    """Set Django up; its application for HTTP, to be served in KeptThreads."""
    django.setup(set_prefix=False)
    return OnePieceHandler()
