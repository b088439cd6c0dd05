"""What the list pages share: words to search by, pages, and who referred to what can't be deleted."""

from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any, TypeVar

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.paginator import Page, Paginator
from django.db.models import Model, ProtectedError, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from config.api.filters import refuse_long_texts

PAGE_SIZE = 50
REFERRERS_LISTED = 100
Row = TypeVar("Row", bound=Model)

# The pages of what refers to something else; what has no page of its own is shown on its owner's.
OWNERS = {"port": "function", "implementation": "function", "binding": "test_case"}
PAGES = {"objectschema": "object", "table": "table", "function": "function", "testcase": "test-case", "run": "run"}


@dataclass(frozen=True)
class Referrer:
    """What stands against a deletion."""

    text: str
    url: str


def search(rows: QuerySet[Row], text: str, *fields: str) -> QuerySet[Row]:
    """The rows in which every word of `text` stands in one of the fields. Raises Refusal for a very long text."""
    refuse_long_texts({"search": text})
    words = text.split()
    if not words:
        return rows
    if "\0" in text:  # no text that is stored holds it, and PostgreSQL refuses to look for it
        return rows.none()
    return rows.filter(
        reduce(and_, (reduce(or_, (Q(**{f"{name}__icontains": word}) for name in fields)) for word in words))
    )


def paginated(request: HttpRequest, rows: Any, size: int = PAGE_SIZE) -> Page[Any]:
    """The page that `?page=` asks for; the nearest one if there is none of this number."""
    return Paginator(rows, size).get_page(request.GET.get("page"))


def author(request: HttpRequest) -> AbstractBaseUser | AnonymousUser | None:
    """The signed-in user, or None."""
    return request.user if request.user.is_authenticated else None


def referrers(error: ProtectedError) -> list[Referrer]:
    """What refers to a resource that may not go, with the page that shows it."""
    found = sorted({_referrer(each) for each in error.protected_objects}, key=lambda each: each.text)
    rest = [Referrer(f"and {len(found) - REFERRERS_LISTED} more", "")] if len(found) > REFERRERS_LISTED else []
    return [*found[:REFERRERS_LISTED], *rest]


def _referrer(referrer: Model) -> Referrer:
    name = referrer._meta.model_name or ""
    text = f"{str(referrer._meta.verbose_name).capitalize()} {referrer}"
    shown = getattr(referrer, OWNERS[name]) if name in OWNERS else referrer
    page = PAGES.get(shown._meta.model_name or "")
    return Referrer(text, reverse(f"{page}-detail", args=[shown.pk]) if page else "")
