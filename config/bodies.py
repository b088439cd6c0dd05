"""Bodies of requests on their way in: at most `settings.UPLOAD_MAX_BYTES`, counted and known by digest as they come.

Django's ASGI handler spools a body to disk before anything looks at it, so what is too large, and a disk that is full,
are met here, around that handler. Under WSGI the body is read by whoever wants it; `body_digest` spools it first.
"""

import hashlib
import tempfile
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest

from config.api.errors import MEDIA_TYPE, NO_ROOM, ProblemDetails, no_room
from config.api.streams import close_unsent
from config.exact_json import dump_json
from config.models import new_ulid

BLOCK_BYTES: Final = 1024 * 1024
DIGEST: Final = "exemplar.body_digest"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]  # scope, Receive, Send


class BodyDigest:
    """The SHA-256 of a body, a block at a time. The boundary of a multipart body, which each sending makes anew, is
    left out of it."""

    def __init__(self, content_type: str) -> None:
        self._hash = hashlib.sha256()
        kind, _, parameters = content_type.partition(";")
        found = parameters.partition("boundary=")[2].split(";")[0].strip().strip('"')
        self._boundary = found.encode("latin1") if kind.strip().lower() == "multipart/form-data" else b""
        self._rest = b""

    def update(self, block: bytes) -> None:
        """Take the next bytes."""
        if not self._boundary:
            self._hash.update(block)
            return
        *pieces, last = (self._rest + block).split(self._boundary)
        for piece in pieces:
            self._hash.update(piece)
        cut = max(len(last) - len(self._boundary) + 1, 0)
        self._hash.update(last[:cut])
        self._rest = last[cut:]

    def hexdigest(self) -> str:
        """The digest of all bytes so far."""
        whole = self._hash.copy()
        whole.update(self._rest)
        return whole.hexdigest()


class _TooLargeError(Exception):
    """The body goes beyond the limit."""


class BodyLimit:
    """ASGI middleware around Django: refuses a body beyond the limit as soon as that is known, and one that finds no
    room on the disk; notes the digest of a body that is sent with an `Idempotency-Key`."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin1") for name, value in scope["headers"]}
        body = _Body(scope, headers, receive)
        answer = _Answer(send)
        try:
            body.check_announced()
            await self._application(scope, body.receive, answer.send)
        except _TooLargeError:
            message = f"An upload has at most {settings.UPLOAD_MAX_BYTES} bytes."
            await answer.refuse(ProblemDetails(413, "too_large", "The body is too large", message))
        except OSError as error:
            if error.errno not in NO_ROOM or answer.is_begun:
                raise
            await answer.refuse(no_room())
        finally:
            await close_unsent(scope)


class _Body:
    """The body of one request, counted as it is received."""

    def __init__(self, scope: Any, headers: Mapping[bytes, str], receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        self._announced = headers.get(b"content-length", "")
        self._digest = BodyDigest(headers.get(b"content-type", "")) if b"idempotency-key" in headers else None
        self._bytes = 0

    def check_announced(self) -> None:
        """Raise if the body says itself that it is too large."""
        if self._announced.isdecimal() and int(self._announced) > settings.UPLOAD_MAX_BYTES:
            raise _TooLargeError

    async def receive(self) -> Message:
        """The next message of the client."""
        message = await self._receive()
        if message["type"] != "http.request":
            return message
        block = message.get("body", b"")
        self._bytes += len(block)
        if self._bytes > settings.UPLOAD_MAX_BYTES:
            raise _TooLargeError
        if self._digest:
            self._digest.update(block)
            if not message.get("more_body", False):
                self._scope[DIGEST] = self._digest.hexdigest()
        return message


class _Answer:
    """The way back to the client of one request."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.is_begun = False

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        self.is_begun = True
        await self._send(message)

    async def refuse(self, details: ProblemDetails) -> None:
        """Answer with a problem."""
        identity = new_ulid()
        content = dump_json(details.document(identity))
        headers = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(content)), "X-Request-ID": identity}
        listed = [(name.lower().encode(), value.encode()) for name, value in {**headers, **details.headers}.items()]
        await self.send({"type": "http.response.start", "status": details.status, "headers": listed})
        await self.send({"type": "http.response.body", "body": content})


def body_digest(request: HttpRequest) -> str:
    """The digest of a request's body, as `BodyDigest` has it; the body can still be read."""
    known: str | None = getattr(request, "scope", {}).get(DIGEST)
    if known is not None:
        return known
    digest = BodyDigest(request.headers.get("Content-Type", ""))
    spooled: Any = tempfile.SpooledTemporaryFile(max_size=settings.FILE_UPLOAD_MAX_MEMORY_SIZE)  # noqa: SIM115 (stays)
    while block := request.read(BLOCK_BYTES):
        digest.update(block)
        spooled.write(block)
    spooled.seek(0)
    request._stream = spooled  # what Django reads the body from
    request._read_started = False  # type: ignore[attr-defined]
    return digest.hexdigest()
