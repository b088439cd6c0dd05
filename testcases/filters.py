"""Filters of the lists of test cases, runs and results, for the API and the pages."""

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters

from config.api.filters import FilterSet
from testcases.models import Result, Run, TestCase
from testcases.models.runs import Reason, Verdict

BOOLEANS = [("true", "true"), ("false", "false")]


class TestCaseFilter(FilterSet):
    """Test cases by application, function, name, tag, and how they went last."""

    __test__ = False

    application = filters.CharFilter(field_name="application__name", label="Application (name)")
    function = filters.CharFilter(field_name="function_id", label="Function (id)")
    function_name = filters.CharFilter(field_name="function__name", label="Function (name)")
    table = filters.CharFilter(field_name="bindings__table_id", distinct=True, label="Table on a port (id)")
    tag = filters.CharFilter(method="with_tag", label="Tag")
    # Not a BooleanFilter: that one ignores what it can't read.
    enabled = filters.TypedChoiceFilter(choices=BOOLEANS, coerce=lambda text: text == "true", label="Enabled")
    verdict = filters.ChoiceFilter(method="with_verdict", choices=Verdict.choices, label="Verdict of the last result")

    class Meta:
        model = TestCase
        fields = {"name": ["exact", "icontains"]}

    def with_tag(self, queryset: Any, name: str, value: str) -> QuerySet[TestCase]:
        """Those that bear the tag."""
        found: QuerySet[TestCase] = queryset.tagged(value)
        return found

    def with_verdict(self, queryset: QuerySet[TestCase], name: str, value: str) -> QuerySet[TestCase]:
        """Those whose newest Result has the verdict."""
        return queryset.filter(pk__in=Result.objects.newest().filter(verdict=value).values("test_case"))


class RunFilter(FilterSet):
    """Runs by application, state, verdict, and the test cases and functions that they judged."""

    application = filters.CharFilter(field_name="application__name", label="Application (name)")
    state = filters.ChoiceFilter(choices=Run.State.choices, label="State")
    verdict = filters.ChoiceFilter(choices=Verdict.choices, label="Verdict")
    test_case = filters.CharFilter(field_name="results__test_case_id", distinct=True, label="Test case (id)")
    function = filters.CharFilter(field_name="results__test_case__function_id", distinct=True, label="Function (id)")

    class Meta:
        model = Run
        fields: list[str] = []


class ResultFilter(FilterSet):
    """Results by run, test case, function, application, implementation, verdict and reason."""

    run = filters.CharFilter(field_name="run_id", label="Run (id)")
    test_case = filters.CharFilter(field_name="test_case_id", label="Test case (id)")
    name = filters.CharFilter(field_name="test_case__name", label="Test case (name)")
    function = filters.CharFilter(field_name="test_case__function_id", label="Function (id)")
    application = filters.CharFilter(field_name="run__application__name", label="Application (name)")
    implementation = filters.CharFilter(field_name="implementation_name", label="Implementation (name)")
    verdict = filters.ChoiceFilter(choices=Verdict.choices, label="Verdict")
    reason = filters.ChoiceFilter(
        choices=[choice for choice in Reason.choices if choice[0]], label="Why the verdict is not passed"
    )
    latest = filters.TypedChoiceFilter(
        method="only_latest", choices=BOOLEANS, coerce=lambda text: text == "true", label="The newest of each test case"
    )

    class Meta:
        model = Result
        fields: list[str] = []

    def only_latest(self, queryset: Any, name: str, value: bool) -> QuerySet[Result]:
        """Only the newest Result of each test case, if so asked."""
        found: QuerySet[Result] = queryset.newest() if value else queryset
        return found
