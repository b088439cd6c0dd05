"""The WebSocket of anything that a Feed follows. Who may read the API may watch."""

import asyncio
import io
import time
from contextlib import aclosing
from typing import Any, ClassVar

from channels.auth import AuthMiddlewareStack, get_user
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest

from config.access import is_foreign, is_open_to
from config.exact_json import dump_json
from jobs.live import Feed

NOT_ALLOWED = 4403
NOT_FOUND = 4404
ENDED = 1000
CHECK_SECONDS = 60.0  # after which who is sent something is asked for again


class WatchConsumer(AsyncJsonWebsocketConsumer):
    """Sends the whole state, then each newer one, and closes after the last: 1000; 4403 and 4404 as in HTTP.

    A subclass names its `feed`. The address holds the `id`. What the client sends is not listened to.
    """

    feed: ClassVar[Feed]
    _sending: asyncio.Task[None] | None = None
    _checked_at = 0.0

    async def connect(self) -> None:
        """Let in who may; a browser sees a code of ours only on a connection that was accepted."""
        await self.accept()
        if may_watch(self.scope):
            self._checked_at = time.monotonic()
            self._sending = asyncio.create_task(self._send_all())
        else:
            await self.close(NOT_ALLOWED)

    async def _send_all(self) -> None:
        identity = self.scope["url_route"]["kwargs"]["id"].upper()
        async with aclosing(self.feed.follow(identity)) as payloads:
            async for payload in payloads:
                if payload is None:
                    await self.close(NOT_FOUND)
                    return
                if not await self._may_still_watch():
                    await self.close(NOT_ALLOWED)
                    return
                await self.send_json(self.message(payload))
        await self.close(ENDED)

    async def _may_still_watch(self) -> bool:
        """Whoever came in may have signed out since, or lost the account."""
        if time.monotonic() - self._checked_at < CHECK_SECONDS:
            return True
        self._checked_at = time.monotonic()
        session = self.scope["session"]
        stored = session.__class__(session.session_key)  # as it is now, and not as it was read then
        return may_watch({**self.scope, "user": await get_user({"session": stored})})

    def message(self, payload: dict[str, Any]) -> dict[str, Any]:
        """What this client is sent of a state: all of it."""
        return payload

    async def receive(self, text_data: Any = None, bytes_data: Any = None, **options: Any) -> None:
        """Nothing is taken from a client."""

    async def disconnect(self, code: int) -> None:
        """End with the connection."""
        if self._sending:
            self._sending.cancel()

    @classmethod
    async def encode_json(cls, content: Any) -> str:
        return dump_json(content).decode()


class NoSuchWatch(AsyncJsonWebsocketConsumer):
    """Every other address."""

    async def connect(self) -> None:
        await self.accept()
        await self.close(NOT_FOUND)


def may_watch(scope: Any) -> bool:
    """Whether the caller may read, as config.access says of a request, from a page of this site or from none."""
    request = ASGIRequest({**scope, "type": "http", "method": "GET"}, io.BytesIO())
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return not is_foreign(request) and (scope["user"].is_authenticated or is_open_to(request))


def with_session(application: Any) -> Any:
    """Around WebSockets: the user of the session's cookie."""
    return AuthMiddlewareStack(application)
