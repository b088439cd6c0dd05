"""`dry_run=1` on the writes of a resource: everything is done but the commit. A leaf: it knows no app."""

from typing import Any, Final

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.errors import refusal

PARAMETER: Final = "dry_run"
ACTIONS: Final = frozenset({"create", "update", "partial_update", "destroy"})
YES: Final = ("1", "true")
NO: Final = ("0", "false")


class DryRunMixin:
    """A view whose writes may be tried: the answer is what it would have been, and nothing is stored."""

    def dispatch(self, request: Any, *args: Any, **options: Any) -> Any:
        """Answer; a trial inside a transaction that is taken back."""
        if request.GET.get(PARAMETER) not in YES:
            return super().dispatch(request, *args, **options)  # type: ignore[misc] # of the view
        with transaction.atomic():
            response = super().dispatch(request, *args, **options)  # type: ignore[misc]
            transaction.set_rollback(True)
        return _tried(response)

    def initial(self, request: Request, *args: Any, **options: Any) -> None:
        """Refuse a value that is neither yes nor no."""
        super().initial(request, *args, **options)  # type: ignore[misc]
        text = request.query_params.get(PARAMETER, "0")
        if text not in (*YES, *NO):
            raise refusal(PARAMETER, "type", f"{PARAMETER} is {text!r}; it must be 1 or 0.")


def is_dry_run(request: Request) -> bool:
    """Whether a request is a trial."""
    return request.query_params.get(PARAMETER) in YES


def _tried(response: Any) -> Any:
    """The answer without what is not there: no address, no version."""
    if not isinstance(response, Response) or response.status_code >= 300:
        return response
    response.data = {**(response.data or {}), PARAMETER: True}
    response.status_code = 200
    for name in ("Location", "ETag"):
        response.headers.pop(name, None)
    return response
