"""A file of rows that somebody uploads so that an Object is made of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from catalog.describing import SUGGESTIONS, Description, describe
from catalog.formats.opening import ReadingOptionError
from catalog.forms.files import FILE_HELP, ReadingForm, RowsFile
from catalog.models import Application
from catalog.sources import MalformedError
from catalog.standards import READABLE, NotOfStandardError, read_standard
from config.exact_json import JSONError, load_json
from config.problems import Problem


def described(rows: RowsFile) -> Description:
    """What Object the rows have. Raises MalformedError and ReadingOptionError."""
    with rows.opened() as opened:
        return describe(opened.source, opened.found)


PROBLEMS_SHOWN = 20
DOCUMENT_BYTES = 16 * 1024**2
STANDARD_TITLES = {"table-schema": "Table Schema", "json-schema": "JSON Schema of one row", "csvw": "CSVW metadata"}


class UploadedRowsForm(ReadingForm):
    """A file, how it is to be read, and which suggestions are taken over.

    It holds rows, described in `description`; or a schema in a standard's words, whose `definition` is read, and
    `told` is what of it would not be checked.
    """

    file = forms.FileField(label="File", help_text=FILE_HELP)
    standard = forms.ChoiceField(
        label="It holds",
        required=False,
        choices=[("", "rows"), *((name, f"a schema: {STANDARD_TITLES[name]}") for name in READABLE)],
        help_text="A schema is a JSON document that describes rows.",
    )
    application = forms.ModelChoiceField(Application.objects.all(), label="Application")
    accept = forms.MultipleChoiceField(
        label="Demand of all rows to come what these rows keep",
        required=False,
        choices=[
            (kind, _title)
            for kind, _title in zip(
                SUGGESTIONS, ("Required", "Unique", "Allowed values", "Format", "Primary key"), strict=True
            )
        ],
        widget=forms.CheckboxSelectMultiple,
    )

    description: Description | None = None
    rows: RowsFile
    definition: Mapping[str, Any]
    told: Sequence[Problem] = ()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        file = cleaned.get("file")
        if file is None:
            return cleaned
        self.rows = RowsFile(file.name, self.options(), file.file)
        if cleaned.get("standard"):
            self._read_standard(cleaned["standard"], file)
            return cleaned
        try:
            self.description = described(self.rows)
        except (MalformedError, ReadingOptionError) as error:
            self.refuse(error, "file")
        else:
            self.definition = self.description.definition(cleaned.get("accept", ()))
        return cleaned

    def _read_standard(self, standard: str, file: Any) -> None:
        if file.size > DOCUMENT_BYTES:
            self.add_error("file", f"A schema has at most {DOCUMENT_BYTES // 1024**2} MiB.")
            return
        try:
            self.definition, self.told = read_standard(standard, load_json(file.read()), self.rows.stem)
        except JSONError as error:
            self.add_error("file", f"The file can't be read as JSON: {error}")
        except NotOfStandardError as error:
            self.add_error("file", [str(problem) for problem in error.problems[:PROBLEMS_SHOWN]])
