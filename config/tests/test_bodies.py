"""Bodies on their way in: too large, cut off, and without room on the disk."""

import asyncio
import errno
import hashlib
import json
from typing import Any

import pytest
from pytest_django import Settings

from config.bodies import DIGEST, BodyDigest, BodyLimit


class Caller:
    """A client that sends these blocks, and what it got."""

    def __init__(self, *blocks: bytes, headers: dict[str, str] | None = None) -> None:
        self.messages = [{"type": "http.request", "body": block, "more_body": True} for block in blocks]
        self.messages.append({"type": "http.request", "body": b"", "more_body": False})
        listed = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        self.scope: dict[str, Any] = {"type": "http", "headers": listed}
        self.answers: list[Any] = []

    async def receive(self) -> Any:
        return self.messages.pop(0)

    async def send(self, message: Any) -> None:
        self.answers.append(message)

    def ask(self, application: Any) -> Any:
        """The status, and the code of the problem."""
        asyncio.run(BodyLimit(application)(self.scope, self.receive, self.send))
        return self.answers[0]["status"], json.loads(self.answers[1]["body"])["code"]


async def read_all(scope: Any, receive: Any, send: Any) -> None:
    while (await receive())["more_body"]:
        pass


async def write_to_a_full_disk(scope: Any, receive: Any, send: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_body_that_says_that_it_is_too_large_is_not_read(settings: Settings) -> None:
    settings.UPLOAD_MAX_BYTES = 10
    caller = Caller(b"x" * 20, headers={"Content-Length": "20"})
    assert caller.ask(read_all) == (413, "too_large")
    assert len(caller.messages) == 2


def test_a_body_without_a_length_is_refused_where_it_goes_beyond_the_limit(settings: Settings) -> None:
    settings.UPLOAD_MAX_BYTES = 10
    caller = Caller(b"x" * 8, b"x" * 8, b"x" * 8)
    assert caller.ask(read_all) == (413, "too_large")
    assert len(caller.messages) == 2


def test_a_full_disk_is_told_as_such() -> None:
    assert Caller(b"x").ask(write_to_a_full_disk) == (507, "no_room")


def test_a_body_with_a_key_is_known_by_its_digest() -> None:
    caller = Caller(b"ab", b"c", headers={"Idempotency-Key": "k"})
    asyncio.run(BodyLimit(read_all)(caller.scope, caller.receive, caller.send))
    assert caller.scope[DIGEST] == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_the_boundary_of_a_multipart_body_is_no_part_of_its_identity(size: int) -> None:
    def digest(boundary: str) -> str:
        body = f"--{boundary}\r\n\r\nrows--bound\r\n--{boundary}--\r\n".encode()
        found = BodyDigest(f"multipart/form-data; boundary={boundary}")
        for start in range(0, len(body), size):
            found.update(body[start : start + size])
        return found.hexdigest()

    assert digest("boundary-one") == digest("another")
    assert digest("boundary-one") != hashlib.sha256(b"").hexdigest()
