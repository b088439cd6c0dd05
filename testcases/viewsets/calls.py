"""Calling functions over REST: nothing is stored, unless a test case is to be made of it."""

from collections.abc import Mapping
from typing import Any

import orjson
from django.core.exceptions import ValidationError as ModelValidationError
from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.row_errors import Report
from catalog.rules.secrets import ConfigurationError
from catalog.sight import hidden_in, masked_header, without_values
from config.api import ProblemDetails, describe, refusal
from config.api.viewsets import ULID_PATTERN, StrictMixin, author
from processes.models import Function
from testcases.calling import Call, Called, CalledOutput, NonconformingInputsError, called, save_call
from testcases.models import TestCase
from testcases.selection import find_configuration
from testcases.serializers.calls import CalledSerializer, CallRequestSerializer, row_pointer
from testcases.sight import MASKED_MESSAGE


class FunctionCallViewSet(StrictMixin, viewsets.GenericViewSet[Function]):
    """Calls of a function."""

    queryset = Function.objects.with_parts()
    serializer_class = CallRequestSerializer
    lookup_value_regex = ULID_PATTERN

    @extend_schema(operation_id="functions_call", request=CallRequestSerializer, responses={200: CalledSerializer})
    def create(self, request: Request, pk: str) -> Response:
        """Run the function on rows of the moment, or on tables, and answer what comes out."""
        function = self.get_object()
        sent = CallRequestSerializer(data=request.data, context={"function": function})
        sent.is_valid(raise_exception=True)
        wanted = sent.validated_data
        configuration = wanted["configuration"]
        try:
            settings = find_configuration(function.application, configuration).resolve() if configuration else None
        except ConfigurationError as error:
            raise refusal("configuration", "unresolved", str(error)) from error
        call = Call(function, wanted["implementation"], wanted["parameters"], settings, wanted["clock"])
        with called(call, wanted["inputs"]) as outcome:
            body, hidden = answer(request._request, call, outcome, wanted["limit"])
            case = self._save(request, call, wanted, outcome)
            body["test_case"] = case.pk if case else None
        return Response(body, 201 if case else 200, headers=masked_header(hidden))

    @staticmethod
    def _save(request: Request, call: Call, wanted: Mapping[str, Any], outcome: Called) -> TestCase | None:
        if wanted["save_as"] is None:
            return None
        wrong = [each.port.name for each in outcome.outputs if each.conformed.report]
        if wrong:
            message = f"What came out of {', '.join(wrong)} does not conform to its object, so no test case was made."
            raise ModelValidationError({"save_as": ModelValidationError(message, code="invalid_output")})
        fields = dict(wanted["save_as"])
        return save_call(call, wanted["inputs"], outcome, fields.pop("name"), author(request), **fields)


def answer(request: HttpRequest, call: Call, outcome: Called, limit: int) -> tuple[dict[str, Any], frozenset[str]]:
    """What the caller may see of an outcome, and which attributes are masked."""
    ports = list(call.function.ports.all())
    hidden = frozenset().union(*(hidden_in(request, port.object.schema) for port in ports))
    error = None
    if outcome.error:
        error = {name: getattr(outcome.error, name) for name in ("phase", "code", "kind", "message", "output")}
        if hidden:
            error["message"] = MASKED_MESSAGE
    body = {
        "implementation": call.implementation.name,
        "outputs": [_output(request, each, limit) for each in outcome.outputs],
        "error": error,
        "timings_ms": {name: round(spent, 3) for name, spent in outcome.timings_ms.items()},
    }
    return body, hidden


def _output(request: HttpRequest, output: CalledOutput, limit: int) -> dict[str, Any]:
    hidden = hidden_in(request, output.port.object.schema)
    report = output.conformed.report
    lines = [] if report else output.lines(limit, hidden)
    return {
        "name": output.port.name,
        "row_count": output.conformed.row_count,
        "rows": [orjson.Fragment(line) for line in lines],
        "rows_truncated": not report and len(lines) < output.conformed.row_count,
        "errors": _errors(without_values(report, hidden)) if report else [],
        "error_count": report.error_count if report else 0,
    }


def _errors(report: Report) -> list[dict[str, Any]]:
    return [error.as_dict() for error in report.errors]


@describe.register
def _(error: NonconformingInputsError) -> ProblemDetails:
    errors = [
        {**each.as_dict(), "pointer": row_pointer(name, each.as_dict()["pointer"])}
        for name, report in error.reports.items()
        for each in report.errors
    ]
    total = sum(report.error_count for report in error.reports.values())
    title = "Rows do not conform to the objects of their ports"
    return ProblemDetails(400, "row_validation", title, str(error), "", errors, total)
