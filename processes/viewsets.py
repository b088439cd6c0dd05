"""Functions over REST."""

from rest_framework.serializers import BaseSerializer

from config.api.conditional import ConditionalMixin
from config.api.viewsets import ResourceViewSet, author
from processes.filters import FunctionFilter
from processes.models import Function
from processes.serializers import FunctionSerializer


class FunctionViewSet(ConditionalMixin, ResourceViewSet[Function]):
    """Functions: processes with named input and output ports, and how they are computed."""

    queryset = Function.objects.with_parts().select_related("created_by")
    serializer_class = FunctionSerializer
    filterset_class = FunctionFilter
    search_fields = ["name", "summary"]
    ordering_fields = {
        "name": "name",
        "application": "application__name",
        "created_at": "created_at",
        "updated_at": "updated_at",
    }

    def perform_create(self, serializer: BaseSerializer[Function]) -> None:
        serializer.save(created_by=author(self.request))
