"""Runs and results over REST. A small run happens while the caller waits; a worker executes a large one, or any with
`Prefer: respond-async`."""

from collections.abc import Sequence
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.serializers import BaseSerializer

from catalog.models import Application
from catalog.viewsets.tables import etag, expected_version
from config.api import JSONRenderer, ProblemDetails, describe, refusal
from config.api.pages import envelope, read_limit, read_offset
from config.api.preferences import Preferences, read_preferences
from config.api.streams import stream_response
from config.api.viewsets import ULID_PATTERN, StrictMixin, author
from jobs.serializers import JOB_EXAMPLE
from processes.models import Function
from testcases.accepting import NotAcceptableError, accept_actual
from testcases.deferring import cancel_run, defer_run, is_large, wait_for
from testcases.filters import ResultFilter, RunFilter
from testcases.history import compare_runs
from testcases.junit import MEDIA_TYPE, junit_xml
from testcases.models import Result, Run
from testcases.recording import RunEndedError
from testcases.run_diffs import OutputChange, compare_outputs
from testcases.runs import run_test_cases
from testcases.selection import Criteria, find_configuration, select_test_cases
from testcases.serializers.results import AcceptedSerializer, AcceptSerializer, ResultDetailSerializer, ResultSerializer
from testcases.serializers.runs import (
    RUN_EXAMPLE,
    RunComparisonSerializer,
    RunDiffSerializer,
    RunOptionsSerializer,
    RunRequestSerializer,
    RunSerializer,
)
from testcases.sight import as_seen

DIFF_LIMIT: Final = 20  # outputs compared for one answer, unless it is told
WAIT_SECONDS_MOST: Final = 30
WAIT_DIGITS: Final = 10
WAITING_EXAMPLE: Final = {
    **RUN_EXAMPLE,
    "state": "queued",
    "verdict": "",
    "done": 0,
    "counts": {"passed": 0, "failed": 0, "error": 0, "skipped": 0},
    "job": JOB_EXAMPLE["id"],
    "started_at": None,
    "finished_at": None,
}
PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description="`respond-async` leaves the run to a worker, as a run over many cases is; `wait=10` waits so many "
    f"seconds for it, at most {WAIT_SECONDS_MOST}.",
)
RUN_ANSWERS: Final = {
    200: OpenApiResponse(RunSerializer, "The run has ended."),
    202: OpenApiResponse(
        RunSerializer,
        "A worker executes it: the run, which is also at `Location`, with its `job`.",
        [OpenApiExample("A run that waits", WAITING_EXAMPLE)],
    ),
}


def answer_run(request: Request, application: Application, **criteria: Sequence[str]) -> Response:
    """Run what meets the criteria, with the options of the body, and answer the run."""
    options = RunOptionsSerializer(data=request.data)
    options.is_valid(raise_exception=True)
    return _answer(request, application, {**options.validated_data, **criteria})


def _answer(request: Request, application: Application, wanted: dict[str, Any]) -> Response:
    name = wanted.pop("configuration")
    configuration = find_configuration(application, name) if name is not None else None
    criteria = Criteria(**wanted)
    cases = select_test_cases(criteria, application)
    preferences = read_preferences(request)
    is_deferred = preferences.wants("respond-async", "") or is_large(cases, criteria.implementations)
    verb = defer_run if is_deferred else run_test_cases
    run = verb(application, cases, criteria.as_dict(), author(request), criteria.implementations, configuration)
    if is_deferred:
        run = wait_for(run, _patience(preferences))
    address = reverse("api-run-detail", args=[run.pk], request=request)
    headers = {"Location": address, **preferences.headers}
    return Response(RunSerializer(run).data, status=200 if run.has_ended else 202, headers=headers)


