"""Filters, search and ordering of lists, strict: ignoring a filter would answer everything."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from django.db.models import QuerySet
from django.http import QueryDict
from django_filters import rest_framework
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend, SearchFilter
from rest_framework.request import Request

from config.api.errors import ProblemDetails, Refusal, refusal
from config.problems import nearest, pointer

TEXT_CHARACTERS: Final = 1024  # SQLite looks for at most 50,000 bytes, and for less than a thousand words at once


def refuse_long_texts(parameters: Mapping[str, Any]) -> None:
    """Raise a 400 for the first parameter of a list that holds more text than anyone looks for."""
    for name in parameters:
        texts = parameters.getlist(name) if isinstance(parameters, QueryDict) else [parameters[name]]
        longest = max((len(str(text)) for text in texts), default=0)
        if longest > TEXT_CHARACTERS:
            message = f"The text has at most {TEXT_CHARACTERS:,} characters here; this one has {longest:,}."
            raise refusal(name[:TEXT_CHARACTERS], "max_length", message)


class FilterSet(rest_framework.FilterSet):
    """The filters of a list, in the API and on its page."""

    def __init__(self, data: Mapping[str, Any] | None = None, *args: Any, **options: Any) -> None:
        refuse_long_texts(data or {})
        super().__init__(data, *args, **options)


def refuse_unknown_parameters(request: Request, allowed: Collection[str]) -> None:
    """Raise a 400 that names the nearest parameter for each one that isn't allowed."""
    names = sorted(allowed)
    unknown = [name for name in request.query_params if name not in allowed]
    if not unknown:
        return
    errors = [
        {
            "pointer": pointer(name),
            "code": "unknown_parameter",
            "message": f"The parameter {name!r} is unknown; {nearest(name, names)}",
        }
        for name in unknown
    ]
    hint = f"Allowed here: {', '.join(names)}." if names else "No parameter is allowed here."
    detail = " ".join(str(error["message"]) for error in errors)
    raise Refusal(ProblemDetails(400, "unknown_parameter", "The request is not valid", detail, hint, errors))


def refuse_unknown_choices(request: Request, view: Any, error: ValidationError) -> None:
    """Raise a 400 with what is allowed for the first filter whose value is none of its choices."""
    refused: Mapping[str, Any] = error.get_full_details()  # type: ignore[assignment] # by field, of a form
    for name, listed in refused.items():
        choices = dict(view.filterset_class.base_filters[name].extra.get("choices", ()))
        if choices and any(each["code"] == "invalid_choice" for each in listed):
            text = next(each for each in request.query_params.getlist(name) if each not in choices)
            message = f"{name} is {text!r}; {nearest(text, list(choices))}"
            raise refusal(name, "invalid_choice", message, f"Allowed: {', '.join(choices)}.")


class StrictFilterBackend(BaseFilterBackend):
    """The view's FilterSet, `search=` over its `search_fields`, `ordering=` by its `ordering_fields`."""

    def parameters(self, view: Any) -> list[str]:
        """The query parameters that a list of this view takes."""
        filterset_class = getattr(view, "filterset_class", None)
        names = list(filterset_class.base_filters) if filterset_class else []
        names += ["search"] if getattr(view, "search_fields", None) else []
        return names + (["ordering"] if getattr(view, "ordering_fields", None) else [])

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        if getattr(view, "detail", False):
            return queryset
        refuse_long_texts(request.query_params)
        try:
            queryset = DjangoFilterBackend().filter_queryset(request, queryset, view)
        except ValidationError as error:
            refuse_unknown_choices(request, view, error)
            raise
        queryset = SearchFilter().filter_queryset(request, queryset, view)
        ordering = request.query_params.get("ordering")
        usual = queryset.query.order_by or queryset.model._meta.ordering
        # The key comes last, so that pages neither repeat nor lose a resource where names are equal.
        return queryset.order_by(*(_ordering(ordering, view) if ordering else usual), "pk")


def _ordering(text: str, view: Any) -> Sequence[str]:
    """Model fields to order by, from `-created_at,name`."""
    declared = getattr(view, "ordering_fields", ())
    fields = dict(declared) if isinstance(declared, dict) else {name: name for name in declared}
    found = []
    for word in text.split(","):
        name = word.removeprefix("-")
        if name not in fields:
            message = f"{name!r} can't order this list; {nearest(name, list(fields))}"
            raise refusal("ordering", "unknown_field", message, f"Allowed: {', '.join(fields)}.")
        found.append(("-" if word.startswith("-") else "") + fields[name])
    return found
