"""Whether this server can do its work: named checks, to which apps add their own. A leaf: it knows no app.

A check answers `ok`, another word where that is no fault, or what is wrong, beginning with `down`.
"""

import tempfile
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connection

Check = Callable[[], str]
OK: Final = "ok"
DOWN: Final = "down"
_checks: dict[str, Check] = {}


def health_check(name: str) -> Callable[[Check], Check]:
    """Register the function below as the check of this name."""

    def register(check: Check) -> Check:
        if _checks.get(name, check) is not check:
            raise ValueError(f"The health check {name!r} is registered twice.")
        _checks[name] = check
        return check

    return register


def check_health() -> dict[str, str]:
    """What each check answers, by name; the database's comes first, and where it is down those that need it are too."""
    return {name: _answer(check) for name, check in _checks.items()}


def is_healthy(answers: dict[str, str]) -> bool:
    """Whether nothing is down."""
    return not any(answer.startswith(DOWN) for answer in answers.values())


def _answer(check: Check) -> str:
    try:
        return check()
    except DatabaseError as error:
        return f"{DOWN}: {type(error).__name__}"


@health_check("database")
def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return OK


@health_check("cache_directory")
def _cache_directory() -> str:
    try:
        settings.PARTS_CACHE_DIR.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.PARTS_CACHE_DIR):
            return OK
    except OSError as error:
        return f"{DOWN}: {error.strerror}"
