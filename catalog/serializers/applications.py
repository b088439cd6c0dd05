"""Applications and configurations as JSON."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from catalog.models import Application, Configuration
from config.api import CheckedSerializer

ULID_EXAMPLE = "01JD4Y3Z8Q6V5T2W9X7R1N0MKB"


APPLICATION_EXAMPLE: Mapping[str, Any] = {"id": ULID_EXAMPLE, "name": "demo", "comments": None}
CONFIGURATION_EXAMPLE: Mapping[str, Any] = {
    "application_id": ULID_EXAMPLE,
    "name": "staging",
    "comments": None,
    "config": {"base_url": "https://staging.example.com", "headers": {"X-Token": {"$env": "EXEMPLAR_SECRET_TOKEN"}}},
}


@extend_schema_serializer(examples=[OpenApiExample("An application", APPLICATION_EXAMPLE)])
class ApplicationSerializer(CheckedSerializer[Application]):
    """An application."""

    class Meta:
        model = Application
        fields = ["id", "name", "comments"]


@extend_schema_serializer(
    examples=[
        OpenApiExample("An application to make", {"name": "weather", "comments": None}, request_only=True),
        OpenApiExample(
            "An application", {**APPLICATION_EXAMPLE, "configuration_ids": [ULID_EXAMPLE]}, response_only=True
        ),
    ]
)
class ApplicationDetailSerializer(ApplicationSerializer):
    """An application with the ids of its configurations."""

    configuration_ids = serializers.SerializerMethodField()

    class Meta(ApplicationSerializer.Meta):
        fields = [*ApplicationSerializer.Meta.fields, "configuration_ids"]

    def get_configuration_ids(self, application: Application) -> list[str]:
        return [configuration.pk for configuration in application.configurations.all()]


@extend_schema_serializer(
    examples=[
        OpenApiExample("A configuration to make", CONFIGURATION_EXAMPLE, request_only=True),
        OpenApiExample("A configuration", {"id": ULID_EXAMPLE, **CONFIGURATION_EXAMPLE}, response_only=True),
    ]
)
class ConfigurationSerializer(CheckedSerializer[Configuration]):
    """A configuration. `application_id` is given once; a configuration stays in its application."""

    fixed = ("application_id",)
    application_id = serializers.PrimaryKeyRelatedField(source="application", queryset=Application.objects.all())

    class Meta:
        model = Configuration
        fields = ["id", "application_id", "name", "comments", "config"]

    def get_extra_kwargs(self) -> dict[str, Any]:
        return {**super().get_extra_kwargs(), "config": {"required": False}}
