"""Rows of a file, or pasted, into a Table: tried first, with what was understood and what is wrong, then for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from catalog import engine
from catalog.deferring import WantedImport, defer_import, is_large
from catalog.formats.opening import Opened
from catalog.forms.files import FILE_HELP, ReadingForm, RowsFile, pasted_field
from catalog.forms.refusals import RowsTaking
from catalog.importing import Imported, import_rows
from catalog.models import Table
from catalog.schema import Schema
from catalog.sources import Source
from catalog.watching import stream_size
from catalog.writing import StaleVersionError, Write
from jobs.models import Job

ROWS_SHOWN = 10
CELL_CHARACTERS = 200
CHECK, DOWNLOAD, IMPORT = "check", "download", "import"


class ImportForm(ReadingForm):
    """Where the rows are, and what is to be done with them."""

    file = forms.FileField(label="File", required=False, allow_empty_file=True, help_text=FILE_HELP)
    pasted = pasted_field("Or paste rows")
    mode = forms.ChoiceField(label="These rows", widget=forms.RadioSelect, initial="append")
    lenient = forms.BooleanField(
        label="Set aside rows that do not conform",
        required=False,
        help_text="The others are taken. Else all rows are taken, or none.",
    )
    background = forms.BooleanField(
        label="Leave it to a worker",
        required=False,
        help_text="For a large file: you need not wait, and see on the page of the job how far it is.",
    )
    message = forms.CharField(
        label="Why",
        required=False,
        max_length=1024,
        help_text="One line for the list of versions.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    expected_version = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    carried = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, has_primary_key: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        modes = [("append", "come after those that are there"), ("replace", "take the place of all rows")]
        if has_primary_key:
            modes.append(("upsert", "change the rows with their primary key, or come after them"))
        mode: Any = self.fields["mode"]
        mode.choices = modes

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        pasted, file = (cleaned.get("pasted") or "").strip(), cleaned.get("file")
        if pasted and file:
            self.add_error("file", ValidationError("Rows are both pasted and uploaded.", code="ambiguous"))
        if not (pasted or file or cleaned.get("carried")):
            self.add_error("file", ValidationError("Choose a file, or paste rows.", code="required"))
        return cleaned

    def rows_file(self) -> RowsFile:
        """The file, the pasted text, or the file that was carried along. Raises ValidationError."""
        cleaned, options = self.cleaned_data, self.options()
        if cleaned.get("file") is not None:
            stream: BinaryIO = cleaned["file"].file
            return RowsFile(cleaned["file"].name or "", options, stream)
        if (cleaned.get("pasted") or "").strip():
            return RowsFile.pasted(cleaned["pasted"], options)
        carried = RowsFile.from_carried(cleaned["carried"])
        if carried is None:
            raise ValidationError("The file did not come along; choose it again.", code="required")
        return RowsFile(carried.name, options or carried.options, carried.stream)


@dataclass(frozen=True)
class Preview:
    """The first rows as they were understood: names, and per row each cell as text with whether it could be read."""

    names: Sequence[str]
    rows: Sequence[Sequence[tuple[str | None, bool]]]


def preview(source: Source, schema: Schema) -> Preview:
    """The first rows of a source. Raises MalformedError."""
    cells = source.cells(schema)
    places = range(len(schema.attributes))
    for piece in source.slices():
        shown = ", ".join(
            f"left(CAST(coalesce(CAST(c{place} AS VARCHAR), CAST(r{place} AS VARCHAR)) AS VARCHAR), {CELL_CHARACTERS}),"
            f" r{place} IS NULL OR c{place} IS NOT NULL"
            for place in places
        )
        typed = ", ".join(f"{sql} AS c{place}" for place, sql in enumerate(cells.typed))
        select = f"SELECT {shown} FROM (SELECT *, {typed} FROM ({cells.raw(piece.relation)}) LIMIT {ROWS_SHOWN})"
        with engine.cursor(is_serial=True) as connection:
            found = connection.execute(select, dict(piece.parameters)).fetchall()
        return Preview(schema.names, [list(zip(row[::2], row[1::2], strict=True)) for row in found])
    return Preview(schema.names, [])


class TableImport(RowsTaking):
    """The page's import of rows into a Table: `run` tries or does it, or leaves what is wrong in the form."""

    form: ImportForm

    def __init__(self, request: HttpRequest, table: Table) -> None:
        self.request = request
        self.table = table
        self.schema = table.current.object_version.schema
        self.action = request.POST.get("action", CHECK) if request.method == "POST" else "show"
        self.imported: Imported | None = None
        self.job: Job | None = None
        self.preview: Preview | None = None
        self.found: dict[str, Any] = {}
        self.carried: str | None = None
        self.file_name = ""
        has_key = bool(self.schema.primary_key)
        if request.method == "POST":
            self.form = ImportForm(request.POST, request.FILES, has_primary_key=has_key)
        else:
            self.form = ImportForm(initial={"expected_version": table.version}, has_primary_key=has_key)

    @property
    def is_checked(self) -> bool:
        """Whether a trial went through to its end, with or without errors."""
        return self.imported is not None or self.report is not None

    def run(self, author: Any) -> bool:
        """Try it, do it, or leave it to a worker; whether it would be, or was, taken."""
        if not self.form.is_valid():
            return False
        with self.refusals():
            file = self.form.rows_file()
            self.file_name = file.name
            self.carried = None if (self.form.cleaned_data["pasted"] or "").strip() else file.carried()
            try:
                self._take(file, author)
            except StaleVersionError as error:
                # Shown are theirs, by a link, and what these rows would do to them.
                self.stale, self.action = error, CHECK
                self.form.cleaned_data["expected_version"] = error.current
                self._take(file, author)
            return True
        return False

    def _take(self, file: RowsFile, author: Any) -> None:
        """Try the rows, with a preview, or import them, or leave that to a worker."""
        if self.action == IMPORT and (self.form.cleaned_data["background"] or is_large(stream_size(file.stream))):
            self.job = self._deferred(file, author)
            return
        if self.action != IMPORT:
            with file.opened(settings.UPLOAD_MAX_BYTES) as opened:
                self.found = {name: "tab" if value == "\t" else value for name, value in opened.found.items()}
                self.preview = preview(opened.source, self.schema)
        with file.opened(settings.UPLOAD_MAX_BYTES) as opened:
            self.imported = self._imported(opened, author)
        self.report = self.imported.report

    def _deferred(self, file: RowsFile, author: Any) -> Job:
        """The Job that imports the file. Rows that come after others, or by key, don't mind what comes before them."""
        cleaned = self.form.cleaned_data
        expected = cleaned.get("expected_version")
        if expected not in {None, self.table.version}:
            raise StaleVersionError(self.table, expected)
        wanted = WantedImport(
            cleaned["mode"],
            self.table.pk,
            lenient=cleaned["lenient"],
            message=cleaned["message"],
            expected_version=expected if cleaned["mode"] == "replace" else None,
            file_name=file.name,
            options=file.options,
        )
        return defer_import(file.stream, wanted, author)

    def _imported(self, opened: Opened, author: Any) -> Imported:
        cleaned = self.form.cleaned_data
        is_trial = self.action != IMPORT
        write = Write(author, cleaned["message"], cleaned.get("expected_version"), dry_run=is_trial)
        return import_rows(
            self.table,
            cleaned["mode"],
            opened.source,
            write,
            lenient=cleaned["lenient"] or self.action == DOWNLOAD,
            format_name=opened.format.name,
        )
