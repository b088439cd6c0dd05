"""Runs as JSON, and how two of them differ."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from catalog.models import Application
from config.api import StrictSerializer, UserField
from testcases.history import CHANGES
from testcases.models import Run
from testcases.models.runs import Verdict
from testcases.serializers.results import CASE_ID, COUNTS_EXAMPLE, RESULT_ID, RUN_ID, RowClassCountsSerializer

RUN_EXAMPLE: Mapping[str, Any] = {
    "id": RUN_ID,
    "application": "demo",
    "state": "finished",
    "verdict": "failed",
    "implementations": ["sql"],
    "configuration": None,
    "total": 2,
    "done": 2,
    "counts": {"passed": 1, "failed": 1, "error": 0, "skipped": 0},
    "job": None,
    "is_cancelling": False,
    "is_silent": False,
    "created_at": "2026-11-20T21:00:00Z",
    "started_at": "2026-11-20T21:00:00Z",
    "finished_at": "2026-11-20T21:00:01Z",
    "created_by": "ann",
}
BRIEF_EXAMPLE = {"id": RESULT_ID, "implementation": "sql", "verdict": "failed", "reason": "mismatch"}
AFTER_EXAMPLE = {"id": "01JD4Y3Z8Q6V5T2W9X7R1N0MKM", "implementation": "sql", "verdict": "passed", "reason": ""}
COMPARISON_EXAMPLE: Mapping[str, Any] = {
    "before": RUN_ID,
    "after": "01JD4Y3Z8Q6V5T2W9X7R1N0MKK",
    "counts": {"fixed": 1, "same": 1},
    "cases": [
        {
            "change": "fixed",
            "test_case": CASE_ID,
            "test_case_name": "two customers",
            "function_name": "sum_orders",
            "implementation": "sql",
            "before": BRIEF_EXAMPLE,
            "after": AFTER_EXAMPLE,
        }
    ],
}


@extend_schema_serializer(examples=[OpenApiExample("With every implementation", {"implementations": ["*"]})])
class RunOptionsSerializer(StrictSerializer):
    """How test cases are to be run."""

    implementation = serializers.CharField(
        default=None, allow_null=True, help_text="The name of one; by default each function's first."
    )
    implementations = serializers.ListField(
        child=serializers.CharField(), default=list, help_text="Names, or patterns such as `*`: each case with each."
    )
    configuration = serializers.CharField(
        default=None, allow_null=True, help_text="The name or id of a configuration of the application."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One list of implementations, whichever member named them."""
        one = attrs.pop("implementation")
        attrs["implementations"] = list(dict.fromkeys([*([one] if one is not None else []), *attrs["implementations"]]))
        return attrs


@extend_schema_serializer(examples=[OpenApiExample("All small ones", {"application": "demo", "tags": ["small"]})])
class RunRequestSerializer(RunOptionsSerializer):
    """Which test cases of an application are to be run: those that meet every criterion that is given."""

    application = serializers.SlugRelatedField(slug_field="name", queryset=Application.objects.all())
    functions = serializers.ListField(child=serializers.CharField(), default=list, help_text="Ids or names.")
    test_cases = serializers.ListField(child=serializers.CharField(), default=list, help_text="Ids.")
    names = serializers.ListField(
        child=serializers.CharField(), default=list, help_text="Of test cases, or patterns such as `late *`."
    )
    tags = serializers.ListField(child=serializers.CharField(), default=list, help_text="One of them is enough.")
    last_verdicts = serializers.ListField(
        child=serializers.CharField(), default=list, help_text="What the last run said, such as `failed`."
    )
    stale = serializers.BooleanField(default=False, help_text="Only those whose last result is out of date.")


class BriefResultSerializer(serializers.Serializer[Any]):
    """A result in a comparison."""

    id = serializers.CharField()
    implementation = serializers.CharField()
    verdict = serializers.CharField()
    reason = serializers.CharField()


