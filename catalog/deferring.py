"""Imports that a worker does while their sender goes on: the file is kept in the database, and a Job imports it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO, Final

from django.conf import settings
from django.db import transaction

from catalog.importing import Mode
from catalog.staged_uploads import discard, stage
from config.claims import note_done
from jobs.execution import enqueue
from jobs.health import has_workers
from jobs.models import Job

IMPORT_ROWS: Final = "import_rows"


@dataclass(frozen=True)
class WantedImport:
    """What a Job is to import, but for the bytes; JSON, as its arguments hold it.

    table: its id; a new one has `new` instead, its `object` (an id), `name` and `description`. is_listed: whether the
    bytes are rows that came in a JSON body, one in each line. file_name, media_type, options: what is said of a file
    (catalog.formats.opening).
    """

    mode: Mode
    table: str | None = None
    new: Mapping[str, str] = field(default_factory=dict)
    lenient: bool = False
    message: str = ""
    expected_version: int | None = None
    is_listed: bool = False
    file_name: str = ""
    media_type: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


def is_large(size_bytes: int) -> bool:
    """Whether an upload is left to a worker without being asked for; only where one is there to take it."""
    return size_bytes > settings.IMPORT_ASYNC_BYTES and has_workers()


def defer_import(stream: BinaryIO, wanted: WantedImport, author: Any = None) -> Job:
    """A Job that imports what the stream holds, in the queue. Raises RequestDataTooBig."""
    upload = stage(stream)
    try:
        with transaction.atomic():
            arguments = {"upload": upload.pk, "import": asdict(wanted)}
            upload.job = enqueue(
                IMPORT_ROWS, arguments, author=author, total=upload.size_bytes, message="Waiting for a worker."
            )
            upload.save(update_fields=["job"])
            note_done()
    except Exception:
        discard(upload)
        raise
    return upload.job
