"""Jobs over REST."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.errors import ProblemDetails, describe
from config.api.viewsets import ULID_PATTERN, StrictMixin, author
from jobs.execution import JobEndedError, cancel
from jobs.filters import JobFilter
from jobs.models import Job
from jobs.serializers import JobSerializer


class JobViewSet(StrictMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Job]):
    """Jobs: long work, with its progress. Live at the WebSocket `/ws/jobs/{id}`."""

    queryset = Job.objects.select_related("created_by")
    serializer_class = JobSerializer
    filterset_class = JobFilter
    lookup_value_regex = ULID_PATTERN
    search_fields = ["kind", "message"]
    ordering_fields = ["id", "kind", "state", "created_at", "finished_at"]

    @extend_schema(request=None, responses={200: JobSerializer, 409: OpenApiResponse(description="It has ended.")})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Stop a job: one that waits at once, one that runs at its next check. Nothing happens if it is asked twice."""
        return Response(JobSerializer(cancel(self.get_object(), author(request))).data)


@describe.register
def _(error: JobEndedError) -> ProblemDetails:
    return ProblemDetails(409, "job_ended", "The job has ended", str(error))