class CaseChangeSerializer(serializers.Serializer[Any]):
    """A test case with an implementation in two runs."""

    change = serializers.ChoiceField(choices=CHANGES)
    test_case = serializers.CharField()
    test_case_name = serializers.CharField()
    function_name = serializers.CharField()
    implementation = serializers.CharField()
    before = BriefResultSerializer(allow_null=True)
    after = BriefResultSerializer(allow_null=True)


@extend_schema_serializer(examples=[OpenApiExample("One fixed", COMPARISON_EXAMPLE)])
class RunComparisonSerializer(serializers.Serializer[Any]):
    """What changed from one run to another."""

    before = serializers.CharField()
    after = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Cases by change.")
    cases = CaseChangeSerializer(many=True)


class OutputChangeSerializer(CaseChangeSerializer):
    """An output of a test case that two runs gave differently; rows are at `rows`, where both runs gave some."""

    output = serializers.CharField(help_text="The name of the port.")
    is_equal = serializers.BooleanField(allow_null=True, help_text="Null where only one of the runs gave rows.")
    summary = serializers.CharField()
    counts = RowClassCountsSerializer(allow_null=True)
    rows = serializers.URLField(allow_null=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "One output is another",
            {
                "count": 1,
                "count_truncated": False,
                "next": None,
                "previous": None,
                "results": [
                    {
                        **COMPARISON_EXAMPLE["cases"][0],
                        "output": "totals",
                        "is_equal": False,
                        "summary": "1 changed",
                        "counts": {**COUNTS_EXAMPLE, "missing": 0, "unexpected": 0},
                        "rows": "https://example.com/api/v1/results/01JD4Y3Z8Q6V5T2W9X7R1N0MKM/outputs/totals/diff",
                    }
                ],
                "same": 1,
                "verdicts": {"fixed": 1},
            },
        )
    ]
)
class RunDiffSerializer(serializers.Serializer[Any]):
    """A page of the outputs that are not the same in two runs, and how verdicts changed."""

    count = serializers.IntegerField()
    count_truncated = serializers.BooleanField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = OutputChangeSerializer(many=True)
    same = serializers.IntegerField(help_text="Outputs of the same rows in the same order, which are not listed.")
    verdicts = serializers.DictField(child=serializers.IntegerField(), help_text="Test cases by change.")


class CountsSerializer(serializers.Serializer[Any]):
    """Results by verdict."""

    passed = serializers.IntegerField()
    failed = serializers.IntegerField()
    error = serializers.IntegerField()
    skipped = serializers.IntegerField()


@extend_schema_serializer(examples=[OpenApiExample("One of two failed", RUN_EXAMPLE)])
class RunSerializer(serializers.ModelSerializer[Run]):
    """A run. Its verdict is empty until it has finished."""

    application = serializers.CharField(source="application.name")
    counts = CountsSerializer()
    verdict = serializers.ChoiceField(choices=Verdict.choices, allow_blank=True)
    implementations = serializers.SerializerMethodField(help_text="Those that were asked for; none: each first one.")
    configuration = serializers.SerializerMethodField(help_text="The name of the configuration it ran with.")
    done = serializers.IntegerField(help_text="How many results there are, of `total` that there will be.")
    job = serializers.CharField(
        source="job_id", allow_null=True, help_text="The job that executes it; null where the caller waited."
    )
    is_cancelling = serializers.BooleanField(help_text="Whether it was asked to stop, and has not yet.")
    is_silent = serializers.BooleanField(
        help_text="Whether the process that executes it may have died: it was not heard of, and no job executes it."
    )
    created_by = UserField()

    class Meta:
        model = Run
        fields = list(RUN_EXAMPLE)

    def get_implementations(self, run: Run) -> list[str]:
        return list(run.selection.get("implementations", []))

    def get_configuration(self, run: Run) -> str | None:
        found = run.selection.get("configuration")
        return found["name"] if found else None
