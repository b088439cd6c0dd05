"""What stands on a port in a form: a Table of the port's Object, or rows that are typed."""

from pathlib import Path
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError

from catalog.forms.files import pasted_rows
from catalog.models import Table
from catalog.row_errors import Report
from catalog.sources import MalformedError, Source
from processes.models import Port

ERRORS_SHOWN = 10
TABLES_LISTED = 200
ROWS_HELP = "CSV with a header line, cells from a spreadsheet, a JSON list or NDJSON."


class TableField(forms.ModelChoiceField):
    """A Table of the Object of a port, chosen from a list; where there are very many, by its name."""

    def __init__(self, port: Port, **options: Any) -> None:
        tables = Table.objects.filter(object=port.object_id).order_by("name")
        names = list(tables.values_list("name", flat=True)[: TABLES_LISTED + 1])
        self.is_listed = len(names) <= TABLES_LISTED
        widget = forms.Select if self.is_listed else forms.TextInput(attrs={"autocomplete": "off"})
        super().__init__(
            tables,
            label=f"Table of {port.object.name}",
            required=False,
            empty_label="no table",
            widget=widget,
            **options,
        )
        if not self.is_listed:
            self.help_text = "There are many: its name."
            self.suggestions = names[:TABLES_LISTED]

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} ({obj.row_count} row{'s' * (obj.row_count != 1)})"

    def prepare_value(self, value: Any) -> Any:
        if self.is_listed or not value:
            return super().prepare_value(value)
        found = cast(Any, self.queryset).filter(pk=value).first()
        return found.name if found else value

    def to_python(self, value: Any) -> Any:
        if self.is_listed or value in self.empty_values:
            return super().to_python(value)
        text = str(value)
        found = None if "\0" in text else cast(Any, self.queryset).filter(name=text).first()
        if found is None and not text.isalnum():
            raise ValidationError("The object has no table of this name.", code="invalid_choice")
        return found or super().to_python(text)


class PortTableForm(forms.Form):
    """What stands on one port."""

    rows = forms.CharField(
        label="Or rows",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, port: Port, consequence: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.port = port
        self.fields["table"] = TableField(port)
        if self.suggestions:
            self.fields["table"].widget.attrs["list"] = self.list_id
        self.fields["rows"].help_text = f"{ROWS_HELP} {consequence}"
        self.order_fields(["table", "rows"])

    @property
    def suggestions(self) -> list[str]:
        """Names of tables, where they are too many for a list."""
        return getattr(self.fields["table"], "suggestions", [])

    @property
    def list_id(self) -> str:
        """The id of the element that holds the suggestions."""
        return f"{self.add_prefix('table')}-names"

    @property
    def has_rows(self) -> bool:
        return bool((self.cleaned_data.get("rows") or "").strip())

    def content(self, directory: Path) -> Table | Source | None:
        """The Table or the rows, which are readable as long as the directory stands; what is wrong is told."""
        if not self.has_rows:
            chosen: Table | None = self.cleaned_data["table"]
            return chosen
        inner = directory / self.port.pk
        inner.mkdir()
        try:
            return pasted_rows(self.cleaned_data["rows"], inner)
        except MalformedError as error:
            self.add_error("rows", [fault.message for fault in error.faults])
            return None

    def add_report(self, report: Report) -> None:
        """Tell what is wrong with the rows."""
        for error in report.errors[:ERRORS_SHOWN]:
            place = f"row {error.row}: " if error.row else ""
            self.add_error("rows", ValidationError(place + error.message, code=error.code))
        if report.error_count > ERRORS_SHOWN:
            more = f"and {report.error_count - ERRORS_SHOWN} more errors in {report.row_count} rows."
            self.add_error("rows", ValidationError(more, code="more"))
