"""Jobs as JSON, for the API and for those who watch."""

from collections.abc import Collection, Mapping
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from config.api import UserField
from jobs.live import Feed, Snapshot
from jobs.models import Job

JOB_EXAMPLE: Mapping[str, Any] = {
    "id": "01JD4Y3Z8Q6V5T2W9X7R1N0MKG",
    "kind": "import_rows",
    "state": "running",
    "done": 400_000,
    "total": 1_000_000,
    "message": "Checking the rows.",
    "is_cancelling": False,
    "result": None,
    "error": None,
    "attempt": 1,
    "max_attempts": 3,
    "created_at": "2026-11-20T21:00:00Z",
    "started_at": "2026-11-20T21:00:00Z",
    "finished_at": None,
    "cancel_requested_at": None,
    "created_by": "ann",
}


@extend_schema_field({"type": ["object", "null"], "additionalProperties": True})
class DocumentField(serializers.JSONField):
    """An object of JSON, or null."""


@extend_schema_serializer(examples=[OpenApiExample("An import on its way", JOB_EXAMPLE)])
class JobSerializer(serializers.ModelSerializer[Job]):
    """Long work and its progress: `done` of `total`, which is null while nobody knows it.

    `result` is that of a finished job; `error` that of a failed one, a problem document as of the API.
    """

    is_cancelling = serializers.BooleanField(help_text="Whether it was asked to stop, and has not yet.")
    result = DocumentField()
    error = DocumentField()
    created_by = UserField()

    class Meta:
        model = Job
        fields = list(JOB_EXAMPLE)
        read_only_fields = fields


def snapshots(identities: Collection[str]) -> Mapping[str, Snapshot]:
    """What a watcher of each job is shown: the job, in a message of the type `progress`."""
    found = Job.objects.select_related("created_by").in_bulk(list(identities))
    return {pk: (job.revision, _message(job)) for pk, job in found.items()}


def _message(job: Job) -> dict[str, Any]:
    # A request to stop is no new revision: the job's worker answers it with one.
    return {"type": "progress", "final": job.has_ended, **JobSerializer(job).data}


feed = Feed(snapshots, "jobs_job_changed")
