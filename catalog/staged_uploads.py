"""The bytes of uploads that a Job is to import, in the database: it is all that web servers and workers share.

They are written and read a chunk at a time, each in a transaction of its own, and deleted a few at a time, so that
nobody waits long for them and none is ever held in memory whole.
"""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import transaction

from catalog.models import StagedChunk, StagedUpload

CHUNK_BYTES: Final = 4 * 1024**2
DELETED_AT_ONCE: Final = 16


class LostUploadError(Exception):
    """Bytes of a staged upload are not there any more."""

    def __init__(self) -> None:
        super().__init__("The file that was kept for this import is gone; send it again.")


def stage(stream: BinaryIO) -> StagedUpload:
    """Keep what a stream holds from its start on. Raises RequestDataTooBig beyond settings.UPLOAD_MAX_BYTES."""
    sweep()
    stream.seek(0)
    upload = StagedUpload.objects.create()
    try:
        position = 0
        while content := stream.read(CHUNK_BYTES):
            upload.size_bytes += len(content)
            if upload.size_bytes > settings.UPLOAD_MAX_BYTES:
                raise RequestDataTooBig(f"An upload has at most {settings.UPLOAD_MAX_BYTES} bytes.")
            StagedChunk.objects.create(upload=upload, position=position, content=content)
            position += 1
        upload.save(update_fields=["size_bytes"])
    except Exception:
        discard(upload)
        raise
    return upload


def fetch(upload: StagedUpload, path: Path, check: Callable[[], None]) -> BinaryIO:
    """A file at `path` with the bytes; `check` is called before each chunk. Raises LostUploadError."""
    with path.open("wb") as file:
        position = 0
        while file.tell() < upload.size_bytes:
            check()
            content = upload.chunks.filter(position=position).values_list("content", flat=True).first()
            if content is None:
                raise LostUploadError
            file.write(content)
            position += 1
    return path.open("rb")


def delete_chunks(upload: StagedUpload, may_go_on: Callable[[], bool] = lambda: True) -> None:
    """Delete the bytes; may_go_on: is asked in the transaction of each deletion."""
    while True:
        with transaction.atomic():
            found = list(upload.chunks.values_list("pk", flat=True)[:DELETED_AT_ONCE]) if may_go_on() else []
            if not found:
                return
            StagedChunk.objects.filter(pk__in=found).delete()


def discard(upload: StagedUpload) -> None:
    """Delete an upload that no Job will read."""
    delete_chunks(upload)
    upload.delete()


def sweep() -> None:
    """Delete what is left: uploads whose Job has ended, and those whose sender vanished. One query if there are none.

    Any number of processes may do this at the same time.
    """
    for upload in StagedUpload.objects.left_over():
        discard(upload)
