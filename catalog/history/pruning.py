"""Letting old versions go, and the Parts that nothing uses any more.

A version stays while it is among the newest, or while anything refers to it (a Result pins what it saw). The bytes of
rows go with the last version or output that holds them, also those of Tables that were deleted.
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeVar

from django.db import DEFAULT_DB_ALIAS, IntegrityError, connection, models, transaction
from django.db.models import Count, Exists, OuterRef, ProtectedError, QuerySet, Subquery, Sum
from django.db.models.functions import Length
from django.utils import timezone

from catalog.models import Part, SetAside, Table, TableProfile, TableVersion, VersionPart
from catalog.reading import cache

VERSIONS_AT_ONCE: Final = 200
PARTS_AT_ONCE: Final = 200
ATTEMPTS: Final = 5
Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True)
class Rule:
    """What may go: all but the newest `keep` versions, and of these what was not current for so many days."""

    keep: int
    older_than_days: float = 0


@dataclass(frozen=True)
class Pruned:
    """What went, or would go: how many of each, and the bytes of Parts and of files of rows set aside."""

    versions: int = 0
    profiles: int = 0
    set_aside: int = 0
    parts: int = 0
    size_bytes: int = 0

    def __add__(self, other: "Pruned") -> "Pruned":
        return Pruned(
            self.versions + other.versions,
            self.profiles + other.profiles,
            self.set_aside + other.set_aside,
            self.parts + other.parts,
            self.size_bytes + other.size_bytes,
        )


def prune(
    tables: QuerySet[Table], rule: Rule, dry_run: bool = False, notice: Callable[[Pruned], None] = lambda so_far: None
) -> Pruned:
    """Prune the versions of Tables, then all Parts that nothing uses; `notice` is told what went so far.

    In steps, each a transaction, so that writers wait for moments only; a dry run is one, which is rolled back.
    """
    found = Pruned()
    with transaction.atomic() if dry_run else nullcontext():
        for table_id in list(tables.order_by("pk").values_list("pk", flat=True)):
            for step in _prune_versions(table_id, rule):
                found += step
                notice(found)
        for step in _prune_parts(is_alone=not dry_run):
            found += step
            notice(found)
        if dry_run:
            transaction.set_rollback(True)
    return found


# --- versions -------------------------------------------------------------------------------------------------------


def _prune_versions(table_id: str, rule: Rule) -> Iterator[Pruned]:
    """Delete the versions of a Table that may go, some at a time."""
    attempts = 0
    while attempts < ATTEMPTS:
        try:
            step = _prune_some_versions(table_id, rule)
        except (ProtectedError, IntegrityError):  # a Result has just pinned one of them: it stays
            attempts += 1
            continue
        if not step.versions:
            return
        yield step


@transaction.atomic
def _prune_some_versions(table_id: str, rule: Rule) -> Pruned:
    """One step. The Table's row is locked, as a writer locks it, who may be about to go back to one of its versions."""
    table = Table.objects.select_for_update().filter(pk=table_id).first()
    if table is None:
        return Pruned()
    going = dict(_prunable(table, rule).values_list("pk", "number")[:VERSIONS_AT_ONCE])
    profiles = TableProfile.objects.filter(version__in=going)
    set_aside = SetAside.objects.filter(table=table, version__in=going.values())
    size_bytes = set_aside.aggregate(total=Sum(Length("content")))["total"] or 0
    found = Pruned(len(going), profiles.count(), set_aside.count(), 0, size_bytes)
    profiles.delete()
    set_aside.delete()
    VersionPart.objects.filter(version__in=going).delete()
    TableVersion.objects.filter(pk__in=going).delete()
    return found


def _prunable(table: Table, rule: Rule) -> QuerySet[TableVersion]:
    newest = list(table.versions.order_by("-number").values_list("number", flat=True)[: max(rule.keep, 1)])
    candidates = table.versions.filter(number__lt=min([table.version, *newest]))
    if rule.older_than_days:
        follower = TableVersion.objects.filter(table=table, number__gt=OuterRef("number")).order_by("number")
        candidates = candidates.annotate(replaced_at=Subquery(follower.values("created_at")[:1])).filter(
            replaced_at__lt=timezone.now() - timedelta(days=rule.older_than_days)
        )
    return _unreferenced(candidates).order_by("number")


def _unreferenced(rows: QuerySet[Row]) -> QuerySet[Row]:
    """The rows that no foreign key protects, of whatever app."""
    for relation in rows.model._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ManyToOneRel) and relation.on_delete in {models.PROTECT, models.RESTRICT}:
            referrers: Any = relation.related_model
            rows = rows.exclude(Exists(referrers._default_manager.filter(**{relation.field.name: OuterRef("pk")})))
    return rows


# --- Parts ----------------------------------------------------------------------------------------------------------


def unused_parts() -> QuerySet[Part]:
    """Those that no version has: what deleted Tables and hands in the database leave behind."""
    return _unreferenced(Part.objects.all())


def _prune_parts(is_alone: bool) -> Iterator[Pruned]:
    """Delete the Parts that nothing uses, some at a time. A dry run keeps no writer waiting."""
    unused = list(unused_parts().values_list("digest", flat=True))
    for start in range(0, len(unused), PARTS_AT_ONCE):
        yield _delete_unused(unused[start : start + PARTS_AT_ONCE], is_alone)


@transaction.atomic
def _delete_unused(digests: list[str], is_alone: bool) -> Pruned:
    """Those of these Parts that still are unused, now that no writer is at work.

    A writer that finds a Part stored doesn't store it again, and refers to it when it commits. It must not go between:
    PostgreSQL lets writers of Parts end, and others wait for this transaction; SQLite has one writer at a time.
    """
    if is_alone and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f'LOCK TABLE "{Part._meta.db_table}" IN SHARE ROW EXCLUSIVE MODE')
    going = _unreferenced(Part.objects.filter(digest__in=digests))
    sums = going.aggregate(count=Count("digest"), size_bytes=Sum("size_bytes"))
    gone = list(going.values_list("digest", flat=True))
    # Without Django's collector, which would load the bytes; foreign keys are the database's to watch.
    Part.objects.filter(digest__in=gone)._raw_delete(DEFAULT_DB_ALIAS)
    transaction.on_commit(partial(_forget, gone))
    return Pruned(parts=sums["count"], size_bytes=sums["size_bytes"] or 0)


def _forget(digests: list[str]) -> None:
    """Take Parts that are gone out of this machine's cache."""
    for digest in digests:
        cache().path(digest).unlink(missing_ok=True)
