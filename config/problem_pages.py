"""What the API answers as a problem, the pages answer as a page: a full disk, a database that does not answer."""

from collections.abc import Callable
from typing import Final

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render

from config.api.errors import describe

DJANGOS: Final = (Http404, PermissionDenied, SuspiciousOperation, MultiPartParserError)  # it has a page for each


class ProblemPageMiddleware:
    """Answers an exception that left the view of a page, where it is one whose cause and remedy are known."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The page of a problem; None, which is a page that says that the fault is ours, for what nobody foresaw."""
        if request.path.startswith("/api/") or isinstance(error, DJANGOS):
            return None
        details = describe(error)
        if details is None:
            return None
        # Without the request: the navigation asks the database who is signed in, and it may be what does not answer.
        response = render(None, "problem.html", {"problem": details}, status=details.status)
        for name, value in details.headers.items():
            response[name] = value
        return response
