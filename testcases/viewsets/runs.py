"""Runs and results over REST. A run happens while the caller waits."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.serializers import BaseSerializer

from catalog.models import Application
from config.api.viewsets import ULID_PATTERN, StrictMixin, author
from processes.models import Function
from testcases.filters import ResultFilter, RunFilter
from testcases.models import Result, Run
from testcases.runs import run_test_cases
from testcases.selection import select_test_cases
from testcases.serializers.runs import (
    DiffSerializer,
    ResultDetailSerializer,
    ResultSerializer,
    RunOptionsSerializer,
    RunRequestSerializer,
    RunSerializer,
)


def answer_run(request: Request, application: Application, **criteria: Sequence[str]) -> Response:
    """Run what meets the criteria, with the options of the body, and answer the finished run."""
    options = RunOptionsSerializer(data=request.data)
    options.is_valid(raise_exception=True)
    return _answer(request, application, options.validated_data["implementation"], criteria)


def _answer(
    request: Request, application: Application, implementation: str | None, criteria: dict[str, Sequence[str]]
) -> Response:
    cases = select_test_cases(application, **criteria, implementation=implementation)
    run = run_test_cases(application, cases, criteria, author(request), [implementation] if implementation else [])
    address = reverse("api-run-detail", args=[run.pk], request=request)
    return Response(RunSerializer(run).data, headers={"Location": address})


class FunctionRunViewSet(StrictMixin, viewsets.GenericViewSet[Function]):
    """Runs of a whole function."""

    queryset = Function.objects.select_related("application")
    serializer_class = RunOptionsSerializer
    lookup_value_regex = ULID_PATTERN

    @extend_schema(operation_id="functions_run_create", request=RunOptionsSerializer, responses={200: RunSerializer})
    def create(self, request: Request, pk: str) -> Response:
        """Run all test cases of a function and answer the finished run."""
        function = self.get_object()
        return answer_run(request, function.application, functions=[function.pk])


class RunViewSet(
    StrictMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Run],
):
    """Runs: executions of test cases."""

    queryset = Run.objects.select_related("application", "created_by")
    serializer_class = RunSerializer
    filterset_class = RunFilter
    lookup_value_regex = ULID_PATTERN
    ordering_fields = ["id", "created_at", "finished_at", "total", "failed", "error"]

    @extend_schema(request=RunRequestSerializer, responses={200: RunSerializer})
    def create(self, request: Request) -> Response:
        """Run test cases of an application and answer the finished run."""
        wanted = RunRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        criteria = dict(wanted.validated_data)
        return _answer(request, criteria.pop("application"), criteria.pop("implementation"), criteria)


class ResultViewSet(StrictMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Result]):
    """Results: the verdict on one test case in one run."""

    queryset = Result.objects.with_parts()
    filterset_class = ResultFilter
    lookup_value_regex = ULID_PATTERN
    search_fields = ["test_case__name", "message"]
    ordering_fields = {"id": "id", "created_at": "created_at", "test_case": "test_case__name", "verdict": "verdict"}

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return ResultSerializer if self.action == "list" else ResultDetailSerializer

    @extend_schema(responses={200: DiffSerializer})
    @action(detail=True)
    def diff(self, request: Request, pk: str) -> Response:
        """How the actual outputs differ from the expected ones: rows, cells, and what became of each attribute."""
        return Response(DiffSerializer(self.get_object()).data)


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
