"""The pages of Tables."""

from functools import partial

from django.contrib import messages
from django.db.models import ProtectedError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from catalog.contents import delete_table, revert_table
from catalog.exporting import export
from catalog.filters import TableFilter
from catalog.formats import FORMATS, FormatLimitError
from catalog.forms.grids import error_groups
from catalog.forms.tables import ObjectChoiceForm, TableEditor
from catalog.models import Application, ObjectSchema, Table, TableVersion
from catalog.queries import OPERATORS
from catalog.sight import check_editing, hidden_of, masked_header
from catalog.views.deleting import ask_and_delete
from catalog.views.lists import author, paginated, search
from catalog.views.rows import PLACE_PARAMETERS, WORDS, added_filter, choices, row_page, view_of
from catalog.views.summaries import BAR_HEIGHT, summaries
from catalog.writing import NonconformingError, StaleVersionError, Write
from config.api.streams import stream_response

VERSIONS_SHOWN = 100


@require_safe
def table_list(request: HttpRequest) -> HttpResponse:
    """All Tables, by object and name."""
    found = TableFilter(request.GET, Table.objects.with_object())
    tables = search(found.qs, request.GET.get("search", ""), "name", "description", "object__name")
    shape = ObjectSchema.objects.filter(pk=request.GET.get("object", "")).first()
    context = {
        "page": paginated(request, tables),
        "applications": Application.objects.values_list("name", flat=True),
        "object": shape,
    }
    return render(request, "catalog/table_list.html", context)


def _table(pk: str) -> Table:
    return get_object_or_404(Table.objects.with_object().select_related("created_by"), pk=pk)


def _version(table: Table, number: str) -> TableVersion:
    """The version of this number; the current one if none is named."""
    wanted = int(number) if number.isdecimal() and len(number) < 10 else 0 if number else table.version
    return get_object_or_404(table.versions.select_related("object_version"), number=wanted)


@require_safe
def table_detail(request: HttpRequest, pk: str) -> HttpResponse:
    """A Table's rows: any version, filtered and ordered by the URL."""
    filtered = added_filter(request)
    if filtered is not None:
        return redirect(f"{request.path}?{filtered}")
    table = _table(pk)
    versions = table.versions.select_related("created_by")
    shown = _version(table, request.GET.get("version", ""))
    hidden = hidden_of(request, shown)
    rows = row_page(shown, request.GET, hidden)
    context = {
        "table": table,
        "shown": shown,
        "is_current": shown.number == table.version,
        "rows": rows,
        "summaries": summaries(shown, [column.name for column in rows.columns], hidden) if rows.rows else [],
        "bar_height": BAR_HEIGHT,
        "schema": shown.object_version.schema,
        "formats": FORMATS,
        "choices": choices(shown, hidden),
        "operators": [(name, WORDS[name]) for name in OPERATORS],
        "kept": [(name, text) for name, texts in request.GET.lists() if name not in PLACE_PARAMETERS for text in texts],
        "view": view_of(request, reverse("api-rows", args=[table.pk])),
        "versions": versions[:VERSIONS_SHOWN],
    }
    return render(request, "catalog/table_detail.html", context, status=400 if rows.problems else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def table_create(request: HttpRequest) -> HttpResponse:
    """A new Table of the Object that `?object=` names; without one, the choice comes first."""
    pk = request.POST.get("object") or request.GET.get("object")
    if not pk:
        return render(request, "catalog/table_object.html", {"form": ObjectChoiceForm()})
    shape = get_object_or_404(ObjectSchema.objects.select_related("application"), pk=pk)
    return _edit(request, Table(object=shape))


@require_http_methods(["GET", "HEAD", "POST"])
def table_edit(request: HttpRequest, pk: str) -> HttpResponse:
    """Another name or description for a Table, and other rows."""
    table = _table(pk)
    check_editing(request, table)
    return _edit(request, table)


def _edit(request: HttpRequest, table: Table) -> HttpResponse:
    editor = TableEditor(request, table)
    if editor.action == "save" and editor.save(author(request)):
        messages.success(request, f"The table {table.name!r} is saved: version {table.version}, {_rows(table)}.")
        return redirect("table-detail", pk=table.pk)
    return _show_form(request, editor)


def _show_form(request: HttpRequest, editor: TableEditor) -> HttpResponse:
    status = 409 if editor.stale else 400 if editor.action == "save" and editor.has_errors else 200
    context = {
        "editor": editor,
        "object": editor.table.object,
        "table": None if editor.is_new else editor.table,
        "error_groups": error_groups(editor.report) if editor.report else [],
    }
    return render(request, "catalog/table_form.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def table_row(request: HttpRequest, pk: str, row_id: int) -> HttpResponse:
    """One row of a Table, however many there are: change it, or delete it."""
    table = _table(pk)
    check_editing(request, table)
    editor = TableEditor(request, table, row_id)
    if editor.grid is None or not editor.grid.rows:
        raise Http404(f"The table has no row {row_id}.")
    if editor.action == "save" and editor.save(author(request)):
        messages.success(request, f"Row {row_id} is saved; the table is at version {table.version}.")
        return redirect("table-detail", pk=table.pk)
    return _show_form(request, editor)


def _rows(table: Table) -> str:
    return f"{table.row_count:,} row{'s' * (table.row_count != 1)}"


@require_safe
def table_download(request: HttpRequest, pk: str, name: str) -> HttpResponseBase:
    """All rows of a version in a format of catalog.formats, as a file, streamed."""
    table = _table(pk)
    version = _version(table, request.GET.get("version", ""))
    row_format = FORMATS[name].rows
    file_name = f"{table.object.name} {table.name} v{version.number}{row_format.suffix}"
    hidden = hidden_of(request, version)
    try:
        answer = stream_response(request, export(version, row_format, masked=hidden), row_format.media_type, file_name)
    except FormatLimitError as error:
        return render(request, "400.html", {"message": f"{error}."}, status=400)
    for header, value in masked_header(hidden).items():
        answer[header] = value
    return answer


@require_POST
def table_revert(request: HttpRequest, pk: str) -> HttpResponse:
    """Make an earlier version's rows current again, as a new version."""
    table = _table(pk)
    number, expected = request.POST.get("version", ""), request.POST.get("expected_version", "")
    if not all(text.isdecimal() and len(text) < 10 for text in (number, expected)):
        raise Http404("There is no such version.")
    write = Write(author(request), f"Back to version {number}", int(expected))
    try:
        revert_table(table, int(number), write)
    except TableVersion.DoesNotExist as error:
        raise Http404("There is no such version.") from error
    except (StaleVersionError, NonconformingError, ProtectedError) as error:
        messages.error(request, f"Nothing was changed. {error}")
    else:
        messages.success(request, f"The rows of version {number} are current again, as version {table.version}.")
    return redirect("table-detail", pk=table.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def table_delete(request: HttpRequest, pk: str) -> HttpResponse:
    """Ask, then delete a Table that nothing refers to."""
    table = _table(pk)
    said = f"The table {table.name!r} is deleted."
    then = f"{reverse('table-list')}?object={table.object_id}"
    return ask_and_delete(
        request, "catalog/table_delete.html", {"table": table}, partial(delete_table, table), said, then
    )
