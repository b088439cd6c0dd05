"""What OpenAPI says of the parts that every resource shares. Loaded with the addresses."""

from typing import Any

from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.authentication import SessionScheme
from drf_spectacular.contrib.django_filters import DjangoFilterExtension

from config.api.filters import TEXT_CHARACTERS


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
        for parameter in found:
            if parameter["schema"] == {"type": "string"}:
                parameter["schema"] = {"type": "string", "maxLength": TEXT_CHARACTERS}
        return found


class StrictSessionScheme(SessionScheme):
    """The session cookie, under the class that settings name."""

    target_class = "config.api.SessionAuthentication"
    priority = 1


def version_one(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Only what is below /api/v1/, each address without a final slash; OpenAPI 3.1 has no word for QUERY."""
    return [
        (address.rstrip("/"), pattern, method, view)
        for address, pattern, method, view in endpoints
        if address.startswith("/api/v1/") and method != "QUERY"
    ]


def with_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Every operation may answer a problem document."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answer = {"description": "What is wrong, as problem details (RFC 9457).", "content": content}
    for operations in result["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"]["default"] = answer
                _add_dry_run(operation)
                _add_headers(operation)
    return result


def _add_dry_run(operation: dict[str, Any]) -> None:
    """Every write of a resource may be tried."""
    if operation["operationId"].endswith(WRITES):
        parameters = operation.setdefault("parameters", [])
        if "dry_run" not in {each.get("name") for each in parameters}:
            parameters.append(DRY_RUN)
    if any(each.get("name") == "dry_run" for each in operation.get("parameters", ())):
        operation["responses"].setdefault("200", TRIED)


def _add_headers(operation: dict[str, Any]) -> None:
    """What an answer says beside its body, where it says it."""
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            answer.setdefault("headers", {}).update(HEADERS)


HEADERS = {
    name: {"description": description, "required": False, "schema": {"type": "string"}, "example": example}
    for name, description, example in (
        (
            "Server-Timing",
            "Milliseconds: auth, parse, validate, query, serialize.",
            "auth;dur=0.14, query;dur=2",
        ),
        ("ETag", "What was read or written, of a table its version; `If-Match` takes it.", '"7"'),
        ("Link", "Where a list goes on: rel next and prev.", '</api/v1/tables?offset=100>; rel="next"'),
        ("X-Masked", "Sensitive attributes whose values are null for this caller, percent-encoded.", "email"),
    )
}
WRITES = ("_create", "_update", "_destroy", "_named")
DRY_RUN = {
    "name": "dry_run",
    "in": "query",
    "description": "With 1, all is done but the commit; the answer says `dry_run: true`.",
    "schema": {"type": "string", "enum": ["1", "0"]},
}
TRIED = {
    "description": "With `dry_run=1`: what the answer would have been.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["dry_run"],
                "properties": {"dry_run": {"const": True}},
                "additionalProperties": True,
            },
            "examples": {"Tried": {"value": {"dry_run": True}}},
        }
    },
}


PROBLEM_SCHEMA = {
    "type": "object",
    "required": [
        "type",
        "title",
        "status",
        "code",
        "detail",
        "hint",
        "request_id",
        "errors",
        "error_count",
        "errors_truncated",
    ],
    "properties": {
        "type": {"type": "string", "examples": ["urn:exemplar:problem:row-validation"]},
        "title": {"type": "string", "examples": ["3 errors in 1000 rows"]},
        "status": {"type": "integer", "examples": [400]},
        "code": {"type": "string", "examples": ["row_validation"]},
        "detail": {"type": "string"},
        "hint": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "message"],
                "properties": {
                    "pointer": {"type": "string", "examples": ["/rows/17/amount"]},
                    "code": {"type": "string", "examples": ["minimum"]},
                    "message": {"type": "string"},
                    "row": {"type": "integer"},
                    "attribute": {"type": "string"},
                },
            },
        },
        "error_count": {"type": "integer"},
        "errors_truncated": {"type": "boolean"},
    },
}
