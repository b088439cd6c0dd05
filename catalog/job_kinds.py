"""The kinds of Jobs of the catalog: imports that their sender does not wait for (catalog.deferring).

An import is one transaction, in which the Job is known to be held and its result is stored: a worker that is killed
leaves the Table as it was, or the whole import, which is never done again.
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from django.conf import settings
from django.db import IntegrityError
from django.urls import reverse

import catalog.refusals  # noqa: F401 (how a Job tells of the catalog's exceptions; a worker loads no addresses)
from catalog.deferring import IMPORT_ROWS, WantedImport
from catalog.formats.opening import open_rows, read_options
from catalog.importing import Imported, import_rows
from catalog.models import ObjectSchema, SetAside, StagedUpload, Table
from catalog.row_errors import Report
from catalog.sight import without_values
from catalog.sources import JSONRows, Source
from catalog.staged_uploads import LostUploadError, delete_chunks, fetch, sweep
from catalog.watching import WatchedSource, bytes_read
from catalog.writing import NonconformingError, Write
from config import temporary
from config.api.errors import ProblemDetails, describe
from config.console import counted
from config.exact_json import dump_json
from jobs.context import JobContext, LeaseLost
from jobs.leases import storable
from jobs.models import Job
from jobs.registry import chore, job_kind

ERRORS_LISTED: Final = 100
ERRORS_BYTES: Final = 32 * 1024  # of those in a result, which is a small document
TURN_SECONDS: Final = 0.5

chore(sweep)


@job_kind(IMPORT_ROWS)
def import_staged(context: JobContext) -> dict[str, Any]:
    """Import a staged upload; gives the Table, its version, and what was done."""
    upload = StagedUpload.objects.filter(pk=context.arguments["upload"]).first()
    if upload is None:
        raise LostUploadError
    outcome: dict[str, Any] | None = upload.outcome
    if outcome is None:  # else a worker was killed between its commit and the Job's end
        try:
            outcome = _Import(context, upload).run()
        except LeaseLost:  # another worker reads the upload
            raise
        except Exception:
            _let_go(context, upload)
            raise
    _let_go(context, upload)
    context.report(done=upload.size_bytes, message=_in_words(outcome))
    return outcome


def _let_go(context: JobContext, upload: StagedUpload) -> None:
    """Delete the bytes, as long as no other worker may want to read them."""
    held = Job.objects.select_for_update().held_by(context.job.pk, context.job.token)
    delete_chunks(upload, held.exists)


class _Import:
    """One attempt at an import."""

    def __init__(self, context: JobContext, upload: StagedUpload) -> None:
        self.context = context
        self.upload = upload
        self.wanted = WantedImport(**context.arguments["import"])
        self.table = self._table()
        self.page = reverse("table-detail", args=[self.table.pk])  # asked for before a transaction begins

    def _table(self) -> Table:
        """The Table to write to; a new one is checked again, since its name may be taken by now."""
        if self.wanted.table is not None:
            return Table.objects.select_related("object").get(pk=self.wanted.table)
        new = dict(self.wanted.new)
        table = Table(object=ObjectSchema.objects.get(pk=new.pop("object")), **new)
        table.full_clean(exclude={"id"})
        return table

    def run(self) -> dict[str, Any]:
        """Import; gives what is stored in the upload of what came of it."""
        self._wait_for_turn()
        with temporary.directory("import") as directory:
            self.context.report(message="Fetching the file.")
            with fetch(self.upload, directory / "upload", self.context.check) as stream:
                try:
                    return self._document(self._imported(stream, directory))
                except NonconformingError as error:
                    raise NonconformingError(self._told(error.report)) from error
                except IntegrityError:  # another may have taken the name meanwhile; then that is what is said
                    if self.table._state.adding:
                        self.table.full_clean(exclude={"id"})
                    raise

    def _wait_for_turn(self) -> None:
        """Let imports into this Table that began before this one end first.

        Each would else overtake the other, and what was overtaken is prepared again under the Table's lock.
        """
        earlier = Job.objects.filter(
            kind=IMPORT_ROWS,
            state=Job.State.RUNNING,
            pk__lt=self.context.job.pk,
            arguments__import__table=self.table.pk,
        )
        while earlier.exists():
            self.context.report(message="Waiting for an earlier import into this table.")
            self.context.check()
            time.sleep(TURN_SECONDS)

    def _imported(self, stream: BinaryIO, directory: Path) -> Imported:
        wanted = self.wanted
        source, format_name = self._opened(stream, directory)
        return import_rows(
            self.table,
            wanted.mode,
            source,
            Write(self.context.job.created_by, wanted.message, wanted.expected_version),
            lenient=wanted.lenient,
            format_name=format_name,
            beside=self._settle,
        )

    def _opened(self, stream: BinaryIO, directory: Path) -> tuple[Source, str]:
        """The rows, which tell how far they were read, and end where the Job is to stop."""
        wanted = self.wanted
        if wanted.is_listed:
            text = stream.read().decode()
            listed = JSONRows(text.split("\n") if text else [])
            return WatchedSource(listed, lambda rows: self._notice(rows, None)), "json"
        opened = open_rows(
            stream,
            directory,
            name=wanted.file_name,
            media_type=wanted.media_type,
            options=read_options(wanted.options),
            limit_bytes=settings.UPLOAD_MAX_BYTES,
        )
        source = WatchedSource(opened.source, lambda rows: self._notice(rows, bytes_read(opened, stream)))
        return source, opened.format.name

    def _notice(self, rows: int, done: int | None) -> None:
        self.context.check()
        self.context.report(done=done, message=f"Checking the rows: {counted(rows, 'row')} so far.")

    def _settle(self, imported: Imported) -> None:
        """In the import's transaction: make sure that the Job is held, and store what it will tell."""
        with self.context.fenced():
            StagedUpload.objects.filter(pk=self.upload.pk).update(outcome=storable(self._document(imported)))

    def _document(self, imported: Imported) -> dict[str, Any]:
        version, kept = imported.version, imported.set_aside
        counts = {"read": imported.row_count, "added": version.added, "changed": version.changed}
        return {
            "table": version.table_id,
            "version": version.number,
            "counts": {**counts, "removed": version.removed, "rejected": kept.row_count if kept else 0},
            "set_aside": _address(kept) if kept else None,
            "report": _report_document(self._told(imported.report)) if imported.report else None,
            "page": self.page,
        }

    def _told(self, report: Report) -> Report:
        """A report for everybody who may see the Job: its first errors, without values of sensitive attributes."""
        shown = without_values(report, self.table.object.schema.sensitive)
        return replace(shown, errors=shown.errors[:ERRORS_LISTED])


def _address(kept: SetAside) -> str:
    return reverse("api-set-aside", args=[kept.table_id, kept.pk, kept.format])


def _report_document(report: Report) -> dict[str, Any]:
    listed: list[dict[str, Any]] = []
    size_bytes = 0
    for error in report.errors:
        document = error.as_dict()
        size_bytes += len(dump_json(document))
        if size_bytes > ERRORS_BYTES:
            break
        listed.append(document)
    is_truncated = report.error_count > len(listed)
    return {"error_count": report.error_count, "errors": listed, "errors_truncated": is_truncated}


def _in_words(outcome: dict[str, Any]) -> str:
    counts = outcome["counts"]
    words = [f"{counted(counts['added'], 'row')} added"]
    words += [f"{counts[name]:,} {told}" for name, told in _COUNTS.items() if counts[name]]
    return f"{', '.join(words)}: the table is at version {outcome['version']}."


_COUNTS: Final = {"changed": "changed", "removed": "removed", "rejected": "set aside"}


@describe.register
def _(error: LostUploadError) -> ProblemDetails:
    return ProblemDetails(410, "upload_gone", "The file is gone", str(error))
