"""Making an Object from a file: upload it, see what was found out and why, edit, then create, with a first Table."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from catalog.contents import create_table
from catalog.describing import Description
from catalog.formats.opening import ReadingOptionError
from catalog.forms.describing import UploadedRowsForm, described
from catalog.forms.files import RowsFile
from catalog.forms.objects import ObjectEditor
from catalog.models import ObjectSchema, Table
from catalog.sources import MalformedError
from catalog.views.lists import author
from catalog.writing import NonconformingError, StaleObjectError, Write
from config.console import sentences

ERRORS_SHOWN = 5


@require_http_methods(["GET", "HEAD", "POST"])
def object_from_file(request: HttpRequest) -> HttpResponse:
    """First the upload; then the editor of the Object that it proposes, with the file carried along."""
    if "carried" in request.POST:
        return _edit(request)
    form = UploadedRowsForm(request.POST or None, request.FILES or None, initial=_preset(request))
    if request.method != "POST" or not form.is_valid():
        status = 400 if request.method == "POST" else 200
        return render(request, "catalog/object_from_file.html", {"form": form}, status=status)
    proposed = {
        "application": form.cleaned_data["application"].pk,
        "name": form.rows.stem,
        "attributes": form.definition,
    }
    editor = ObjectEditor(request, ObjectSchema(), proposed)
    if form.description is None:
        return render(request, "catalog/object_form.html", {"editor": editor, "object": None, "told": form.told})
    return render(request, "catalog/object_form.html", _context(editor, form.rows.carried() or "", form.description))


def _preset(request: HttpRequest) -> dict[str, str]:
    return {"application": request.GET["application"]} if "application" in request.GET else {}


def _edit(request: HttpRequest) -> HttpResponse:
    """The editor's buttons, while the file comes along in a hidden field."""
    carried = request.POST["carried"]
    rows = RowsFile.from_carried(carried)
    shape = ObjectSchema()
    editor = ObjectEditor(request, shape)
    if editor.action == "save":
        table_name = request.POST.get("table", "").strip() if rows else ""
        if _save(request, editor, rows, table_name):
            return redirect("object-detail", pk=shape.pk)
    elif editor.action != "show":
        editor.act()
    context = _context(editor, carried if rows else "", _described(rows))
    context["table_name"] = request.POST.get("table", "")
    return render(request, "catalog/object_form.html", context, status=400 if editor.has_errors else 200)


def _context(editor: ObjectEditor, carried: str, description: Description | None) -> dict[str, Any]:
    return {"editor": editor, "object": None, "is_from_file": True, "carried": carried, "description": description}


def _described(rows: RowsFile | None) -> Description | None:
    """What was found out about the file; None if it can't be read any more."""
    try:
        return described(rows) if rows else None
    except (MalformedError, ReadingOptionError):
        return None


def _save(request: HttpRequest, editor: ObjectEditor, rows: RowsFile | None, table_name: str) -> bool:
    """Create the Object, and its first Table if one is named: both or nothing."""
    shape = editor.instance
    with transaction.atomic():
        if not editor.save(author(request)):
            return False
        problems = _load(request, shape, rows, table_name) if rows and table_name else []
        if problems:
            transaction.set_rollback(True)
    if problems:
        shape._state.adding, shape.version = True, 0
        for problem in problems:
            editor.form.add_error(None, problem)
        return False
    loaded = f", with its table {table_name!r}" if rows and table_name else ""
    messages.success(request, f"The object {shape.name!r} is made{loaded}.")
    return True


def _load(request: HttpRequest, shape: ObjectSchema, rows: RowsFile, table_name: str) -> list[str]:
    """Load the file as a Table; what stands against it."""
    table = Table(object=shape, name=table_name)
    try:
        table.full_clean()
        with rows.opened() as opened:
            create_table(table, opened.source, Write(author(request)))
    except ValidationError as error:
        return [f"The table: {sentence}" for sentence in sentences(error)]
    except NonconformingError as error:
        first = [f"Row {each.row}: {each.message}." for each in error.report.errors[:ERRORS_SHOWN]]
        return [f"The file does not conform to this object: {error.report.title}. Nothing was made.", *first]
    except (MalformedError, ReadingOptionError, StaleObjectError) as error:
        return [f"The file can't be read: {error}"]
    return []
