"""Every error of the REST API as one shape: RFC 9457 problem details, `application/problem+json`.

An app teaches `describe` its own exceptions: `@describe.register` on a function from the exception to ProblemDetails.
"""

import errno
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as ModelValidationError
from django.core.signals import got_request_exception
from django.db import DataError, IntegrityError, OperationalError
from django.db.models import Model, ProtectedError, RestrictedError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from rest_framework import exceptions
from rest_framework.settings import api_settings

from config.claims import ClaimLostError
from config.exact_json import dump_json
from config.models import BreakingChangeError, Immutable, new_ulid
from config.problems import pointer

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
ERRORS_LISTED: Final = 1_000
REFERRERS_LISTED: Final = 100
CONFLICT_CODES: Final = frozenset({"name_taken", "breaking_change"})
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
TITLES: Final = {
    "name_taken": "The name is taken",
    "breaking_change": "The change would break what refers to the resource",
}


@dataclass(frozen=True)
class ProblemDetails:
    """What an error answer says. `errors` are `{"pointer", "code", "message", ...}`; `members` are added at the top."""

    status: int
    code: str
    title: str
    detail: str = ""
    hint: str = ""
    errors: Sequence[Mapping[str, Any]] = ()
    error_count: int | None = None
    members: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self, request_id: str) -> dict[str, Any]:
        """The problem document of rest-api.md."""
        listed = list(self.errors[:ERRORS_LISTED])
        error_count = len(self.errors) if self.error_count is None else self.error_count
        return {
            "type": "urn:exemplar:problem:" + self.code.replace("_", "-"),
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail or self.title,
            "hint": self.hint,
            "request_id": request_id,
            "errors": listed,
            "error_count": error_count,
            "errors_truncated": error_count > len(listed),
            **self.members,
        }


class Refusal(exceptions.APIException):
    """A request that a view refuses with details of its own."""

    def __init__(self, details: ProblemDetails) -> None:
        super().__init__(details.detail or details.title, details.code)
        self.status_code = details.status
        self.details = details


def refusal(field_name: str, code: str, message: str, hint: str = "") -> Refusal:
    """A 400 about one thing that was sent: a query parameter or a member of the body; "" is the whole."""
    place = pointer(field_name) if field_name else ""
    errors = [{"pointer": place, "code": code, "message": message}]
    return Refusal(ProblemDetails(400, code, "The request is not valid", message, hint, errors))


