"""What the REST API says of the catalog's own exceptions. Importing this teaches `config.api.describe`."""

from catalog.contents import UnknownRowsError
from catalog.queries import QueryError
from catalog.row_errors import Report
from catalog.writing import NonconformingError, StaleObjectError, StaleVersionError
from config.api import ProblemDetails, describe
from config.problems import pointer


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
def _(error: StaleVersionError) -> ProblemDetails:
    hint = "Read the table again and repeat the change on what it holds now."
    headers = {"ETag": f'"{error.current}"'}
    return ProblemDetails(412, "stale_version", "The table has changed", str(error), hint, headers=headers)


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
def _(error: QueryError) -> ProblemDetails:
    errors = [{"pointer": each.path, "code": each.code, "message": each.message} for each in error.problems]
    codes = {each.code for each in error.problems}
    code = codes.pop() if len(codes) == 1 else "invalid"
    return ProblemDetails(400, code, "The query is not valid", str(error), errors=errors)
