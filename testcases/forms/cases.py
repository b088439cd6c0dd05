"""The form of a TestCase: its fields, and for each port a Table or rows that become one."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import DatabaseError
from django.http import HttpRequest

from catalog.forms.attributes import StrictJSONField, join_members, split_members
from catalog.forms.objects import database_refusal
from catalog.models import Table
from catalog.writing import StaleObjectError
from config import temporary
from processes.models import Direction, Function
from testcases.forms.ports import PortTableForm
from testcases.given import Definition, InvalidRowsError, RowsDefinition, define_test_case
from testcases.models import TestCase
from testcases.models.cases import BindingDefinition

SIDES = {"inputs": Direction.INPUT, "outputs": Direction.OUTPUT}
COMPARISON_HELP = (
    'Options such as {"abs_tol": 0.001, "ordered": true, "key": ["id"], "ignore": ["loaded_at"], "mode": "subset"}; '
    "also rel_tol, per_attribute, null_equal, normalize_unicode, literal_matchers, and matchers such as "
    '[{"attribute": "loaded_at", "matcher": {"$not_null": true}}].'
)
ROWS_CONSEQUENCE = "They become a table and take the place of the one chosen above."
ERROR_HELP = (
    'Where the function must fail: {"kind": "conversion", "pattern": ".*not a number.*"}; the pattern is the whole '
    'message unless "match" is "part". The outputs need no tables then.'
)


class TagsField(forms.CharField):
    """Tags, separated by commas."""

    def to_python(self, value: Any) -> Any:
        return split_members(super().to_python(value) or "")

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else join_members(value or [], ", ")


class ObjectField(StrictJSONField):
    """A JSON object as text; nothing is {}."""

    def __init__(self, **options: Any) -> None:
        widget = forms.Textarea(attrs={"rows": 3, "class": "mono", "spellcheck": "false"})
        super().__init__(required=False, widget=widget, **options)

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        return {} if found is None else found

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) if value else ""


class TestCaseForm(forms.ModelForm):
    """A TestCase's own fields. It stays with its function."""

    __test__ = False

    tags = TagsField(required=False, help_text="Separated by commas.")
    comparison = ObjectField(help_text=COMPARISON_HELP)
    parameters = ObjectField()
    expected_error = ObjectField(help_text=ERROR_HELP)
    clock = forms.DateTimeField(
        required=False, help_text="When it is for the function, in UTC, such as 2026-01-31 12:00. Empty: now."
    )

    class Meta:
        model = TestCase
        fields = [
            *("function", "name", "summary", "tags", "enabled"),
            *("comparison", "parameters", "expected_error", "clock"),
        ]
        widgets = {"function": forms.HiddenInput, "summary": forms.Textarea(attrs={"rows": 2})}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["function"].disabled = True
        known = ", ".join(f"{each['name']} ({each['type']})" for each in self.instance.function.parameters)
        self.fields["parameters"].help_text = (
            f"Values in place of the defaults, as JSON. The function has {known}."
            if known
            else "The function has no parameters."
        )


class TestCaseEditor:
    """The page's form of a TestCase. Bound when the request is a POST."""

    __test__ = False

    def __init__(self, request: HttpRequest, case: TestCase) -> None:
        self.case = case
        data = request.POST if request.method == "POST" else None
        self.form = TestCaseForm(data, instance=case)
        bound = {} if case._state.adding else {binding.port_id: binding.table_id for binding in case.bindings.all()}
        ports = {"inputs": case.function.inputs, "outputs": case.function.outputs}
        self.sides = {
            side: [
                PortTableForm(
                    data,
                    prefix=f"port-{port.pk}",
                    port=port,
                    consequence=ROWS_CONSEQUENCE,
                    initial={"table": bound.get(port.pk)},
                )
                for port in ports[side]
            ]
            for side in SIDES
        }

    @property
    def port_forms(self) -> list[PortTableForm]:
        return [form for forms_ in self.sides.values() for form in forms_]

    @property
    def has_errors(self) -> bool:
        return self.form.is_bound and bool(self.form.errors or any(form.errors for form in self.port_forms))

    def save(self, author: Any) -> bool:
        """Save the TestCase with what stands on its ports; False with the errors beside the fields if not."""
        checked = [form.is_valid() for form in (self.form, *self.port_forms)]  # all, so that all errors are told
        if not all(checked):
            return False
        with temporary.directory("form") as directory:
            bound = {side: list(self._bound(side, directory)) for side in SIDES}
            if self.has_errors:
                return False
            self._define(bound, author)
        return not self.has_errors

    def _bound(self, side: str, directory: Path) -> Iterator[tuple[PortTableForm, Definition]]:
        """What each port of a side gets; a port that gets nothing is left out."""
        for form in self.sides[side]:
            content = form.content(directory)
            if isinstance(content, Table):
                yield form, BindingDefinition(form.port.name, content)
            elif content is not None:
                yield form, RowsDefinition(form.port.name, content)

    def _define(self, bound: dict[str, list[tuple[PortTableForm, Definition]]], author: Any) -> None:
        inputs, outputs = ([definition for _, definition in bound[side]] for side in SIDES)
        try:
            define_test_case(self.case, inputs, outputs, author)
        except InvalidRowsError as error:
            for (direction, position), report in error.reports.items():
                bound[f"{direction}s"][position][0].add_report(report)
        except ValidationError as error:
            for side, errors in error.error_dict.items():
                self._place(side, errors, [form for form, _ in bound[side]])
        except StaleObjectError as error:
            self.form.add_error(None, ValidationError(str(error), code="stale"))
        except DatabaseError as error:
            self.form.add_error(None, database_refusal(error))

    def _place(self, side: str, errors: Sequence[ValidationError], bound: Sequence[PortTableForm]) -> None:
        """Put each problem on its port; a missing table stands on the ports that lack one, in their order."""
        lacking = iter([form for form in self.sides[side] if form.port.required and form not in bound])
        for error in errors:
            steps = str((error.params or {}).get("pointer", "")).split("/")[1:]
            form = bound[int(steps[0])] if steps else next(lacking, None)
            if form is None:
                self.form.add_error(None, error)
            else:
                form.add_error("table", error)


class FunctionChoiceForm(forms.Form):
    """Which Function a new TestCase is of."""

    function = forms.ModelChoiceField(
        Function.objects.select_related("application"), label="Function", empty_label="Choose one"
    )
