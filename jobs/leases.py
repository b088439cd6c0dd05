"""Who holds a Job: every change of its state is one conditional update, so that of two only one comes through."""

import json
import os
import socket
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models import DateTimeField, ExpressionWrapper, F
from django.db.models.functions import Coalesce, Now

from config.exact_json import dump_json
from config.models import new_ulid
from config.storable import storable_json
from jobs.models import Job

QUEUED_SECONDS: Final = 60  # after which somebody looks whether a waiting Job is still in the queue
State = Job.State


def from_now(seconds: float) -> ExpressionWrapper:
    """A moment by the database's clock."""
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=DateTimeField())


def worker_name() -> str:
    """This process, as people find it: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


def claim(job_id: str) -> Job | None:
    """Take a queued Job; None if somebody else has it, or it has ended."""
    token = new_ulid()
    taken = Job.objects.filter(pk=job_id, state=State.QUEUED).update(
        state=State.RUNNING,
        token=token,
        attempt=F("attempt") + 1,
        worker=worker_name(),
        lease_until=from_now(settings.JOB_LEASE_SECONDS),
        heartbeat_at=Now(),
        started_at=Coalesce(F("started_at"), Now()),
        revision=F("revision") + 1,
    )
    return Job.objects.select_related("created_by").get(pk=job_id, token=token) if taken else None


def renew(job_id: str, token: str, **changes: Any) -> bool:
    """Hold a Job for longer, and tell its progress; whether it is still held."""
    if changes:
        changes["revision"] = F("revision") + 1
    held = Job.objects.held_by(job_id, token)
    renewed = held.update(lease_until=from_now(settings.JOB_LEASE_SECONDS), heartbeat_at=Now(), **changes)
    return bool(renewed)


def end(job: Job, state: State, **outcome: Any) -> bool:
    """Bring a held Job to its end; false if it is not held any more."""
    return bool(Job.objects.held_by(job.pk, job.token).update(**ended(state), **outcome))


def give_back(job: Job) -> bool:
    """Put a held Job in the queue again, as if it had not been begun."""
    held = Job.objects.held_by(job.pk, job.token)
    return bool(held.update(**queued(), attempt=F("attempt") - 1))


def ended(state: State) -> dict[str, Any]:
    """The columns of a Job that ends now."""
    return {"state": state, "finished_at": Now(), "lease_until": None, "revision": F("revision") + 1}


def queued() -> dict[str, Any]:
    """The columns of a Job that waits to be taken again."""
    return {
        "state": State.QUEUED,
        "token": "",
        "worker": "",
        "lease_until": from_now(QUEUED_SECONDS),
        "revision": F("revision") + 1,
    }


def storable(document: Any) -> Any:
    """A document as both databases take it: plain JSON, and no NUL in its texts."""
    return json.loads(dump_json(storable_json(document)))
