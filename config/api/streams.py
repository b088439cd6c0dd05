"""Bodies that are too large to hold: answers sent block by block, uploads read block by block."""

import asyncio
import os
import shutil
import tempfile
import zlib
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.http import content_disposition_header

BLOCK_BYTES: Final = 1024 * 1024
UNSENT: Final = "exemplar.unsent"  # where an ASGI scope holds the blocks of its answer
COMPRESSION_LEVEL: Final = 1  # half as much again as the best, at a fifth of its time


def stream_response(
    request: HttpRequest, blocks: Iterator[bytes], media_type: str, file_name: str, is_text: bool = False
) -> StreamingHttpResponse:
    """Send blocks as they come. The first two are made at once, the head of a format and its first rows: what is
    in their way is answered as an error.

    is_text: the blocks are worth to be compressed, where the client takes gzip. Under ASGI Django would first gather a
    plain iterator in memory, so it gets another.
    """
    if isinstance(request, ASGIRequest):
        scope: Any = request.scope
        scope[UNSENT] = blocks
    blocks = _begun(blocks)
    is_compressed = is_text and "gzip" in _encodings(request)
    if is_compressed:
        blocks = compressed(blocks)
    body = _as_async(blocks) if isinstance(request, ASGIRequest) else blocks
    response = StreamingHttpResponse(body, content_type=media_type)
    response["Content-Disposition"] = content_disposition_header(True, file_name) or "attachment"
    if is_text:
        patch_vary_headers(response, ["Accept-Encoding"])
    if is_compressed:
        response["Content-Encoding"] = "gzip"
    return response


async def close_unsent(scope: Mapping[str, Any]) -> None:
    """Close the blocks of an ASGI request that is over.

    Django drops the answer of a client that went away while it was made: nobody closes it, and its files would stay.
    """
    blocks = scope.get(UNSENT)
    if isinstance(blocks, Generator):
        await sync_to_async(blocks.close)()


def _begun(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same blocks; the first two are there already, as one."""
    first = b"".join(islice(blocks, 2))

    def all_of_them() -> Iterator[bytes]:
        try:
            yield first
            yield from blocks
        finally:
            if isinstance(blocks, Generator):
                blocks.close()

    return all_of_them()


def _encodings(request: HttpRequest) -> set[str]:
    """The content codings that the client takes (RFC 9110, 12.5.3)."""
    taken = set()
    for word in request.headers.get("Accept-Encoding", "").split(","):
        coding, _, parameter = word.partition(";")
        if parameter.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}:
            taken.add(coding.strip().lower())
    return taken


def compressed(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks as one gzip member. Each is flushed, so that nothing waits for what comes after it."""
    packer = zlib.compressobj(COMPRESSION_LEVEL, wbits=31)
    for block in blocks:
        yield packer.compress(block) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


async def _as_async(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The blocks, each made while the one before it is sent. A client that goes away ends the work."""

    def following() -> bytes | None:
        return next(blocks, None)

    def close() -> None:
        if isinstance(blocks, Generator):
            blocks.close()

    # One thread serves a request, so that a block that is being made is done before the blocks are closed.
    coming = asyncio.ensure_future(sync_to_async(following)())
    try:
        while (block := await asyncio.shield(coming)) is not None:
            coming = asyncio.ensure_future(sync_to_async(following)())
            yield block
    finally:
        coming.cancel()
        await asyncio.shield(sync_to_async(close)())


class UploadReader:
    """The body of a request as a stream of at most `settings.UPLOAD_MAX_BYTES`. Raises RequestDataTooBig beyond."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.limit = settings.UPLOAD_MAX_BYTES
        self.read_bytes = 0
        if int(request.META.get("CONTENT_LENGTH") or 0) > self.limit:
            self._refuse()

    def read(self, size: int = -1) -> bytes:
        """The next bytes of the body, at most `size`."""
        block = self.request.read(size) if size >= 0 else self.request.read()
        self.count(len(block))
        return block

    def count(self, size_bytes: int) -> None:
        """Note that so many bytes more were read."""
        self.read_bytes += size_bytes
        if self.read_bytes > self.limit:
            self._refuse()

    def _refuse(self) -> None:
        raise RequestDataTooBig(f"An upload has at most {self.limit} bytes.")


def body_size(request: HttpRequest) -> int:
    """How many bytes the body has: counted where it stands on disk already, else as it says itself, or 0."""
    spooled = _spooled(request)
    if spooled is None:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    place = spooled.tell()
    size = spooled.seek(0, os.SEEK_END)
    spooled.seek(place)
    return size


@contextmanager
def seekable_body(request: HttpRequest, directory: Path) -> Iterator[BinaryIO]:
    """The body of a request, to be read as often as it takes: a write that another one overtook reads it again.

    Under ASGI it stands on disk already, beyond the first bytes; else it is brought to `directory`. Raises
    RequestDataTooBig.
    """
    reader = UploadReader(request)
    spooled = _spooled(request)
    if spooled is not None:
        reader.count(body_size(request))
        spooled.seek(0)
        yield spooled
        return
    with (directory / "body").open("w+b") as body:
        shutil.copyfileobj(reader, body, BLOCK_BYTES)
        body.seek(0)
        yield body


def _spooled(request: HttpRequest) -> Any:
    """The file of a body that was received whole before anything looked at it; None where it wasn't."""
    stream = getattr(request, "_stream", None)
    return stream if isinstance(stream, tempfile.SpooledTemporaryFile) else None
