"""Bodies that are too large to hold: answers sent block by block, uploads read block by block."""

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header


def stream_response(
    request: HttpRequest, blocks: Iterator[bytes], media_type: str, file_name: str
) -> StreamingHttpResponse:
    """Send blocks as they come. Under ASGI Django would first gather a plain iterator in memory, so it gets another."""
    body = _as_async(blocks) if isinstance(request, ASGIRequest) else blocks
    response = StreamingHttpResponse(body, content_type=media_type)
    response["Content-Disposition"] = content_disposition_header(True, file_name) or "attachment"
    return response


async def _as_async(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    def following() -> bytes | None:
        return next(blocks, None)

    while (block := await sync_to_async(following)()) is not None:
        yield block


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
        self.read_bytes += len(block)
        if self.read_bytes > self.limit:
            self._refuse()
        return block

    def _refuse(self) -> None:
        raise RequestDataTooBig(f"An upload has at most {self.limit} bytes.")
