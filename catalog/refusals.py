"""What the REST API says of the catalog's own exceptions. Importing this teaches `config.api.describe`."""

import duckdb
from django.core.exceptions import ObjectDoesNotExist

from catalog.comparison.patching import ConflictError, HiddenError, PatchError
from catalog.contents import UnknownRowsError
from catalog.formats import FormatLimitError
from catalog.formats.opening import ReadingOptionError
from catalog.history.versions import UnknownVersionError
from catalog.models import ObjectSchema, Table
from catalog.queries import QueryError
from catalog.reading import GonePartError
from catalog.references import ReferencedError
from catalog.row_errors import Report
from catalog.set_aside import TooManyRowsError
from catalog.sources import MalformedError
from catalog.writing import NonconformingError, StaleObjectError, StaleVersionError
from config.api import ProblemDetails, describe
from config.api.errors import no_room
from config.problems import pointer

NO_ROOM_WORDS = ("No space left on device", "Disk quota exceeded", "File too large", "max_temp_directory_size")

TOO_LARGE = "This takes more memory than the server gives to one piece of work; nothing was changed."
TOO_LARGE_HINT = "Send rows in smaller files or with smaller cells; ask for fewer rows or fewer attributes (fields=)."


def nonconforming(report: Report) -> ProblemDetails:
    """400 `row_validation` with every listed error in its row."""
    return ProblemDetails(
        400,
        "row_validation",
        report.title,
        " ".join(f"Row {error.row}: {error.message}." for error in report.errors[:3]),
        "Nothing was stored. Correct these rows and send them all again.",
        [error.as_dict() for error in report.errors],
        report.error_count,
    )


@describe.register
def _(error: NonconformingError) -> ProblemDetails:
    return nonconforming(error.report)


@describe.register
def _(error: ReferencedError) -> ProblemDetails:
    return ProblemDetails(
        409,
        "referenced",
        "The rows are still referenced",
        str(error),
        "Change or delete the rows that refer to these first.",
        members={"referrers": [each.as_dict() for each in error.referrers], "referrer_count": len(error.referrers)},
    )


@describe.register
def _(error: StaleVersionError) -> ProblemDetails:
    hint = "Read the table again and repeat the change on what it holds now."
    headers = {"ETag": f'"{error.current}"'}
    return ProblemDetails(412, "stale_version", "The table has changed", str(error), hint, headers=headers)


@describe.register(Table.DoesNotExist)
@describe.register(ObjectSchema.DoesNotExist)
def _(error: ObjectDoesNotExist) -> ProblemDetails:
    """It was there when the request began; who deleted it was quicker."""
    return ProblemDetails(404, "not_found", "Not found", str(error))


@describe.register
def _(error: StaleObjectError) -> ProblemDetails:
    return ProblemDetails(409, "conflict", "Conflict", str(error))


@describe.register
def _(error: UnknownRowsError) -> ProblemDetails:
    errors = [
        {"pointer": pointer("_id"), "code": "unknown_row", "message": f"There is no row with _id {row_id}."}
        for row_id in error.row_ids
    ]
    return ProblemDetails(400, "unknown_row", "The request is not valid", str(error), errors=errors)


@describe.register
def _(error: UnknownVersionError) -> ProblemDetails:
    hint = "The versions that are left are listed at /tables/{id}/versions."
    return ProblemDetails(404, "unknown_version", "Not found", str(error), hint)


@describe.register
def _(error: GonePartError) -> ProblemDetails:
    return ProblemDetails(404, "unknown_version", "Not found", str(error), "Read the table again.")


@describe.register
def _(error: QueryError) -> ProblemDetails:
    errors = [{"pointer": each.path, "code": each.code, "message": each.message} for each in error.problems]
    codes = {each.code for each in error.problems}
    code = codes.pop() if len(codes) == 1 else "invalid"
    return ProblemDetails(400, code, "The query is not valid", str(error), errors=errors)


@describe.register
def _(error: ReadingOptionError) -> ProblemDetails:
    errors = [{"pointer": pointer(each.path), "code": each.code, "message": each.message} for each in error.problems]
    return ProblemDetails(400, "invalid", "The request is not valid", str(error), errors=errors)


@describe.register
def _(error: PatchError) -> ProblemDetails:
    hint = "A patch is the NDJSON of a diff, such as /tables/{id}/diff.ndjson?from=3 answers."
    return ProblemDetails(400, "invalid_patch", "The patch can't be read", str(error), hint)


@describe.register
def _(error: ConflictError) -> ProblemDetails:
    errors = [
        {"pointer": pointer("_id"), "row": row, "code": "patch_conflict", "message": f"The row {row} {what}."}
        for row, what in error.rows
    ]
    hint = "Compare again with the rows as they are now, and apply that."
    title = "The patch does not fit"
    return ProblemDetails(409, "patch_conflict", title, str(error), hint, errors, error.count)


@describe.register
def _(error: HiddenError) -> ProblemDetails:
    return ProblemDetails(403, "permission_denied", "Forbidden", str(error))


@describe.register
def _(error: MalformedError) -> ProblemDetails:
    errors = [
        {"pointer": "", "row": fault.row, "attribute": fault.attribute, "code": fault.code, "message": fault.message}
        for fault in error.faults
    ]
    return ProblemDetails(400, error.faults[0].code, "The file can't be read", str(error), errors=errors)


@describe.register
def _(error: TooManyRowsError) -> ProblemDetails:
    hint = "Nothing was stored. Look at the first errors with a strict import, or send the rows in several files."
    return ProblemDetails(400, "too_many_rejected", "Too many rows do not conform", str(error), hint)


@describe.register
def _(error: FormatLimitError) -> ProblemDetails:
    hint = "Ask for fewer rows or attributes, or for another format: CSV, NDJSON and Parquet have no such limits."
    return ProblemDetails(400, "format_limit", "The format can't hold these rows", f"{error}.", hint)


@describe.register
def _(error: duckdb.IOException) -> ProblemDetails | None:
    """The engine's word for a full disk; all else that goes wrong with its files is a fault of ours."""
    return no_room() if any(word in str(error) for word in NO_ROOM_WORDS) else None


@describe.register
def _(error: duckdb.OutOfMemoryException) -> ProblemDetails:
    """The engine keeps to its memory; what does not fit, even a piece at a time, is refused."""
    if any(word in str(error) for word in NO_ROOM_WORDS):
        return no_room()
    return ProblemDetails(507, "too_large", "Insufficient memory", TOO_LARGE, TOO_LARGE_HINT)
