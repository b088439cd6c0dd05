"""The form of a Table: its fields, and its rows typed into a grid, pasted or uploaded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from catalog.conformance import Destination, conform
from catalog.contents import append_rows, create_table, delete_rows, replace_rows, update_rows
from catalog.forms.files import FILE_HELP, ReadingForm, RowsFile, pasted_field
from catalog.forms.grids import Changes, Grid, GridRow, grid_capacity, row_texts
from catalog.forms.refusals import RowsTaking
from catalog.models import ObjectSchema, Table
from catalog.schema import Schema
from catalog.sources import JSONRows, Source
from catalog.writing import NonconformingError, Write
from config import temporary

NEW_ROWS = 5
MORE_ROWS = 10


class TableForm(ReadingForm, forms.ModelForm):
    """A Table's fields, and the rows that don't come from the grid.

    expected_version is the one to write on top of; base_version is the one whose cells stood in the grid.
    """

    message = forms.CharField(
        label="Why",
        required=False,
        max_length=1024,
        help_text="One line for the list of versions.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    operation = forms.ChoiceField(
        label="These rows",
        required=False,
        choices=[("append", "come after those that are there"), ("replace", "take the place of all rows")],
        widget=forms.RadioSelect,
        initial="append",
    )
    pasted = pasted_field("Paste rows")
    file = forms.FileField(label="Or upload a file", required=False, allow_empty_file=True, help_text=FILE_HELP)
    expected_version = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    base_version = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    class Meta:
        model = Table
        fields = ["object", "name", "description"]
        widgets = {"object": forms.HiddenInput, "description": forms.Textarea(attrs={"rows": 2})}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.version:
            seen = self.instance.version
            self.fields["object"].disabled = True
            self.initial = {**self.initial, "expected_version": seen, "base_version": seen}

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        if (cleaned.get("pasted") or "").strip() and cleaned.get("file"):
            message = "Rows are both pasted and uploaded; give them in one way."
            self.add_error("file", ValidationError(message, code="ambiguous"))
        return cleaned

    @property
    def has_source(self) -> bool:
        """Whether rows were pasted or uploaded."""
        return bool((self.cleaned_data.get("pasted") or "").strip() or self.cleaned_data.get("file") is not None)

    def source(self, directory: Path) -> Source:
        """The pasted or uploaded rows. Raises MalformedError and ReadingOptionError."""
        file, options = self.cleaned_data.get("file"), self.options()
        rows = (
            RowsFile.pasted(self.cleaned_data["pasted"], options)
            if file is None
            else RowsFile(file.name or "", options, file.file)
        )
        return rows.open_below(directory, settings.UPLOAD_MAX_BYTES).source


class TableEditor(RowsTaking):
    """The page's form of a Table. `save()` writes through `catalog.contents`, or leaves what is wrong in the form.

    grid is None for a Table that is too large for one. has_placed_errors: the errors of the report are in its cells.
    """

    form: TableForm

    def __init__(self, request: HttpRequest, table: Table, row_id: int | None = None) -> None:
        self.request = request
        self.table = table
        self.row_id = row_id
        self.is_new = not table.version
        self.has_placed_errors = False
        self.action = request.POST.get("action", "save") if request.method == "POST" else "show"
        self.grid: Grid | None = None
        if request.method == "POST":
            self.form = TableForm(request.POST, request.FILES, instance=table)
            if "rows" in request.POST:
                self.grid = Grid.typed(self._schema(), request.POST)
            elif self.is_new:
                self.grid = self._filled()
        else:
            self.form = TableForm(instance=table)
            self.grid = self._filled()
        if self.grid and self.action == "more":
            self._add_rows(self.grid)

    def _schema(self) -> Schema:
        """The attributes of the grid: those of the version that it was filled from."""
        if not self.table.version:
            return self.table.object.schema
        base = self.request.POST.get("base_version", "")
        versions = self.table.versions.select_related("object_version")
        seen = versions.filter(number=int(base)).first() if base.isdecimal() and len(base) < 10 else None
        return (seen or self.table.current).object_version.schema

    def _add_rows(self, grid: Grid) -> None:
        """More room, with the long texts that a form doesn't send back put in again."""
        if not self.is_new:
            base = self.form.data.get("base_version", "")
            grid.changes(dict(self._texts(int(base) if base.isdecimal() else self.table.version)))
        grid.add_blank_rows(MORE_ROWS)

    def _filled(self) -> Grid | None:
        schema = self._schema()
        if not self.table.version:
            grid = Grid(schema, [])
            grid.add_blank_rows(NEW_ROWS)
            return grid
        if self.row_id is None and self.table.row_count > grid_capacity(schema):
            return None
        grid = Grid.of_texts(schema, self._texts(self.table.version))
        if self.row_id is None:
            grid.add_blank_rows()
        return grid

    def _texts(self, number: int) -> list[tuple[int, list[str | None]]]:
        version = get_object_or_404(self.table.versions.select_related("object_version"), number=number)
        return row_texts(version, grid_capacity(version.object_version.schema), self.row_id)

    # --- saving -----------------------------------------------------------------------------------------------------

    def save(self, author: Any) -> bool:
        """Write; False with the errors in the form, in the cells and in `report`, and nothing written."""
        if not self.form.is_valid():
            return False
        typed = bool(self.grid and self.grid.new_rows())
        if self.form.has_source and typed:
            self.form.add_error(
                "pasted", ValidationError("Rows are typed as well; give them in one way.", code="ambiguous")
            )
            return False
        write = Write(author, self.form.cleaned_data["message"], self.form.cleaned_data.get("expected_version"))
        with self.refusals(), temporary.directory("form") as directory:
            self._write(write, directory)
            return True
        if self.stale:
            self._expect(self.stale.current)
        if not self.is_new:
            self.table.refresh_from_db(fields=["version", "row_count", "size_bytes", "next_row_id"])
        return False

    def _write(self, write: Write, directory: Path) -> None:
        if not self.table.version:
            self._create(write, directory)
        elif self.form.has_source:
            self._load(write, directory)
        else:
            with transaction.atomic():
                self._apply(write, directory)
                self._save_fields()

    def _create(self, write: Write, directory: Path) -> None:
        source, rows = self._new_source(directory)
        with self._placing(rows):
            create_table(self.table, source, Write(write.author, write.message))

    def _new_source(self, directory: Path) -> tuple[Source, list[GridRow]]:
        if self.form.has_source:
            return self.form.source(directory), []
        rows = self.grid.new_rows() if self.grid else []
        return (self.grid.source(rows, directory), rows) if self.grid and rows else (JSONRows([]), [])

    def _load(self, write: Write, directory: Path) -> None:
        """Append or replace. Checked outside the transaction that commits it: a file may be long."""
        verb: Callable[[Table, Source, Write], Any]
        verb = replace_rows if self.form.cleaned_data["operation"] == "replace" else append_rows
        verb(self.table, self.form.source(directory), write)
        self._save_fields()

    def _save_fields(self) -> None:
        if {"name", "description"} & set(self.form.changed_data):
            self.table.save(update_fields=["name", "description", "updated_at"])

    def _apply(self, write: Write, directory: Path) -> None:
        """What was changed in the grid, as one transaction: deletions, changes, additions."""
        if not self.grid:
            return
        changes = self.grid.changes(dict(self._texts(self.form.cleaned_data.get("base_version") or self.table.version)))
        self._check(self.grid, changes, _below(directory, "check"))
        if changes.removed:
            write = _after(delete_rows(self.table, changes.removed, write), write)
        if changes.changed:
            rows = [row for row, _ in changes.changed]
            ids = [row.row_id for row in rows if row.row_id is not None]
            with self._placing(rows):
                source = self.grid.source(rows, _below(directory, "changed"))
                write = _after(
                    update_rows(self.table, ids, source, [names for _, names in changes.changed], write), write
                )
        if changes.added:
            with self._placing(changes.added):
                append_rows(self.table, self.grid.source(changes.added, _below(directory, "added")), write)

    def _check(self, grid: Grid, changes: Changes, directory: Path) -> None:
        """Find what is wrong with changed and added rows together, so that all of it is told at once."""
        rows = sorted([*(row for row, _ in changes.changed), *changes.added], key=lambda row: row.number)
        if not rows:
            return
        with self._placing(rows):
            conformed = conform(grid.source(rows, directory), grid.schema, Destination(directory))
            if conformed.report:
                raise NonconformingError(conformed.report)

    @contextmanager
    def _placing(self, rows: list[GridRow]) -> Iterator[None]:
        """Put the errors of these rows into their cells on the way out."""
        try:
            yield
        except NonconformingError as error:
            if self.grid and rows:
                self.grid.place(error.report, rows)
                self.has_placed_errors = True
            raise

    def _expect(self, number: int) -> None:
        """Let the next save go on top of the version that is current now."""
        data = self.request.POST.copy()
        data["expected_version"] = str(number)
        self.form.data = data

    @property
    def has_errors(self) -> bool:
        return self.form.is_bound and bool(self.form.errors or self.report or self.stale)


def _after(version: Any, write: Write) -> Write:
    """The same write, on top of the version that was just made."""
    return Write(write.author, write.message, version.number)


def _below(directory: Path, name: str) -> Path:
    inner = directory / name
    inner.mkdir()
    return inner


class ObjectChoiceForm(forms.Form):
    """Which Object a new Table is of."""

    object = forms.ModelChoiceField(
        ObjectSchema.objects.select_related("application"), label="Object", empty_label="Choose one"
    )
