"""The base of every viewset."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from django.db import models, transaction
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.routers import SimpleRouter
from rest_framework.serializers import BaseSerializer

from config.api.dry_runs import ACTIONS, PARAMETER, DryRunMixin
from config.api.filters import StrictFilterBackend, refuse_unknown_parameters
from config.timing import step

ModelType = TypeVar("ModelType", bound=models.Model)
ULID_PATTERN = "[0-9A-Za-z]{26}"


class StrictMixin:
    """Refuses query parameters that the action doesn't take.

    `parameters` says what an action takes besides the filters and pages of a list: action name -> names; None for an
    action that checks its own.
    """

    parameters: Mapping[str, Sequence[str] | None] = {}

    def initial(self, request: Request, *args: Any, **options: Any) -> None:
        with step("auth"):
            super().initial(request, *args, **options)  # type: ignore[misc] # of the view that this is mixed into
        action = getattr(self, "action", None) or ""
        own = self.parameters.get(action, ())
        if own is None or action in {"", "metadata"}:
            return
        allowed = {*own, *self.common_parameters(action)}
        if action == "list":
            allowed |= {*StrictFilterBackend().parameters(self), "limit", "offset"}
        refuse_unknown_parameters(request, allowed)

    def common_parameters(self, action: str) -> Sequence[str]:
        """What an action takes in every view of its kind."""
        return ()


class ResourceViewSet(DryRunMixin, StrictMixin, viewsets.ModelViewSet[ModelType]):
    """List, create, read, put, patch and delete one kind of resource, known by its ULID."""

    lookup_value_regex = ULID_PATTERN
    ordering_fields: Sequence[str] | Mapping[str, str] = ()

    def common_parameters(self, action: str) -> Sequence[str]:
        return [PARAMETER] if action in ACTIONS else []

    def get_success_headers(self, data: Any) -> dict[str, str]:
        """`Location` of what was made."""
        return {"Location": reverse(f"{self.basename}-detail", args=[data["id"]], request=self.request)}

    def page(self, queryset: Any, serializer_class: type[BaseSerializer[Any]]) -> Response:
        """A page of something that belongs to a resource."""
        found = self.paginate_queryset(queryset)
        return self.get_paginated_response(serializer_class(found, many=True).data)

    def perform_destroy(self, instance: ModelType) -> None:
        with transaction.atomic():
            instance.delete()


def author(request: Request) -> Any:
    """Who writes: the signed-in user, or None where the API is open."""
    return request.user if request.user.is_authenticated else None


class Router(SimpleRouter):
    """Every path works with and without its final slash."""

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"