def _patience(preferences: Preferences) -> int:
    """How many seconds the caller would rather wait than be told to look again (RFC 7240, `wait`)."""
    text = preferences.values.get("wait", "")
    if not (text.isascii() and text.isdecimal() and len(text) < WAIT_DIGITS):
        return 0
    preferences.applied["wait"] = str(min(int(text), WAIT_SECONDS_MOST))
    return int(preferences.applied["wait"])


class FunctionRunViewSet(StrictMixin, viewsets.GenericViewSet[Function]):
    """Runs of a whole function."""

    queryset = Function.objects.select_related("application")
    serializer_class = RunOptionsSerializer
    lookup_value_regex = ULID_PATTERN

    @extend_schema(
        operation_id="functions_run_create", parameters=[PREFER], request=RunOptionsSerializer, responses=RUN_ANSWERS
    )
    def create(self, request: Request, pk: str) -> Response:
        """Run all test cases of a function."""
        function = self.get_object()
        return answer_run(request, function.application, functions=[function.pk])


class JUnitRenderer(BaseRenderer):
    """Takes part in content negotiation only: the view streams the document itself."""

    media_type = MEDIA_TYPE
    format = "xml"
    charset = None


class RunViewSet(
    StrictMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Run],
):
    """Runs: executions of test cases. Live at the WebSocket `/ws/runs/{id}`."""

    queryset = Run.objects.with_names()
    serializer_class = RunSerializer
    filterset_class = RunFilter
    lookup_value_regex = ULID_PATTERN
    parameters = {"diff": ["against", "limit", "offset"]}
    ordering_fields = ["id", "created_at", "finished_at", "total", "failed", "error"]

    @extend_schema(parameters=[PREFER], request=RunRequestSerializer, responses=RUN_ANSWERS)
    def create(self, request: Request) -> Response:
        """Run test cases of an application: a few at once, many by a worker, to which 202 points."""
        wanted = RunRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        criteria = dict(wanted.validated_data)
        return _answer(request, criteria.pop("application"), criteria)

    @extend_schema(request=None, responses={200: RunSerializer, 409: OpenApiResponse(description="It has ended.")})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Stop a run before its next case. The results that it has stay; a run that had begun skips the other cases
        with the reason `cancelled`."""
        return Response(RunSerializer(cancel_run(self.get_object(), author(request))).data)

    @extend_schema(operation_id="runs_compare", responses={200: RunComparisonSerializer})
    @action(detail=True, url_path=f"compare/(?P<other>{ULID_PATTERN})")
    def compare(self, request: Request, pk: str, other: str) -> Response:
        """What changed from this run to another: cases fixed, broken, still failing, new, gone."""
        found = compare_runs(self.get_object(), get_object_or_404(Run, pk=other))
        return Response(
            {
                "before": found.before.pk,
                "after": found.after.pk,
                "counts": found.counts,
                "cases": [each.as_dict() for each in found.cases],
            }
        )

    @extend_schema(
        operation_id="runs_diff",
        parameters=[
            OpenApiParameter("against", str, required=True, description="The id of the run before."),
            OpenApiParameter("limit", int),
            OpenApiParameter("offset", int),
        ],
        responses={200: RunDiffSerializer},
    )
    @action(detail=True)
    def diff(self, request: Request, pk: str) -> Response:
        """How the actual outputs of this run differ from those of another one, case by case and port by port."""
        against = request.query_params.get("against")
        if against is None:
            raise refusal("against", "required", "against is missing: the id of the run before.")
        before = Run.objects.filter(pk=against).first()
        if before is None:
            raise refusal("against", "does_not_exist", f"There is no run {against!r}.")
        found = compare_outputs(before, self.get_object())
        limit, offset = read_limit(request, DIFF_LIMIT), read_offset(request)
        listed = [{**each.as_dict(), "rows": self._rows(each)} for each in found.compared(offset, offset + limit)]
        total = len(found.outputs)
        answer = envelope(request, listed, total, False, limit, offset, offset + limit < total)
        answer.data |= {"same": found.same, "verdicts": found.verdicts}
        return answer

    def _rows(self, each: OutputChange) -> str | None:
        if each.case.before is None or each.case.after is None or each.diff is None:
            return None
        address = reverse("api-result-output-diff", args=[each.case.after.pk, each.port_name], request=self.request)
        return f"{address}?against={each.case.before.pk}"

    @extend_schema(operation_id="runs_junit", responses={(200, MEDIA_TYPE): OpenApiTypes.STR})
    def junit(self, request: Request, pk: str) -> HttpResponseBase:
        """The run as JUnit's XML."""
        run = self.get_object()
        results = run.results.with_parts().order_by("id")
        seen = (as_seen(request._request, each) for each in results.iterator(chunk_size=200))
        pieces = junit_xml([(run, seen)])
        blocks = (piece.encode() for piece in pieces)
        return stream_response(request._request, blocks, MEDIA_TYPE, f"run {run.pk}.junit.xml", is_text=True)

    def retrieve(self, request: Request, *args: Any, **options: Any) -> Any:
        """One run; as JUnit's XML where `Accept` names application/xml."""
        if getattr(request.accepted_renderer, "format", "") == JUnitRenderer.format:
            return self.junit(request, options["pk"])
        return super().retrieve(request, *args, **options)

    def get_renderers(self) -> list[BaseRenderer]:
        """What `Accept` may name."""
        return [JSONRenderer(), *([JUnitRenderer()] if self.action in {"retrieve", "junit"} else [])]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """A suffix in the path outweighs `Accept`."""
        return super().perform_content_negotiation(request, force or self.action == "junit")


