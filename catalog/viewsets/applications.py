"""Applications and configurations over REST."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.serializers import BaseSerializer

from catalog.filters import ApplicationFilter, ConfigurationFilter
from catalog.models import Application, Configuration
from catalog.serializers.applications import (
    ApplicationDetailSerializer,
    ApplicationSerializer,
    ConfigurationSerializer,
)
from config.api import CompletePagination
from config.api.conditional import ConditionalMixin
from config.api.viewsets import ResourceViewSet


class ApplicationViewSet(ConditionalMixin, ResourceViewSet[Application]):
    """Applications: the namespaces that own objects and functions."""

    queryset = Application.objects.all()
    filterset_class = ApplicationFilter
    search_fields = ["name", "comments"]
    ordering_fields = ["name", "id"]
    pagination_class = CompletePagination

    def get_queryset(self) -> QuerySet[Application]:
        queryset = super().get_queryset()
        return queryset if self.action == "list" else queryset.prefetch_related("configurations")

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return ApplicationSerializer if self.action == "list" else ApplicationDetailSerializer


class ConfigurationViewSet(ConditionalMixin, ResourceViewSet[Configuration]):
    """Configurations: named dictionaries that say where and how an application's functions run."""

    queryset = Configuration.objects.select_related("application")
    serializer_class = ConfigurationSerializer
    filterset_class = ConfigurationFilter
    search_fields = ["name", "comments"]
    ordering_fields = ["name", "id"]
    pagination_class = CompletePagination
