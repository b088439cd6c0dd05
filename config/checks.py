"""System checks for settings that are allowed and unwise; what is wrong refuses to start (config.settings)."""

import ipaddress
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

SECRET_LENGTH = 50
LOCAL_NAMES = {"localhost", ".localhost"}


@register(Tags.security)
def check_access(app_configs: Any = None, **options: Any) -> list[CheckMessage]:
    """Who can reach the site, and with what secret."""
    found: list[CheckMessage] = []
    foreign = [host for host in settings.ALLOWED_HOSTS if not _is_loopback(host)]
    if settings.DEBUG and foreign:
        found.append(
            Warning(
                f"DEBUG is on, and ALLOWED_HOSTS lets others in: {', '.join(foreign)}.",
                hint="Errors show code and settings. Turn DEBUG off, or allow this machine alone.",
                id="exemplar.W001",
            )
        )
    if not settings.DEBUG and len(settings.SECRET_KEY) < SECRET_LENGTH:
        found.append(
            Warning(
                f"SECRET_KEY has {len(settings.SECRET_KEY)} characters; at least {SECRET_LENGTH} are safe.",
                hint="Sessions are signed with it: put a long random text in the environment or in .env.",
                id="exemplar.W002",
            )
        )
    if settings.API_ACCESS == "open" and not settings.DEBUG:
        found.append(
            Warning(
                "API_ACCESS is open, which counts with DEBUG only: everybody has to sign in.",
                hint="Set API_ACCESS to private, so that it says what is done.",
                id="exemplar.W003",
            )
        )
    return found


@register(Tags.files)
def check_parts_cache(app_configs: Any = None, **options: Any) -> list[CheckMessage]:
    """Rows are read through files in the cache."""
    directory = Path(settings.PARTS_CACHE_DIR)
    nearest = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return []
    return [
        Error(
            f"PARTS_CACHE_DIR can't be written: {directory}.",
            hint="Rows are read through files there. Name a directory that this process may write.",
            id="exemplar.E001",
        )
    ]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host in LOCAL_NAMES
