"""What the first page says of the catalog; `testcases.views.home` adds how the test cases went."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F

from catalog.models import Application, ObjectSchema, Table, TableVersion
from catalog.views.lists import search

RECENT = 8
FOUND = 20


@dataclass(frozen=True)
class ApplicationCounts:
    """How much an application holds."""

    name: str
    object_count: int
    table_count: int
    function_count: int
    test_case_count: int

    @property
    def counts(self) -> tuple[int, int, int, int]:
        return self.object_count, self.table_count, self.function_count, self.test_case_count


def application_counts() -> list[ApplicationCounts]:
    """Every application with its counts; one query to each kind, for joins would multiply."""
    kinds = ("object_schemas", "object_schemas__tables", "functions", "functions__test_cases")
    counted = [dict(Application.objects.annotate(found=Count(kind)).values_list("name", "found")) for kind in kinds]
    return [ApplicationCounts(name, *(found[name] for found in counted)) for name in counted[0]]


def catalog_overview(words: str) -> dict[str, Any]:
    """What there is, what changed last, and the Objects and Tables in which all words stand."""
    applications = application_counts()
    changes = TableVersion.objects.filter(number=F("table__version")).select_related("table__object", "created_by")
    context: dict[str, Any] = {
        "words": words,
        "applications": applications,
        "is_empty": not any(sum(each.counts) for each in applications),
        "changes": changes.order_by("-created_at")[:RECENT],
    }
    if words:
        objects = ObjectSchema.objects.select_related("application")
        context["objects"] = search(objects, words, "name", "description")[:FOUND]
        context["tables"] = search(Table.objects.with_object(), words, "name", "description", "object__name")[:FOUND]
    return context
