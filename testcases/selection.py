"""Which test cases a Run is asked to judge."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from django.core.exceptions import ValidationError

from catalog.management.lookup import hint
from catalog.models import Application, Configuration
from config.models import refusals
from config.problems import Problem, nearest, pointer
from processes.models import Function, Implementation
from testcases.models import Result, TestCase
from testcases.models.runs import Verdict
from testcases.runs import is_pattern


@dataclass(frozen=True)
class Criteria:
    """What a test case must meet: one of each kind that is given.

    functions: ids or names. test_cases: ids. names: of test cases, or patterns such as `late *`. tags: one is enough.
    last_verdicts: what its newest Run said, with any implementation. stale: only those whose newest Result is out of
    date. implementations: names or patterns; a selected function must have one of each.
    """

    functions: Sequence[str] = ()
    test_cases: Sequence[str] = ()
    names: Sequence[str] = ()
    tags: Sequence[str] = ()
    last_verdicts: Sequence[str] = ()
    stale: bool = False
    implementations: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        """The criteria that were given, as a Run keeps them."""
        return {name: value for name, value in vars(self).items() if value}


def select_test_cases(criteria: Criteria, application: Application | None = None) -> list[TestCase]:
    """The test cases, of one application or of all, that meet every criterion, by application, function and name.

    Raises ValidationError by criterion (`does_not_exist`, with the nearest name), and `empty_selection` where nothing
    is left. A handful of queries.
    """
    cases = TestCase.objects.all()
    functions = Function.objects.all()
    if application:
        cases, functions = cases.filter(application=application), functions.filter(application=application)
    chosen_functions, unknown_functions = _functions(criteria.functions, functions)
    named, unknown_names = _named(criteria.names, cases)
    errors = {
        "functions": unknown_functions,
        "test_cases": _absent(criteria.test_cases, cases),
        "names": unknown_names,
        "last_verdicts": _unknown(criteria.last_verdicts, Verdict.values, "verdict"),
    }
    found = {name: refusals(problems) for name, problems in errors.items() if problems}
    if found:
        raise ValidationError(found)
    wanted = {
        "function__in": chosen_functions if criteria.functions else None,
        "pk__in": list(criteria.test_cases) or None,
        "name__in": named if criteria.names else None,
    }
    cases = cases.filter(**{lookup: values for lookup, values in wanted.items() if values is not None})
    if criteria.tags:
        cases = cases.tagged(*criteria.tags)
    if criteria.last_verdicts:
        cases = cases.filter(pk__in=Result.objects.of_newest_runs().filter(verdict__in=criteria.last_verdicts).cases())
    if criteria.stale:
        cases = cases.filter(pk__in=stale_cases(cases))
    chosen = list(cases.prefetch_related("application", "function"))  # of many cases, these are few
    if not chosen:
        raise ValidationError("No test case is selected.", code="empty_selection")
    _check_implementations(criteria.implementations, {case.function_id for case in chosen})
    return chosen


def find_configuration(application: Application, name: str) -> Configuration:
    """A configuration of an application, by its name or its id. Raises ValidationError with the nearest name."""
    configurations = application.configurations.all()
    found = configurations.filter(name=name).first() or configurations.filter(pk=name).first()
    if found is None:
        known = [each.name for each in configurations]
        message = f"The application {application.name} has no configuration {name!r}; {nearest(name, known)}"
        raise ValidationError({"configuration": refusals([Problem("", "does_not_exist", message)])})
    return found


def stale_cases(cases: Any) -> list[str]:
    """The ids of those cases whose newest Result is out of date. One query; an object for each case."""
    newest = Result.objects.newest().with_staleness().filter(test_case__in=cases)
    return [each.test_case_id for each in newest.defer("message", "errors", "timings_ms").order_by() if each.is_stale]


def _functions(wanted: Sequence[str], functions: Any) -> tuple[list[str], list[Problem]]:
    """The ids of functions that are named, or whose ids are given."""
    if not wanted:
        return [], []
    names: dict[str, str] = dict(functions.values_list("pk", "name"))
    ids = [pk for pk, name in names.items() if pk in wanted or any(_is_meant(name, each) for each in wanted)]
    known = {*names, *names.values()}
    lacking = [
        (position, each)
        for position, each in enumerate(wanted)
        if each not in known and not any(_is_meant(name, each) for name in names.values())
    ]
    return ids, [_absence(position, each, "function", list(names.values())) for position, each in lacking]


def _named(wanted: Sequence[str], cases: Any) -> tuple[list[str], list[Problem]]:
    """The names of cases that are given, or that patterns match."""
    if not wanted:
        return [], []
    if any(map(is_pattern, wanted)):
        names = list(cases.order_by("name").values_list("name", flat=True))
    else:
        names = list(cases.filter(name__in=wanted).values_list("name", flat=True))
    found = [name for name in names if any(_is_meant(name, each) for each in wanted)]
    lacking = [
        (position, each) for position, each in enumerate(wanted) if not any(_is_meant(name, each) for name in found)
    ]
    known = list(cases.values_list("name", flat=True)) if lacking else []
    return found, [_absence(position, each, "test case", known) for position, each in lacking]


def _is_meant(name: str, wanted: str) -> bool:
    return name == wanted or (is_pattern(wanted) and fnmatchcase(name, wanted))


def _absence(position: int, wanted: str, noun: str, known: Sequence[str]) -> Problem:
    return Problem(pointer(position), "does_not_exist", f"There is no {noun} {wanted!r} to run; {hint(wanted, known)}")


def _absent(wanted: Sequence[str], cases: Any) -> list[Problem]:
    known = set(cases.filter(pk__in=wanted).values_list("pk", flat=True)) if wanted else set()
    return [
        Problem(pointer(position), "does_not_exist", f"There is no test case {pk!r} to run.")
        for position, pk in enumerate(wanted)
        if pk not in known
    ]


def _unknown(wanted: Sequence[str], known: Sequence[str], noun: str) -> list[Problem]:
    return [
        Problem(pointer(position), "invalid_choice", f"There is no {noun} {each!r}; {nearest(each, known)}")
        for position, each in enumerate(wanted)
        if each not in known
    ]


def _check_implementations(wanted: Sequence[str], functions: Iterable[str]) -> None:
    if not wanted:
        return
    known = sorted(set(Implementation.objects.filter(function__in=functions).values_list("name", flat=True)))
    problems = [
        Problem(
            pointer(position),
            "does_not_exist",
            f"No selected function has an implementation {each!r}; {nearest(each, known)}",
        )
        for position, each in enumerate(wanted)
        if not any(_is_meant(name, each) for name in known)
    ]
    if problems:
        raise ValidationError({"implementations": refusals(problems)})
