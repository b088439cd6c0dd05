"""Conditional requests of a resource that has no versions (RFC 9110, 13): what was read is what is changed, or nothing.

A leaf: it knows no app.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter
from rest_framework.response import Response

from config.api.errors import ProblemDetails, Refusal
from config.exact_json import dump_json

IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The `ETag` of what is to be changed, as it was read."
)


class ConditionalMixin:
    """A viewset of resources whose `ETag` is a digest of how they are answered."""

    request: Any
    kwargs: dict[str, Any]

    def retrieve(self, *args: Any, **options: Any) -> Response:
        """One, or 304 where the caller has it as it is (`If-None-Match`)."""
        answer: Response = super().retrieve(*args, **options)  # type: ignore[misc] # of the view
        tag = entity_tag(answer.data)
        if tag in _listed(self.request.headers.get("If-None-Match", "")):
            return Response(status=304, headers={"ETag": tag})
        answer["ETag"] = tag
        return answer

    def create(self, *args: Any, **options: Any) -> Response:
        """Make one; its `ETag` stands in the answer."""
        answer: Response = super().create(*args, **options)  # type: ignore[misc]
        answer["ETag"] = entity_tag(answer.data)
        return answer

    def update(self, *args: Any, **options: Any) -> Response:
        """Change one, if it is still as `If-Match` says."""
        with self._unchanged():
            answer: Response = super().update(*args, **options)  # type: ignore[misc]
        answer["ETag"] = entity_tag(answer.data)
        return answer

    def destroy(self, *args: Any, **options: Any) -> Response:
        """Delete one, if it is still as `If-Match` says."""
        with self._unchanged():
            answer: Response = super().destroy(*args, **options)  # type: ignore[misc]
        return answer

    @contextmanager
    def _unchanged(self) -> Iterator[None]:
        """Refuse with 412 unless the resource is as the caller read it; nobody else changes it meanwhile."""
        wanted = _listed(self.request.headers.get("If-Match", "*"))
        if "*" in wanted:
            yield
            return
        view: Any = self
        with transaction.atomic():
            list(view.queryset.model.objects.select_for_update().filter(pk=self.kwargs["pk"]).values_list("pk"))
            tag = entity_tag(view.get_serializer(view.get_object()).data)
            if tag not in wanted:
                detail = f"It is {tag} now, and not {', '.join(wanted)} any more."
                hint = "Read it again and repeat the change on what it is now."
                raise Refusal(ProblemDetails(412, "stale", "It has changed", detail, hint, headers={"ETag": tag}))
            yield


def entity_tag(document: Any) -> str:
    """The ETag of what is answered."""
    return f'"{hashlib.sha256(dump_json(document)).hexdigest()[:16]}"'


def _listed(text: str) -> list[str]:
    return [each.strip().removeprefix("W/") for each in text.split(",")]
