"""A file of rows that somebody uploads so that an Object is made of it."""

from typing import Any

from django import forms

from catalog.describing import SUGGESTIONS, Description, describe
from catalog.formats.opening import ReadingOptionError
from catalog.forms.files import FILE_HELP, ReadingForm, RowsFile
from catalog.models import Application
from catalog.sources import MalformedError


def described(rows: RowsFile) -> Description:
    """What Object the rows have. Raises MalformedError and ReadingOptionError."""
    with rows.opened() as opened:
        return describe(opened.source, opened.found)


class UploadedRowsForm(ReadingForm):
    """A file, how it is to be read, and which suggestions are taken over."""

    file = forms.FileField(label="File", help_text=FILE_HELP)
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

    description: Description
    rows: RowsFile

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        file = cleaned.get("file")
        if file is None:
            return cleaned
        self.rows = RowsFile(file.name, self.options(), file.file)
        try:
            self.description = described(self.rows)
        except (MalformedError, ReadingOptionError) as error:
            self.refuse(error, "file")
        return cleaned
