"""What an answer says of the rows that a lenient import did not take."""

from collections.abc import Collection
from typing import Any

from rest_framework.request import Request
from rest_framework.reverse import reverse

from catalog.importing import Imported
from catalog.sight import without_values


def rejected(imported: Imported, hidden: Collection[str] = ()) -> dict[str, Any]:
    """How many rows and errors, and the first errors, without the values of hidden attributes."""
    kept, report = imported.set_aside, imported.report
    report = without_values(report, hidden) if report else None
    return {
        "rejected_count": kept.row_count if kept else 0,
        "error_count": report.error_count if report else 0,
        "errors": [error.as_dict() for error in report.errors] if report else [],
        "errors_truncated": report.is_truncated if report else False,
    }


def set_aside_url(request: Request, imported: Imported) -> str | None:
    """The address of the rows that were set aside; None if none were."""
    kept = imported.set_aside
    if kept is None:
        return None
    return reverse("api-set-aside", args=[imported.version.table_id, kept.pk, kept.format], request=request)


def set_aside_header(link: str | None) -> dict[str, str]:
    """The header that leads there."""
    return {"Link": f'<{link}>; rel="related"; title="set aside"'} if link else {}
