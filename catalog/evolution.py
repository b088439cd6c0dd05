"""How Objects change: publishing a definition as a new version, with every Table of the Object taken along."""

from typing import Any

from django.db import transaction
from django.db.models import Q

from catalog import rules
from catalog.contents import conform_table
from catalog.models import ObjectSchema, ObjectVersion
from catalog.references import check_tables, concerned, lock_tables
from catalog.row_errors import Report
from catalog.sight import without_values
from catalog.writing import NonconformingError, Write
from config.models import BreakingChangeError

ROWS_NAMED = 5


def publish(shape: ObjectSchema, author: Any = None) -> ObjectVersion:
    """Save an Object that was checked by `full_clean()`, with a new version if its definition is new.

    Every Table of the Object gets a version that conforms to the new definition, or nothing is saved: raises
    BreakingChangeError with the rows that would stop conforming, and ValidationError if what it refers to was changed
    meanwhile. If `shape.references_deferred`, the caller checks all references in the end.
    """
    definition = rules.normalised(shape.definition)
    before = shape.version
    try:
        return _publish(shape, definition, author)
    except Exception:
        shape.version = before  # the instance says again what the database says
        raise


def _publish(shape: ObjectSchema, definition: dict[str, Any], author: Any) -> ObjectVersion:
    with transaction.atomic():
        _lock_referred(shape, definition)
        if shape.version:
            # One writer of the definition at a time; the number is read again under the lock.
            stored = ObjectSchema.objects.select_for_update().only("version").filter(pk=shape.pk).first()
            if stored is None:
                raise ObjectSchema.DoesNotExist(f"The object {shape.name!r} was deleted a moment ago.")
            shape.version = stored.version
            if rules.normalised(shape.versions.get(number=shape.version).definition) == definition:
                shape.save()
                shape.__dict__.pop("_pending", None)
                return shape.current
        else:
            shape.created_by = author
        shape.version += 1
        shape.save()
        version = ObjectVersion.objects.create(
            object=shape, number=shape.version, definition=definition, created_by=author
        )
        _take_tables_along(shape, version, author)
    shape.__dict__.pop("_pending", None)
    return version


def _lock_referred(shape: ObjectSchema, definition: dict[str, Any]) -> None:
    """Hold the Objects that this one refers to, and itself, in the order of their ids; what it refers to is there."""
    names = {rules.referenced_object(key) for key in definition["foreignKeys"]} - {""}
    if not names or shape.references_deferred:
        return
    wanted = Q(application=shape.application_id, name__in=names) | Q(pk=shape.pk)
    list(ObjectSchema.objects.select_for_update().only("pk").filter(wanted).order_by("pk"))
    shape.check_references()


def _take_tables_along(shape: ObjectSchema, version: ObjectVersion, author: Any) -> None:
    breaks: list[str] = []
    write = Write(author, f"The object {shape.name!r} was changed to version {version.number}.")
    tables = list(shape.tables.select_related("object").order_by("name"))
    if not tables:
        return
    sensitive = version.schema.sensitive  # which the break is told of, but not the values
    scenes = [concerned(table, None, version, is_adding=True) for table in tables]
    locked = lock_tables({each.pk for each in tables}.union(*(scene.needed for scene in scenes)))
    tables = [each for each in tables if each.pk in locked]  # others were deleted meanwhile
    for table in (locked[each.pk] for each in tables):
        try:
            conform_table(table, version, write)
        except NonconformingError as error:
            breaks.append(_sentence(table.name, without_values(error.report, sensitive)))
    if not breaks and version.schema.foreign_keys and not shape.references_deferred:
        breaks = [_sentence(each.name, without_values(report, sensitive)) for each, report in check_tables(tables)]
    if breaks:
        message = f"The new definition of {shape.name!r} would break {len(breaks)} of its tables."
        raise BreakingChangeError(message, breaks)


def _sentence(name: str, report: Report) -> str:
    """ "week 1: 3 errors in 41 rows: row 7: amount is -3; the minimum is 0 ..." """
    listed = "; ".join(f"row {each.row}: {each.message}" for each in report.errors[:ROWS_NAMED])
    return f"{name}: {report.title}: {listed}"
