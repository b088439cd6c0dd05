"""The page that asks before a resource goes, for every kind of resource."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.db.models import ProtectedError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from catalog.views.lists import referrers


def ask_and_delete(
    request: HttpRequest, template: str, context: Mapping[str, Any], delete: Callable[[], object], said: str, then: str
) -> HttpResponse:
    """Ask; of a POST delete, say so and lead to `then` (a name or an address), or list what refers to it (409)."""
    if request.method != "POST":
        return render(request, template, context)
    try:
        delete()
    except ProtectedError as error:
        return render(request, template, {**context, "referrers": referrers(error)}, status=409)
    messages.success(request, said)
    return redirect(then)
