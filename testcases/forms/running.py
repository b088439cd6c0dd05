"""The form that says which test cases are run, with which implementations and which configuration."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Count
from django.http import QueryDict

from catalog.models import Application, Configuration
from processes.models import Function, Implementation
from testcases.forms.cases import TagsField
from testcases.models import TestCase
from testcases.models.runs import Verdict
from testcases.selection import Criteria, select_test_cases

ALL = "*"
IMPLEMENTATIONS_LISTED = 100
FIELDS_OF_CRITERIA: Mapping[str, str] = {"functions": "function"}  # where the names differ


class FunctionField(forms.ModelChoiceField):
    """A Function, with its application."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.application.name}: {obj.name}"


class ConfigurationField(forms.ModelChoiceField):
    """A Configuration, with its application."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.application.name}: {obj.name}"


class RunForm(forms.Form):
    """Which test cases, of which all that is said must hold, and how they are run."""

    application = forms.ModelChoiceField(
        Application.objects.order_by("name"), required=False, empty_label="all", to_field_name="name"
    )
    function = FunctionField(
        Function.objects.select_related("application"),
        required=False,
        empty_label="all",
    )
    names = forms.CharField(
        label="Names",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text="One to a line; * stands for any characters, as in late *.",
    )
    tags = TagsField(required=False, help_text="Separated by commas; a test case needs one of them.")
    last_verdicts = forms.MultipleChoiceField(
        label="Whose last run was",
        required=False,
        choices=[(each, each) for each in (Verdict.FAILED, Verdict.ERROR, Verdict.SKIPPED, Verdict.PASSED)],
        widget=forms.CheckboxSelectMultiple,
    )
    stale = forms.BooleanField(
        label="Only where the last result is out of date",
        required=False,
        help_text="A table or the implementation that it saw has changed since.",
    )
    test_case = forms.ModelMultipleChoiceField(
        TestCase.objects.select_related("application", "function"), required=False, widget=forms.MultipleHiddenInput
    )
    implementations = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: the first of each function. With several, each test case is judged with each.",
    )
    configuration = ConfigurationField(
        Configuration.objects.select_related("application").order_by("application__name", "name"),
        required=False,
        empty_label="none",
        help_text="Where web services are, and their secrets.",
    )

    def __init__(self, data: Any = None, *, asked: QueryDict) -> None:
        super().__init__(data, initial=_initial(asked))
        self.chosen = self._chosen()
        functions = {case.function_id for case in self.chosen}
        if not functions and str(self["function"].value() or "").isalnum():
            functions = {str(self["function"].value())}
        self.fields["implementations"].choices = _implementation_choices(functions)  # type: ignore[attr-defined]

    def _chosen(self) -> list[TestCase]:
        """The test cases that were ticked before, which stand for all other criteria."""
        wanted = [each for each in self["test_case"].value() or [] if str(each).isalnum()]
        return list(TestCase.objects.select_related("function").filter(pk__in=wanted)) if wanted else []

    @property
    def criteria_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("application", "function", "tags", "names")]

    def criteria(self) -> Criteria:
        """What was asked for."""
        given = self.cleaned_data
        if self.chosen:
            chosen = [case.pk for case in self.chosen]
            return Criteria(test_cases=chosen, implementations=given["implementations"])
        return Criteria(
            functions=[given["function"].pk] if given["function"] else [],
            names=[line.strip() for line in given["names"].splitlines() if line.strip()],
            tags=given["tags"],
            last_verdicts=given["last_verdicts"],
            stale=given["stale"],
            implementations=given["implementations"],
        )

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        application, function, configuration = (
            given.get(name) for name in ("application", "function", "configuration")
        )
        if application and function and function.application_id != application.pk:
            message = f"The function is of {function.application.name}, not of {application.name}."
            self.add_error("function", ValidationError(message, code="wrong_application"))
        if configuration and application and configuration.application_id != application.pk:
            message = f"The configuration is of {configuration.application.name}, not of {application.name}."
            self.add_error("configuration", ValidationError(message, code="wrong_application"))
        return given

    def selected(self) -> Sequence[TestCase]:
        """The test cases that are asked for; none with the errors told. After `is_valid()`."""
        given = self.cleaned_data
        configuration = given["configuration"]
        application = given["application"] or (configuration.application if configuration else None)
        try:
            return select_test_cases(self.criteria(), application)
        except ValidationError as error:
            for name, errors in error.update_error_dict({}).items():
                field = FIELDS_OF_CRITERIA.get(name, name)
                self.add_error(field if field in self.fields and name != NON_FIELD_ERRORS else None, errors)
        return []


def _initial(asked: QueryDict) -> dict[str, Any]:
    """What an address asks for, in the words of the lists' filters."""
    initial: dict[str, Any] = {
        name: asked[name] for name in ("application", "function", "configuration") if asked.get(name)
    }
    initial["tags"] = asked.getlist("tag")
    initial["last_verdicts"] = [each for each in asked.getlist("verdict") if each in Verdict.values]
    initial["stale"] = bool(asked.get("stale"))
    initial["test_case"] = asked.getlist("test_case")
    initial["implementations"] = asked.getlist("implementation")
    return initial


def _implementation_choices(functions: set[str]) -> list[tuple[str, str]]:
    """Names of implementations, those of these functions or of all, the most frequent first."""
    found = Implementation.objects.filter(function__in=functions) if functions else Implementation.objects.all()
    counted = found.order_by().values_list("name").annotate(total=Count("id")).order_by("-total", "name")
    names = [
        (name, name if functions else f"{name} (of {total} function{'s' * (total != 1)})")
        for name, total in counted[:IMPLEMENTATIONS_LISTED]
    ]
    return [(ALL, "all that a function has"), *names]
