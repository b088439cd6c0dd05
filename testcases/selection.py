"""Which test cases a Run is asked to judge."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from catalog.models import Application
from config.models import refusals
from config.problems import Problem, nearest, pointer
from processes.models import Function, Implementation
from testcases.models import TestCase


def select_test_cases(
    application: Application,
    functions: Sequence[str] = (),
    test_cases: Sequence[str] = (),
    names: Sequence[str] = (),
    tags: Sequence[str] = (),
    implementation: str | None = None,
) -> list[TestCase]:
    """The test cases of an application that meet every criterion that is given, in the order of their names.

    functions, test_cases: ids. names: of test cases. tags: one of them is enough. implementation: the name of one that
    a selected function must have. Raises ValidationError by criterion (`does_not_exist`), and `empty_selection` where
    nothing is left. Five queries at most.
    """
    cases = TestCase.objects.filter(application=application)
    errors = {
        "functions": _absent(functions, Function.objects.filter(application=application), "pk", "function"),
        "test_cases": _absent(test_cases, cases, "pk", "test case"),
        "names": _absent(names, cases, "name", "test case"),
    }
    found = {name: refusals(problems) for name, problems in errors.items() if problems}
    if found:
        raise ValidationError(found)
    criteria = {"function__in": functions, "pk__in": test_cases, "name__in": names}
    cases = cases.filter(**{lookup: wanted for lookup, wanted in criteria.items() if wanted})
    chosen = list((cases.tagged(*tags) if tags else cases).select_related("function"))
    if not chosen:
        raise ValidationError("No test case is selected.", code="empty_selection")
    if implementation is not None:
        _check_implementation(implementation, {case.function_id for case in chosen})
    return chosen


def _absent(wanted: Sequence[str], among: Any, column: str, noun: str) -> list[Problem]:
    if not wanted:
        return []
    known = set(among.filter(**{f"{column}__in": wanted}).values_list(column, flat=True))
    return [
        Problem(pointer(position), "does_not_exist", f"The application has no {noun} {value!r}.")
        for position, value in enumerate(wanted)
        if value not in known
    ]


def _check_implementation(name: str, functions: Iterable[str]) -> None:
    known = sorted(set(Implementation.objects.filter(function__in=functions).values_list("name", flat=True)))
    if name not in known:
        message = f"No selected function has an implementation {name!r}; {nearest(name, known)}"
        raise ValidationError(
            {"implementation": refusals([Problem("", "does_not_exist", message)])},
        )
