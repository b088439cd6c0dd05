"""The form with which a person calls a Function: what goes in, which implementation, and how."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from catalog.forms.attributes import from_text, to_text
from catalog.models import Configuration, Table
from catalog.rules.secrets import ConfigurationError
from catalog.sources import Source
from config.models import NAME_LENGTH, NameInput
from processes.models import Function, Implementation
from processes.rules import check_arguments
from testcases.calling import Call, NonconformingInputsError
from testcases.forms.ports import PortTableForm
from testcases.models import TestCase

Given = dict[str, Table | Source]
ROWS_CONSEQUENCE = "They are used in place of the table chosen above."
CLOCK_HELP = "When it is for the function, in UTC, such as 2026-01-31 12:00. Empty: now."


class HowForm(forms.Form):
    """With which implementation, configuration, parameters and clock a Function is called."""

    implementation = forms.ModelChoiceField(Implementation.objects.none(), empty_label=None)
    configuration = forms.ModelChoiceField(
        Configuration.objects.none(),
        required=False,
        empty_label="none",
        help_text="Where a web service is, and its secrets.",
    )
    clock = forms.DateTimeField(required=False, help_text=CLOCK_HELP)

    def __init__(self, *args: Any, function: Function, **options: Any) -> None:
        super().__init__(*args, **options)
        self.function = function
        implementation, configuration = self.fields["implementation"], self.fields["configuration"]
        implementation.queryset = function.implementations.all()  # type: ignore[attr-defined]
        implementation.label_from_instance = _implementation_label  # type: ignore[attr-defined]
        configuration.queryset = function.application.configurations.order_by("name")  # type: ignore[attr-defined]
        configuration.label_from_instance = lambda found: found.name  # type: ignore[attr-defined]
        for position, parameter in enumerate(function.parameters):
            self.fields[_parameter_field(position)] = forms.CharField(
                label=f"{parameter['name']} ({parameter['type']})",
                required=False,
                strip=False,
                help_text=_parameter_help(parameter),
            )
        self.initial.setdefault("implementation", next((each.pk for each in function.implementations.all()), None))

    @property
    def parameter_fields(self) -> list[forms.BoundField]:
        return [self[_parameter_field(position)] for position in range(len(self.function.parameters))]

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        parameters = {}
        places = {}
        for position, parameter in enumerate(self.function.parameters):
            text = given.get(_parameter_field(position), "")
            places[parameter["name"]] = _parameter_field(position)
            if text:
                parameters[parameter["name"]] = from_text(parameter["type"], text)
        for problem in check_arguments(parameters, self.function.parameters):
            place = places.get(problem.path.lstrip("/"))
            self.add_error(place, ValidationError(problem.message, code=problem.code))
        return given | {"parameters": parameters}


class SaveForm(forms.Form):
    """The name of the test case that is made of a call."""

    name = NameInput(label="Name of the test case", max_length=NAME_LENGTH)


class CallEditor:
    """The page's form of a call. Bound when the request is a POST; `test_case`: whose inputs it begins with."""

    def __init__(self, request: HttpRequest, function: Function, test_case: TestCase | None = None) -> None:
        data = request.POST if request.method == "POST" else None
        self.function = function
        self.wants_to_save = bool(data and data.get("action") == "save")
        begun = _values_of(test_case) if test_case else {}
        if "implementation" in request.GET:
            names = {each.name: each.pk for each in function.implementations.all()}
            begun["implementation"] = names.get(request.GET["implementation"])
        self.how = HowForm(data, function=function, initial={name: each for name, each in begun.items() if each})
        self.save_form = SaveForm(data if self.wants_to_save else None)
        tables = {binding.port_id: binding.table_id for binding in test_case.bindings.all()} if test_case else {}
        self.ports = [
            PortTableForm(
                data,
                prefix=f"port-{port.pk}",
                port=port,
                consequence=ROWS_CONSEQUENCE,
                initial={"table": tables.get(port.pk)},
            )
            for port in function.inputs
        ]

    @property
    def forms(self) -> list[forms.Form]:
        """All forms of the page, in its order."""
        return [*self.ports, self.how, self.save_form]

    @property
    def has_errors(self) -> bool:
        return any(form.is_bound and form.errors for form in self.forms)

    def call(self, directory: Path) -> tuple[Call, Given] | None:
        """What is to be called and with what, readable as long as the directory stands; None with the errors told."""
        checked = [form.is_valid() for form in (*self.ports, self.how)]  # all, so that all errors are told
        if not all(checked):
            return None
        given: Given = {}
        for form in self.ports:
            content = form.content(directory)
            if content is not None:
                given[form.port.name] = content
            elif form.port.required and not form.errors:
                message = f"The port {form.port.name!r} needs a table of {form.port.object.name}, or rows."
                form.add_error("table", ValidationError(message, code="port_missing"))
        wanted = self.how.cleaned_data
        configuration = None
        try:
            configuration = wanted["configuration"].resolve() if wanted["configuration"] else None
        except ConfigurationError as error:
            self.how.add_error("configuration", ValidationError(str(error), code="unresolved"))
        if self.has_errors:
            return None
        return Call(
            self.function, wanted["implementation"], wanted["parameters"], configuration, wanted["clock"]
        ), given

    def refuse_inputs(self, error: NonconformingInputsError) -> None:
        """Tell which rows don't conform, beside their ports."""
        for form in self.ports:
            if form.port.name in error.reports:
                form.add_report(error.reports[form.port.name])


def _values_of(case: TestCase) -> dict[str, Any]:
    """What a test case says of how its function is called."""
    positions = {each["name"]: position for position, each in enumerate(case.function.parameters)}
    values = {_parameter_field(positions[name]): to_text(each) for name, each in case.parameters.items()}
    return {"clock": case.clock, **values}


def _parameter_field(position: int) -> str:
    return f"parameter_{position}"


def _parameter_help(parameter: Mapping[str, Any]) -> str:
    default = parameter.get("default")
    said = "null" if default is None else to_text(default) or "empty text"
    description = parameter.get("description") or ""
    return f"{description}{'. ' if description and not description.endswith('.') else ' '}Empty: {said}.".strip()


def _implementation_label(implementation: Implementation) -> str:
    return f"{implementation.name} ({implementation.get_kind_display()})"
