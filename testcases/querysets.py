"""Words to find test cases, runs and results by."""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Exists, F, OuterRef, Prefetch, Q, Subquery, Value

from catalog.models import ObjectSchema

if TYPE_CHECKING:
    from testcases.models import Result, Run, TestCase  # noqa: F401


class ListHolds(models.Func):
    """Whether a JSON list holds a text: `ListHolds("tags", Value("slow"))`."""

    output_field = models.BooleanField()
    arity = 2

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        return self.as_sql(
            compiler,
            connection,
            template="EXISTS (SELECT 1 FROM json_each(%(expressions)s)",
            arg_joiner=") WHERE json_each.value = ",
            **context,
        )

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, function="jsonb_exists", **context)


def tagged_q(tags: Iterable[str]) -> Q:
    """Test cases with at least one of these tags."""
    return reduce(or_, (Q(ListHolds("tags", Value(tag))) for tag in tags), Q())


class TestCaseQuerySet(models.QuerySet["TestCase"]):
    """Finds TestCases."""

    def with_parts(self) -> Self:
        """Join the function, and the bindings with their ports and tables: two queries for any number."""
        return self.select_related("application", "function").prefetch_related("bindings__port", "bindings__table")

    def tagged(self, *tags: str) -> Self:
        """Those with at least one of these tags."""
        return self.filter(tagged_q(tags))

    def with_last_result(self) -> Self:
        """Prefetch each case's newest Result as the only member of `last_results`; it can tell whether it is stale."""
        results = apps.get_model("testcases", "Result").objects.newest().with_staleness()
        return self.prefetch_related(Prefetch("results", queryset=results, to_attr="last_results"))

    def with_last_results(self) -> Self:
        """Prefetch each case's newest Result with each of its function's implementations, as `last_results`."""
        results = apps.get_model("testcases", "Result").objects.newest_of_each_implementation().with_staleness()
        return self.prefetch_related(Prefetch("results", queryset=results, to_attr="last_results"))


class ResultQuerySet(models.QuerySet["Result"]):
    """Finds Results."""

    def with_parts(self) -> Self:
        """Join what an answer about a Result names, its outputs and its pins."""
        return (
            self.select_related("run__configuration", "test_case__function__application", "implementation")
            .prefetch_related("outputs", "pins__table_version__table__object")
            .with_sight()
            .with_flakiness()
        )

    def with_report(self) -> Self:
        """Join what a report of a Run tells of a Result, and no more: there may be many."""
        return self.select_related("test_case__function").prefetch_related("outputs").order_by("id")

    def with_sight(self) -> Self:
        """Join what says who may see their values (testcases.sight)."""
        return self.prefetch_related(
            "pins__table_version__object_version",
            Prefetch("test_case__function__ports__object", ObjectSchema.objects.with_current()),
        )

    def newest(self) -> Self:
        """The newest Result of each test case that its Run came to: one step in an index for each case."""
        judged = self.model._default_manager.exclude(reason="cancelled")
        newest = judged.filter(test_case=OuterRef("pk")).order_by("-id").values("pk")[:1]
        cases = apps.get_model("testcases", "TestCase").objects.annotate(newest=Subquery(newest))
        return self.filter(pk__in=cases.values("newest"))

    def newest_of_each_implementation(self) -> Self:
        """The newest Result of each test case with each implementation that its function has."""
        newest = (
            self.model._default_manager.filter(
                test_case=OuterRef("pk"), implementation_name=OuterRef("function__implementations__name")
            )
            .order_by("-id")
            .values("pk")[:1]
        )
        cases = apps.get_model("testcases", "TestCase").objects.order_by()
        return self.filter(pk__in=cases.annotate(newest=Subquery(newest)).values("newest"))

    def of_newest_runs(self) -> Self:
        """The Results of each test case in the last Run that judged it, with whatever implementations."""
        judged = self.model._default_manager.exclude(reason="cancelled")
        newest = judged.filter(test_case=OuterRef("test_case")).order_by("-id").values("run")[:1]
        return self.filter(run=Subquery(newest))

    def cases(self) -> Any:
        """The ids of their test cases, for a filter."""
        return self.values("test_case")

    def with_flakiness(self) -> Self:
        """Annotate `has_other_verdict`: another Result saw the same and had another verdict."""
        others = self.model._default_manager.filter(
            ~Q(verdict=OuterRef("verdict")), test_case=OuterRef("test_case"), fingerprint=OuterRef("fingerprint")
        ).exclude(reason="cancelled")
        return self.annotate(has_other_verdict=Exists(others) & ~Q(fingerprint="") & ~Q(reason="cancelled"))

    def flaky(self) -> Self:
        """Those of `with_flakiness` that are."""
        return self.filter(has_other_verdict=True)

    def with_staleness(self) -> Self:
        """Annotate `is_outdated` (a pinned table has a newer version) and join what else may have changed."""
        outdated = apps.get_model("testcases", "Pin").objects.filter(
            ~Q(table_version__number=F("table_version__table__version")), result=OuterRef("pk")
        )
        joined = self.select_related("implementation", "run__configuration", "test_case")
        return joined.annotate(is_outdated=Exists(outdated))


class RunQuerySet(models.QuerySet["Run"]):
    """Finds Runs."""

    def with_names(self) -> Self:
        """Join what an answer about a Run names, and its Job."""
        return self.select_related("application", "created_by", "job")