class ResultViewSet(StrictMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Result]):
    """Results: the verdict on one test case in one run."""

    queryset = Result.objects.with_parts()
    filterset_class = ResultFilter
    lookup_value_regex = ULID_PATTERN
    search_fields = ["test_case__name", "message"]
    ordering_fields = {"id": "id", "created_at": "created_at", "test_case": "test_case__name", "verdict": "verdict"}

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return ResultSerializer if self.action == "list" else ResultDetailSerializer

    @extend_schema(request=AcceptSerializer, responses={200: AcceptedSerializer})
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        """Make the actual rows the expected ones: a new version of each expected table, with the reason."""
        sent = AcceptSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        wanted = sent.validated_data
        versions = accept_actual(
            self.get_object(),
            wanted["message"],
            author(request),
            wanted["outputs"],
            expected_version(request),
            wanted["confirm"],
        )
        tables = [{"table": each.table_id, "table_name": each.table.name, "version": each.number} for each in versions]
        headers = etag(versions[0].number) if len(versions) == 1 else None
        return Response({"tables": tables}, headers=headers)


class RunResultViewSet(StrictMixin, mixins.ListModelMixin, viewsets.GenericViewSet[Result]):
    """The results of one run."""

    queryset = Result.objects.with_parts()
    serializer_class = ResultSerializer
    filterset_class = ResultFilter
    search_fields = ResultViewSet.search_fields
    ordering_fields = ResultViewSet.ordering_fields

    @extend_schema(parameters=[OpenApiParameter("run_id", str, OpenApiParameter.PATH)])
    def list(self, request: Request, run_id: str) -> Response:
        """The results of a run, in the order in which they fell."""
        return super().list(request)

    def get_queryset(self) -> QuerySet[Result]:
        if "run_id" not in self.kwargs:  # while the schema is written
            return super().get_queryset().none()
        return super().get_queryset().filter(run=get_object_or_404(Run, pk=self.kwargs["run_id"]))


@describe.register
def _(error: NotAcceptableError) -> ProblemDetails:
    members = {"test_cases": list(error.others)} if error.others else {}
    return ProblemDetails(
        409, error.code, "This can't be accepted as expected", str(error), error.hint, members=members
    )


@describe.register
def _(error: RunEndedError) -> ProblemDetails:
    return ProblemDetails(409, "run_ended", "The run has ended", str(error))
