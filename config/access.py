"""Who may use the API and the pages, until access control by role comes.

Open only where `API_ACCESS` is open, DEBUG is on and the caller is on this machine; everywhere else a signed-in user.
"""

import ipaddress
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from config.api.errors import ProblemDetails, problem_response

FORWARDED_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Real-IP")
SAME_SITE = frozenset({"", "same-origin", "none"})


def is_open_to(request: HttpRequest) -> bool:
    """Whether this caller may do everything without signing in."""
    return settings.API_ACCESS == "open" and settings.DEBUG and _is_local(request)


def may(request: HttpRequest, permission: str) -> bool:
    """Whether this caller has a permission: everybody where the site is open to him, else by his account."""
    return is_open_to(request) or request.user.has_perm(permission)


def _is_local(request: HttpRequest) -> bool:
    """From loopback, and not through a proxy, behind which everybody seems to be local."""
    if any(header in request.headers for header in FORWARDED_HEADERS):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def is_foreign(request: HttpRequest) -> bool:
    """Whether a page of another site sends this request: told by `Sec-Fetch-Site` or `Origin`."""
    if request.headers.get("Sec-Fetch-Site", "") not in SAME_SITE:
        return True
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != request.get_host()


class MayUse(BasePermission):
    """The permission of every API view."""

    message = "Sign in to use this."

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.user.is_authenticated:
            return True
        if not is_open_to(request._request):
            return False
        if request.method in SAFE_METHODS or not is_foreign(request._request):
            return True
        # There is no session here, so no CSRF token: the browser's word on the origin stands in its place.
        raise PermissionDenied("A page of another site may not write here.")


class HostMiddleware:
    """Refuses a request for a host that isn't ours before anything else looks at it, and tells nothing of the site."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            request.get_host()
        except DisallowedHost:
            message = "The Host of the request is none of this site's; ALLOWED_HOSTS lists them."
            return problem_response(request, ProblemDetails(400, "invalid", "The request is not valid", message))
        return self.get_response(request)


class SignInMiddleware:
    """Sends who isn't signed in from a page to the login; the API answers for itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated or is_open_to(request) or _is_public(request.path):
            return self.get_response(request)
        return redirect_to_login(request.get_full_path())


def _is_public(path: str) -> bool:
    """The API has its own permission, the admin its own login; static files and health are for everybody."""
    if path.rstrip("/") in {"/health", "/favicon.ico", reverse("login").rstrip("/")}:
        return True
    return path.startswith(("/api/v1/", "/admin/", settings.STATIC_URL))
