"""The `Server-Timing` header of every answer of the API."""

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponseBase

from config.timing import measured, step


class TimingMiddleware:
    """Says of every answer below /api/ how long each step took. What the database is asked for counts as `query`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith("/api/"):
            return self.get_response(request)
        with measured() as spent, connection.execute_wrapper(_timed):
            response = self.get_response(request)
        response["Server-Timing"] = spent.header()
        return response


def _timed(execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: dict[str, Any]) -> Any:
    with step("query"):
        return execute(sql, parameters, many, context)
