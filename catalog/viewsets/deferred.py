"""Imports over REST that are left to a worker: `Prefer: respond-async` (RFC 7240), or a body that is very large.

The answer is 202 with the Job; what it ends with is what the import would have answered.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO, Final

from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from catalog.deferring import WantedImport, defer_import, is_large
from catalog.models import Table
from catalog.sources import JSONRows
from catalog.viewsets.files import received_file
from catalog.writing import StaleVersionError
from config import temporary
from config.api.preferences import Preferences
from config.api.streams import body_size
from config.api.viewsets import author
from jobs.models import Job
from jobs.serializers import JOB_EXAMPLE, JobSerializer

RESPOND_ASYNC: Final = "respond-async"
ACCEPTED: Final = OpenApiResponse(
    JobSerializer,
    "A worker does it: the job, which is also at `Location`. Its `result` names the table, its new version, what was "
    "done, and where the rows are that were set aside; its `error` is the problem that would have been answered.",
    [OpenApiExample("An import that waits", {**JOB_EXAMPLE, "state": "queued", "done": 0, "attempt": 0})],
)


def is_deferred(request: Request, preferences: Preferences) -> bool:
    """Whether an import is to be left to a worker: the caller prefers it, or it is very large and one is there."""
    return preferences.wants(RESPOND_ASYNC) or is_large(body_size(request._request))


def deferred(
    request: Request, preferences: Preferences, wanted: WantedImport, listed: JSONRows | None, suffix: str = ""
) -> Response:
    """Keep the rows, and answer with the Job that will import them. listed: those of a JSON body; else it is a file."""
    with _received(request, wanted, listed, suffix) as (stream, whole):
        job = defer_import(stream, whole, author(request))
    return accepted(request, job, preferences)


@contextmanager
def _received(
    request: Request, wanted: WantedImport, listed: JSONRows | None, suffix: str
) -> Iterator[tuple[BinaryIO, WantedImport]]:
    if listed is not None:
        yield io.BytesIO("\n".join(listed.texts).encode()), replace(wanted, is_listed=True)
        return
    with temporary.directory("file") as directory, received_file(request, directory, suffix) as file:
        yield (
            file.stream,
            replace(wanted, file_name=file.name, media_type=file.media_type, options=file.options),
        )


def accepted(request: Request, job: Job, preferences: Preferences) -> Response:
    """202 with a Job."""
    headers = {"Location": reverse("api-job-detail", args=[job.pk], request=request), **preferences.headers}
    return Response(JobSerializer(job).data, 202, headers=headers)


def check_expected(table: Table, expected: int | None) -> None:
    """Raise StaleVersionError at once if the caller expects another version; the Job looks again."""
    if expected not in {None, table.version}:
        raise StaleVersionError(table, expected or 0)