def handle_exception(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Answer an exception that left a view; what nobody foresaw is logged, and answered without its details."""
    request = context.get("request")
    identity = request_id(request)
    details = describe(error)
    if details is None:
        logger.exception("Request %s failed.", identity, exc_info=error)
        got_request_exception.send(sender=type(context.get("view")), request=getattr(request, "_request", request))
        message = "Something went wrong here; the request id finds it in the log."
        details = ProblemDetails(500, "internal", "Internal error", message)
    response = HttpResponse(dump_json(details.document(identity)), status=details.status, content_type=MEDIA_TYPE)
    for name, value in {**_protocol_headers(error), **details.headers, "X-Request-ID": identity}.items():
        response[name] = value
    return response


def _protocol_headers(error: Exception) -> dict[str, str]:
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(getattr(error, "auth_header"))  # noqa: B009 (set by DRF, declared nowhere)
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(int(getattr(error, "wait")))  # noqa: B009
    return headers


def no_room() -> ProblemDetails:
    """507: the disk that takes bodies and temporary files is full."""
    message = "There is no room on the server's disk. See whether a write was stored before you send it again."
    return ProblemDetails(507, "no_room", "Insufficient storage", message, headers={"Retry-After": "60"})


def request_id(request: Any) -> str:
    """The id that finds a request in the log: the caller's `X-Request-ID` if it is a plain word, else a new ULID."""
    given = request.headers.get("X-Request-ID", "") if request is not None else ""
    return given if re.fullmatch(r"[A-Za-z0-9_.:-]{1,128}", given) else new_ulid()


def problem_response(request: HttpRequest, details: ProblemDetails) -> HttpResponse:
    """Answer with a problem where no view does."""
    response = HttpResponse(dump_json(details.document(request_id(request))), status=details.status)
    for name, value in {"Content-Type": MEDIA_TYPE, **details.headers}.items():
        response[name] = value
    return response


# --- what each exception says ---------------------------------------------------------------------------------------


@singledispatch
def describe(error: Exception) -> ProblemDetails | None:
    """What to answer for an exception; None if it is a fault of ours."""
    return None


@describe.register
def _(error: exceptions.APIException) -> ProblemDetails:
    code = error.default_code if isinstance(error.detail, list | dict) else error.detail.code
    title = HTTPStatus(error.status_code).phrase
    return ProblemDetails(error.status_code, str(code), title, str(error.detail))


@describe.register
def _(error: Refusal) -> ProblemDetails:
    return error.details


@describe.register
def in_flight(error: ClaimLostError) -> ProblemDetails:
    """What is said to who sends a request again while it is being worked on."""
    return ProblemDetails(409, "in_flight", "Conflict", str(error), headers={"Retry-After": "1"})


@describe.register
def _(error: exceptions.ValidationError) -> ProblemDetails:
    return invalid(list(_serializer_errors(error.detail, "")))


@describe.register
def _(error: ModelValidationError) -> ProblemDetails:
    return invalid(list(_model_errors(error)))


@describe.register
def _(error: Http404) -> ProblemDetails:
    return ProblemDetails(404, "not_found", "Not found", str(error) or "There is nothing at this address.")


@describe.register
def _(error: PermissionDenied) -> ProblemDetails:
    return ProblemDetails(403, "permission_denied", "Forbidden", str(error))


@describe.register
def _(error: RequestDataTooBig) -> ProblemDetails:
    return ProblemDetails(413, "too_large", "The body is too large", str(error))


@describe.register
def _(error: UnreadablePostError) -> ProblemDetails:
    return ProblemDetails(400, "incomplete", "The request is not valid", "The connection ended within the body.")


@describe.register
def _(error: SuspiciousOperation) -> ProblemDetails:
    return ProblemDetails(400, "invalid", "The request is not valid", str(error))


@describe.register(ProtectedError)
@describe.register(RestrictedError)
def _(error: ProtectedError | RestrictedError) -> ProblemDetails:
    objects = error.protected_objects if isinstance(error, ProtectedError) else error.restricted_objects
    # What is immutable is the history of something that is in the way itself.
    living = [each for each in objects if not isinstance(each, Immutable)] or objects
    referrers = sorted(map(_referrer, living), key=lambda each: (each["kind"], each["name"]))
    listed = ", ".join(f"{each['kind']} {each['name']!r}" for each in referrers[:5])
    more = f" and {len(referrers) - 5} more" if len(referrers) > 5 else ""
    return ProblemDetails(
        409,
        "referenced",
        "The resource is still referenced",
        f"It is used by {listed}{more}.",
        "Delete or change these first.",
        members={"referrers": referrers[:REFERRERS_LISTED], "referrer_count": len(referrers)},
    )


@describe.register
def _(error: BreakingChangeError) -> ProblemDetails:
    errors = [{"pointer": "", "code": "breaking_change", "message": sentence} for sentence in error.breaks]
    return ProblemDetails(409, "breaking_change", TITLES["breaking_change"], str(error), errors=errors)


@describe.register
def _(error: IntegrityError) -> ProblemDetails:
    message = "Another request changed what this one needs; read again and repeat it."
    return ProblemDetails(409, "conflict", "Conflict", message)


@describe.register(DataError)
@describe.register(OverflowError)
@describe.register(UnicodeError)
def _(error: Exception) -> ProblemDetails:
    message = "A value can't be stored: a number beyond 64 bits, or text with a character that no text may hold."
    return ProblemDetails(400, "out_of_range", "The request is not valid", message)


@describe.register
def _(error: OSError) -> ProblemDetails | None:
    return no_room() if error.errno in NO_ROOM else None


@describe.register
def _(error: OperationalError) -> ProblemDetails:
    logger.error("The database does not answer.", exc_info=error)
    message = "The database does not answer; try again in a moment."
    return ProblemDetails(503, "unavailable", "Service unavailable", message, headers={"Retry-After": "5"})


def invalid(errors: Sequence[Mapping[str, Any]]) -> ProblemDetails:
    """400 for what doesn't hold, or 409 where the only thing wrong is what stands there already."""
    codes = {error["code"] for error in errors}
    status = 409 if codes and codes <= CONFLICT_CODES else 400
    code = next(iter(codes)) if status == 409 and len(codes) == 1 else "conflict" if status == 409 else "invalid"
    title = TITLES.get(code, "The request is not valid")
    return ProblemDetails(status, code, title, _summary(errors), errors=errors)


def _summary(errors: Sequence[Mapping[str, Any]]) -> str:
    sentences = [f"{error['pointer'].lstrip('/')}: {error['message']}".removeprefix(": ") for error in errors[:3]]
    return " ".join(sentences) + (f" (and {len(errors) - 3} more)" if len(errors) > 3 else "")


def _serializer_errors(detail: Any, place: str) -> Iterator[dict[str, Any]]:
    """DRF's nested details as a flat list, each with its JSON pointer."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            here = "" if name == api_settings.NON_FIELD_ERRORS_KEY else pointer(name)
            yield from _serializer_errors(inner, place + here)
    elif isinstance(detail, list):
        for position, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            if not nested or inner:
                yield from _serializer_errors(inner, place + pointer(position) if nested else place)
    else:
        yield {"pointer": place, "code": getattr(detail, "code", "invalid"), "message": str(detail)}


def _model_errors(error: ModelValidationError) -> Iterator[dict[str, Any]]:
    """A model's refusals as a flat list; `params["pointer"]` is the place below the field."""
    by_field: Mapping[str, Iterable[ModelValidationError]] = (
        error.error_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.error_list}
    )
    for name, errors in by_field.items():
        place = "" if name == NON_FIELD_ERRORS else pointer(name)
        for each in errors:
            below = each.params.get("pointer", "") if isinstance(each.params, Mapping) else ""
            yield {"pointer": f"{place}{below}", "code": each.code or "invalid", "message": each.messages[0]}


def _referrer(referrer: Model) -> dict[str, str]:
    name = getattr(referrer, "name", None) or str(referrer)
    return {"kind": str(referrer._meta.verbose_name), "id": str(referrer.pk), "name": name}
