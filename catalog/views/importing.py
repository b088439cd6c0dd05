"""Importing rows into a Table, on its page, and the files of rows that were set aside."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_safe

from catalog.forms.grids import error_groups
from catalog.forms.importing import DOWNLOAD, IMPORT, TableImport
from catalog.models import SetAside, Table
from catalog.set_aside import MEDIA_TYPES, unpacked
from catalog.sight import check_set_aside
from catalog.views.lists import author
from config.api.streams import stream_response
from config.console import counted

FILES_SHOWN = 20


def _table(pk: str) -> Table:
    return get_object_or_404(Table.objects.with_object(), pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
def table_import(request: HttpRequest, pk: str) -> HttpResponseBase:
    """Rows from a file or the clipboard: tried, with a preview and all errors, then imported."""
    work = TableImport(request, _table(pk))
    if work.action == "show":
        return _show(request, work, 200)
    is_taken = work.run(author(request))
    if work.job:
        return redirect("job-detail", pk=work.job.pk)
    if is_taken and work.action == IMPORT:
        _tell(request, work)
        return redirect("table-detail", pk=pk)
    if work.action == DOWNLOAD and work.imported and work.imported.set_aside:
        return _file(request, work.imported.set_aside, "not imported")
    return _show(request, work, 412 if work.stale else 200 if is_taken else 400)


def _tell(request: HttpRequest, work: TableImport) -> None:
    imported = work.imported
    if imported is None:
        return
    version, kept = imported.version, imported.set_aside
    done = f"{counted(version.added, 'row')} added, {version.changed:,} changed, {version.removed:,} removed"
    messages.success(request, f"{done}: {work.table.name!r} is at version {version.number}.")
    if kept:
        link = format_html(
            '{} did not conform: <a href="{}">download {} with the errors</a>, mend {} and import the file again.',
            counted(kept.row_count, "row"),
            reverse("table-set-aside", args=[version.table_id, kept.pk]),
            "it" if kept.row_count == 1 else "them",
            "it" if kept.row_count == 1 else "them",
        )
        messages.warning(request, link)


def _show(request: HttpRequest, work: TableImport, status: int) -> HttpResponse:
    current = Table.objects.values_list("version", flat=True).get(pk=work.table.pk)
    context = {
        "work": work,
        "form": work.form,
        "table": work.table,
        "current": current,
        "expected": work.stale.current if work.stale else work.form["expected_version"].value() or current,
        "error_groups": error_groups(work.report) if work.report else [],
        "files": work.table.set_aside.defer("content")[:FILES_SHOWN],
    }
    return render(request, "catalog/table_import.html", context, status=status)


@require_safe
def table_set_aside(request: HttpRequest, pk: str, set_aside_id: str) -> HttpResponseBase:
    """A file of rows that an import set aside."""
    kept = _table(pk).set_aside.filter(pk=set_aside_id).first()
    if kept is None:
        raise Http404("There is no such file of rows set aside.")
    check_set_aside(request, kept)
    return _file(request, kept, f"set aside at v{kept.version}")


def _file(request: HttpRequest, kept: SetAside, what: str) -> HttpResponseBase:
    name = f"{kept.table.name} {what}.{kept.format}"
    return stream_response(request, unpacked(bytes(kept.content)), MEDIA_TYPES[kept.format], name)
