"""Test cases over REST."""

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from config.api.conditional import ConditionalMixin
from config.api.pages import read_limit
from config.api.viewsets import ResourceViewSet, author
from testcases.filters import TestCaseFilter
from testcases.history import history_of, trend_of
from testcases.models import TestCase
from testcases.serializers.cases import TestCaseSerializer
from testcases.serializers.results import HistorySerializer, ResultSerializer
from testcases.serializers.runs import RunOptionsSerializer
from testcases.viewsets.runs import PREFER, RUN_ANSWERS, answer_run


class TestCaseViewSet(ConditionalMixin, ResourceViewSet[TestCase]):
    """Test cases: given these tables on the inputs of a function, expect those on its outputs."""

    __test__ = False

    parameters = {"history": ["limit"]}
    queryset = TestCase.objects.with_parts().select_related("created_by", "function__application")
    serializer_class = TestCaseSerializer
    filterset_class = TestCaseFilter
    search_fields = ["name", "summary", "function__name"]
    ordering_fields = {
        "name": "name",
        "application": "application__name",
        "function": "function__name",
        "created_at": "created_at",
        "updated_at": "updated_at",
    }

    def perform_create(self, serializer: BaseSerializer[TestCase]) -> None:
        serializer.save(author=author(self.request))

    def perform_update(self, serializer: BaseSerializer[TestCase]) -> None:
        serializer.save(author=author(self.request))

    @extend_schema(parameters=[PREFER], request=RunOptionsSerializer, responses=RUN_ANSWERS)
    @action(detail=True, methods=["post"])
    def run(self, request: Request, pk: str) -> Response:
        """Run the test case."""
        case = self.get_object()
        return answer_run(request, case.application, test_cases=[case.pk])

    @extend_schema(responses={200: HistorySerializer})
    @action(detail=True)
    def history(self, request: Request, pk: str) -> Response:
        """The newest results of the test case, each with whether it is stale or flaky, and their trend."""
        case = self.get_object()
        limit = read_limit(request)
        results = list(history_of(case)[:limit])
        listed = ResultSerializer(results, many=True, context={"request": request}).data
        return Response({"test_case": case.pk, "trend": asdict(trend_of(results)), "results": listed})
