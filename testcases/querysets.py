"""Words to find test cases, runs and results by."""

from typing import TYPE_CHECKING, Self

from django.db import models

if TYPE_CHECKING:
    from testcases.models import Result, Run, TestCase  # noqa: F401


class TestCaseQuerySet(models.QuerySet["TestCase"]):
    """Finds TestCases."""

    def with_parts(self) -> Self:
        """Join the function, and the bindings with their ports and tables: two queries for any number."""
        return self.select_related("application", "function").prefetch_related("bindings__port", "bindings__table")


class ResultQuerySet(models.QuerySet["Result"]):
    """Finds Results."""

    def with_parts(self) -> Self:
        """Join what an answer about a Result names, its outputs and its pins."""
        return self.select_related("run", "test_case__function__application", "implementation").prefetch_related(
            "outputs", "pins__table_version__table__object"
        )


class RunQuerySet(models.QuerySet["Run"]):
    """Finds Runs."""
