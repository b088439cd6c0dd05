"""Runs of implementations outside of the catalog, over REST: begin one, report each test case, finish it."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from config.api import ProblemDetails, describe
from config.api.viewsets import ULID_PATTERN, StrictMixin, author
from testcases.models import Result, Run
from testcases.reported import (
    AlreadyReportedError,
    NotReportedError,
    UnknownPinError,
    finish_reported_run,
    record_reported,
    start_reported_run,
)
from testcases.selection import Criteria, select_test_cases
from testcases.serializers.reported import ReportedResultSerializer, ReportedRunSerializer
from testcases.serializers.results import ResultDetailSerializer
from testcases.serializers.runs import RunSerializer
from testcases.viewsets.runs import RunResultViewSet

NOT_OPEN = OpenApiResponse(description="It has ended, or the catalog executes it itself.")


class ReportedRunViewSet(StrictMixin, viewsets.GenericViewSet[Run]):
    """Runs that are reported from outside."""

    queryset = Run.objects.with_names()
    serializer_class = RunSerializer
    lookup_value_regex = ULID_PATTERN

    @extend_schema(operation_id="runs_reported_create", request=ReportedRunSerializer, responses={201: RunSerializer})
    def create(self, request: Request) -> Response:
        """Begin a run of an implementation that the catalog doesn't know; its results are going to be reported."""
        sent = ReportedRunSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        wanted = dict(sent.validated_data)
        application, name = wanted.pop("application"), wanted.pop("implementation")
        criteria = Criteria(**wanted)
        cases = select_test_cases(criteria, application)
        run = start_reported_run(application, cases, name, criteria.as_dict(), author(request))
        address = reverse("api-run-detail", args=[run.pk], request=request)
        return Response(RunSerializer(run).data, status=201, headers={"Location": address})

    @extend_schema(operation_id="runs_finish", request=None, responses={200: RunSerializer, 409: NOT_OPEN})
    def finish(self, request: Request, pk: str) -> Response:
        """End a reported run with the verdict on what was reported."""
        return Response(RunSerializer(finish_reported_run(self.get_object())).data)


class ReportedResultViewSet(RunResultViewSet):
    """The results of one run, and what is reported to it."""

    @extend_schema(
        operation_id="runs_results_create",
        parameters=[OpenApiParameter("run_id", str, OpenApiParameter.PATH)],
        request=ReportedResultSerializer,
        responses={201: ResultDetailSerializer, 409: NOT_OPEN},
    )
    def create(self, request: Request, run_id: str) -> Response:
        """Report what came of a test case: it is compared with what is expected, and the result is stored."""
        run = get_object_or_404(Run, pk=run_id)
        sent = ReportedResultSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        result = Result.objects.with_parts().get(pk=record_reported(run, sent.reported))
        headers = {"Location": reverse("api-result-detail", args=[result.pk], request=request)}
        context: dict[str, Any] = {"request": request}
        return Response(ResultDetailSerializer(result, context=context).data, status=201, headers=headers)


@describe.register
def _(error: NotReportedError) -> ProblemDetails:
    return ProblemDetails(409, "not_reported", "Nobody reports to this run", str(error))


@describe.register
def _(error: AlreadyReportedError) -> ProblemDetails:
    return ProblemDetails(409, "already_reported", "The test case was reported", str(error))


@describe.register
def _(error: UnknownPinError) -> ProblemDetails:
    return ProblemDetails(409, "unknown_version", "What the client read is not there any more", str(error))
