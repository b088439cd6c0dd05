"""Rows that a person gives to a form, as a file or pasted, and how they are to be read: one way for every page."""

import base64
import gzip
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import BinaryIO

from django import forms

from catalog.formats import FORMATS
from catalog.formats.opening import OPTION_NAMES, Opened, ReadingOptionError, open_rows, read_options
from catalog.sources import MalformedError, Source
from config import temporary

CARRIED_BYTES = 4 * 1024**2
UNPACKED_BYTES = 64 * 1024**2
FILE_HELP = (
    f"{', '.join(each.title for each in FORMATS.values())}; gzip allowed. What it holds is found out, and can be said."
)
PASTED_HELP = "Cells copied from a spreadsheet, CSV, JSON or NDJSON; the first line names the attributes."


@dataclass(frozen=True)
class RowsFile:
    """Rows that somebody uploaded or pasted, and how they are to be read."""

    name: str
    options: Mapping[str, str]
    stream: BinaryIO

    @classmethod
    def pasted(cls, text: str, options: Mapping[str, str]) -> "RowsFile":
        """Rows in a text: JSON if it begins like it, tab-separated if its first line has a tab, else CSV."""
        bare = text.strip("\r\n")
        if "\t" in bare.partition("\n")[0] and not bare.lstrip().startswith(("{", "[")):
            options = {"format": "csv", "delimiter": "\t", **options}
        return cls("", options, io.BytesIO(bare.encode()))

    @property
    def stem(self) -> str:
        """Its name without the suffixes."""
        return PurePath(self.name).name.partition(".")[0] or "rows"

    def open_below(self, directory: Path, limit_bytes: int = UNPACKED_BYTES) -> Opened:
        """The rows, readable as long as the directory stands. Raises MalformedError and ReadingOptionError."""
        reading = read_options(self.options)
        return open_rows(self.stream, directory, name=self.name, options=reading, limit_bytes=limit_bytes)

    @contextmanager
    def opened(self, limit_bytes: int = UNPACKED_BYTES) -> Iterator[Opened]:
        """The rows, for a while. Raises MalformedError and ReadingOptionError."""
        with temporary.directory("file") as directory:
            yield self.open_below(directory, limit_bytes)

    def carried(self) -> str | None:
        """The file as the text of a hidden field, so that it need not be chosen again; None if it is too large."""
        self.stream.seek(0)
        content = self.stream.read(CARRIED_BYTES + 1)
        if len(content) > CARRIED_BYTES:
            return None
        packed = base64.b64encode(gzip.compress(content, 6)).decode()
        return json.dumps({"name": self.name, "options": dict(self.options), "content": packed})

    @classmethod
    def from_carried(cls, text: str) -> "RowsFile | None":
        """The file in the hidden field; None if it is none."""
        try:
            found = json.loads(text)
            packed = io.BytesIO(base64.b64decode(found["content"], validate=True))
            with gzip.GzipFile(fileobj=packed) as file:
                content = file.read(CARRIED_BYTES + 1)
            options = {str(name): str(value) for name, value in found["options"].items()}
            return cls(str(found["name"]), options, io.BytesIO(content)) if len(content) <= CARRIED_BYTES else None
        except (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError):
            return None


def pasted_rows(text: str, directory: Path) -> Source:
    """Rows in a text, told apart as RowsFile.pasted does. Raises MalformedError if they can't be read as such."""
    return RowsFile.pasted(text, {}).open_below(directory).source


def pasted_field(label: str) -> forms.CharField:
    """Where rows are pasted."""
    widget = forms.Textarea(attrs={"rows": 5, "class": "mono", "spellcheck": "false"})
    return forms.CharField(label=label, required=False, strip=False, help_text=PASTED_HELP, widget=widget)


class ReadingForm(forms.Form):
    """How a file is to be read, where what is found out is wrong."""

    format = forms.ChoiceField(
        label="Format",
        required=False,
        choices=[("", "found out"), *((each.name, each.title) for each in FORMATS.values())],
    )
    delimiter = forms.CharField(
        label="Delimiter", required=False, strip=False, help_text="of a CSV, such as ; or | or tab"
    )
    quote = forms.CharField(label="Quote", required=False, strip=False, help_text="of a CSV; none if nothing is quoted")
    escape = forms.CharField(label="Escape", required=False, strip=False, help_text="before a quote within quotes")
    encoding = forms.CharField(label="Encoding", required=False, help_text="of a CSV, such as cp1252")
    sheet = forms.CharField(label="Sheet", required=False, help_text="of a workbook, by name")
    header = forms.CharField(
        label="Names of the columns", required=False, help_text="in place of the file's own, one for each: id,name"
    )

    @property
    def reading_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in OPTION_NAMES]

    @property
    def has_reading_errors(self) -> bool:
        return self.is_bound and any(name in self.errors for name in OPTION_NAMES)

    def options(self) -> dict[str, str]:
        """What was said of how to read the file."""
        return {name: self.cleaned_data[name] for name in OPTION_NAMES if self.cleaned_data.get(name)}

    def refuse(self, error: MalformedError | ReadingOptionError, field: str) -> None:
        """Put what is wrong with the file beside its field, and what is wrong with an option beside the option."""
        if isinstance(error, MalformedError):
            self.add_error(field, [fault.message for fault in error.faults])
            return
        for problem in error.problems:
            self.add_error(problem.path if problem.path in self.fields else None, problem.message)
