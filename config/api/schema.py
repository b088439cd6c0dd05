"""What OpenAPI says of the parts that every resource shares. Loaded at start-up by `config.apps`."""

from typing import Any

from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.contrib.django_filters import DjangoFilterExtension


class StrictFilterExtension(DjangoFilterExtension):
    """What OpenAPI says of the strict filters."""

    target_class = "config.api.StrictFilterBackend"
    match_subclasses = True
    priority = 1

    def get_schema_operation_parameters(self, auto_schema: Any, *args: Any, **options: Any) -> list[dict[str, Any]]:
        view = auto_schema.view
        self.target = DjangoFilterBackend()
        found = super().get_schema_operation_parameters(auto_schema, *args, **options)
        if getattr(view, "search_fields", None):
            words = ", ".join(view.search_fields).replace("__", ".")
            description = f"Words that must all stand in: {words}."
            found.append({"name": "search", "in": "query", "description": description, "schema": {"type": "string"}})
        if getattr(view, "ordering_fields", None):
            names = ", ".join(view.ordering_fields)
            description = f"Comma-separated, `-` for descending: {names}."
            found.append({"name": "ordering", "in": "query", "description": description, "schema": {"type": "string"}})
        return found
