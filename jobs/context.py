"""What a Job's work is given: what to do, where to tell its progress, and whether it may go on."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Self

from django.conf import settings
from django.db import DatabaseError, connection, transaction

from jobs.leases import from_now, renew
from jobs.models import Job

PULSE_SECONDS: Final = 0.5  # between two looks at the Job's row, and so between two writes of progress
MESSAGE_LENGTH: Final = 1_000
logger = logging.getLogger(__name__)


class JobCancelled(Exception):  # noqa: N818 (a word of its own: nothing went wrong)
    """Somebody asked that the work stop."""


class LeaseLost(Exception):  # noqa: N818
    """Another worker has the Job, or it has ended: nothing may be written for it any more."""


class Pulse:
    """The beat of a held Job: renews its lease, writes its progress, and learns that it is to stop.

    A thread of its own beats, so that work neither waits for a write nor has to remember to tell that it lives. Inside
    a transaction, which no other connection sees into, there is no thread: progress is written as it is told.
    """

    def __init__(self, job: Job) -> None:
        self._job_id, self._token = job.pk, job.token
        self._told: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._renew_at = time.monotonic() + settings.JOB_LEASE_SECONDS / 3
        self._beat_at = time.monotonic() + PULSE_SECONDS
        self.is_lost = self.is_cancelled = False

    def __enter__(self) -> Self:
        if not connection.in_atomic_block:
            self._thread = threading.Thread(target=self._run, name=f"pulse of {self._job_id}", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopped.set()
        if self._thread:
            self._thread.join()

    def tell(self, **progress: Any) -> None:
        """Note what the next beat is to write."""
        with self._lock:
            self._told.update(progress)

    def beat_if_due(self) -> None:
        """Beat in the caller's thread where no other does it."""
        if self._thread is None and time.monotonic() >= self._beat_at:
            self.beat()

    def beat(self) -> None:
        """Look at the Job's row, and write to it if there is something to tell or the lease is a third over."""
        now = time.monotonic()
        self._beat_at = now + PULSE_SECONDS
        held = Job.objects.held_by(self._job_id, self._token).values_list("cancel_requested_at").first()
        if held is None:
            self.is_lost = True
            return
        self.is_cancelled = held[0] is not None
        told = self.take()
        if told or now >= self._renew_at:
            self._write(told)
            self._renew_at = now + settings.JOB_LEASE_SECONDS / 3

    def _write(self, told: dict[str, Any]) -> None:
        try:
            self.is_lost = not renew(self._job_id, self._token, **told)
        except DatabaseError:
            with self._lock:
                self._told = {**told, **self._told}
            raise

    def take(self) -> dict[str, Any]:
        """What has been told and not yet written; it is the caller's to write."""
        with self._lock:
            told, self._told = self._told, {}
        return told

    def _run(self) -> None:
        try:
            while not self._stopped.wait(PULSE_SECONDS):
                try:
                    self.beat()
                except DatabaseError as error:  # a busy or absent database: the lease tells how long that may last
                    logger.warning("The progress of job %s was not written: %s", self._job_id, error)
                    connection.close()
        finally:
            connection.close()


class JobContext:
    """The Job as its work sees it."""

    def __init__(self, job: Job, pulse: Pulse) -> None:
        self.job = job
        self.arguments: dict[str, Any] = job.arguments
        self.attempt = job.attempt
        self._pulse = pulse

    def report(self, done: int | None = None, total: int | None = None, message: str | None = None) -> None:
        """Tell how far the work is. Costs a microsecond: it is written a moment later, at most twice a second."""
        told: dict[str, Any] = {"done": done, "total": total}
        if message is not None:
            told["message"] = message.replace("\0", "")[:MESSAGE_LENGTH]
        self._pulse.tell(**{name: value for name, value in told.items() if value is not None})
        self._pulse.beat_if_due()

    def check(self) -> None:
        """Go on, or raise JobCancelled or LeaseLost. Costs no query; call it often."""
        self._pulse.beat_if_due()
        if self._pulse.is_lost:
            raise LeaseLost
        if self._pulse.is_cancelled:
            raise JobCancelled

    @property
    def should_stop(self) -> bool:
        """Whether `check` would raise."""
        self._pulse.beat_if_due()
        return self._pulse.is_lost or self._pulse.is_cancelled

    @contextmanager
    def fenced(self, *, keeps: bool = False) -> Iterator[None]:
        """A transaction in which this Job is surely still held: whoever lost it can't write.

        Its row is locked first, and its lease is renewed with the commit, however long that took. keeps: what is done
        is stored although the Job is to stop. Raises LeaseLost, and JobCancelled unless it `keeps`.
        """
        with transaction.atomic():
            held = Job.objects.select_for_update().held_by(self.job.pk, self.job.token)
            row = held.values_list("cancel_requested_at").first()
            if row is None:
                raise LeaseLost
            if row[0] is not None and not keeps:
                raise JobCancelled
            yield
            Job.objects.filter(pk=self.job.pk).update(lease_until=from_now(settings.JOB_LEASE_SECONDS))
