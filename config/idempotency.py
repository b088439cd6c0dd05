"""`Idempotency-Key` on every POST of the API: the first answer is kept for a day and given again to a repetition.

A key counts per caller and path. A row of the database claims it, so of several processes one does the work; the claim
is a lease, so a process that dies does not hold the key for ever, and not at all where others on its host see that it
is gone. An answer 5xx is not kept, nor one that says that the caller may not or must wait: then the next request with
the key does the work. Work that was committed is never done again: where its process died before the answer was kept,
a repetition is told so without it.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone

from config.access import is_open_to
from config.api.errors import ProblemDetails, describe, in_flight, problem_response
from config.bodies import body_digest
from config.claims import ClaimLostError, is_held, own, this_process, working_on
from config.exact_json import dump_json
from config.models import KeptAnswer

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
API: Final = "/api/v1/"
KEY_CHARACTERS: Final = 255
KEPT_FOR: Final = timedelta(hours=24)
LEASE: Final = timedelta(minutes=15)
KEPT_BYTES: Final = 1024 * 1024
NOT_KEPT: Final = frozenset({401, 403, 408, 413, 429})


class IdempotencyMiddleware:
    """Stands next to the views, so that an answer is kept as a view gave it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        key = request.headers.get(HEADER)
        if key is None or request.method != "POST" or not request.path.startswith(API):
            return self.get_response(request)
        if not (request.user.is_authenticated or is_open_to(request)):
            return self.get_response(request)  # which says who may come in
        if not (0 < len(key) <= KEY_CHARACTERS and key.isascii() and key.isprintable()):
            message = f"An {HEADER} has 1 to {KEY_CHARACTERS} printable ASCII characters."
            return problem_response(request, ProblemDetails(400, "invalid", "The request is not valid", message))
        try:
            digest = body_digest(request)
        except OSError as error:
            details = describe(error)
            if details is None:
                raise
            return problem_response(request, details)
        identity = _digest(str(request.user.pk or ""), request.path.rstrip("/"), key)
        fingerprint = _digest(request.META["QUERY_STRING"], _media_type(request), digest)
        claim, kept = claimed(identity, fingerprint)
        if claim is None:
            return _refused_or_replayed(request, kept, fingerprint)
        return self._answer_and_keep(request, claim)

    def _answer_and_keep(self, request: HttpRequest, claim: KeptAnswer) -> HttpResponseBase:
        response: HttpResponseBase | None = None
        try:
            with working_on(claim):
                response = self.get_response(request)
        finally:
            if isinstance(response, HttpResponse) and response.status_code < 500 and not _is_not_kept(response):
                _keep(claim, response)
            else:
                _release(claim)
        return response


def claimed(identity: str, fingerprint: str) -> tuple[KeptAnswer | None, KeptAnswer | None]:
    """The claim on a key, if it is free now; else what stands there, or None where that went this moment."""
    now = timezone.now()
    KeptAnswer.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    claim = KeptAnswer(
        identity=identity, fingerprint=fingerprint, created_at=now, leased_until=now + LEASE, owner=this_process()
    )
    try:
        with transaction.atomic():
            claim.save(force_insert=True)
        return claim, None
    except IntegrityError:
        kept = KeptAnswer.objects.filter(identity=identity).first()
    if kept is None or kept.status is not None or is_held(kept):
        return None, kept
    # Whoever had it died: of those that come now, one takes it over.
    renewed = {"fingerprint": fingerprint, "created_at": now, "leased_until": claim.leased_until, "owner": claim.owner}
    taken = own(kept).filter(status=None).update(**renewed)
    return (claim, None) if taken else (None, KeptAnswer.objects.filter(identity=identity).first())


def _release(claim: KeptAnswer) -> None:
    """Give up a claim: the next request does the work, or is told that it is done, if it was committed."""
    own(claim).filter(status=None).delete()
    own(claim).update(leased_until=timezone.now())


def _keep(claim: KeptAnswer, response: HttpResponse) -> None:
    is_whole = len(response.content) <= KEPT_BYTES
    own(claim).update(
        status=response.status_code,
        headers={
            name: value for name, value in response.items() if name.lower() not in {"set-cookie", "content-length"}
        },
        body=response.content if is_whole else b"",
        has_body=is_whole,
    )


def _is_not_kept(response: HttpResponseBase) -> bool:
    return response.status_code in NOT_KEPT


def _refused_or_replayed(request: HttpRequest, kept: KeptAnswer | None, fingerprint: str) -> HttpResponse:
    if kept is not None and kept.fingerprint != fingerprint:
        message = f"The {HEADER} was used with another request; a new request takes a new key."
        return problem_response(
            request, ProblemDetails(422, "idempotency_key_reused", "The key was used before", message)
        )
    if kept is None or kept.status is None or (not kept.headers and is_held(kept)):
        return problem_response(request, in_flight(ClaimLostError()))
    if kept.has_body:
        response = HttpResponse(bytes(kept.body), status=kept.status)
    else:
        # The status and the headers say what became of it; ETag and Location where it is.
        response = HttpResponse(dump_json({"body_kept": False}), status=kept.status, content_type="application/json")
    for name, value in kept.headers.items():
        response[name] = value
    response[REPLAYED] = "true"
    return response


def _media_type(request: HttpRequest) -> str:
    """Without parameters: the boundary of a multipart body is new each time."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
