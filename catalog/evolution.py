"""How Objects change: publishing a definition as a new version, with every Table of the Object taken along."""

from typing import Any

from django.db import transaction

from catalog import rules
from catalog.contents import conform_table
from catalog.models import ObjectSchema, ObjectVersion
from catalog.writing import NonconformingError, Write
from config.models import BreakingChangeError

ROWS_NAMED = 5


def publish(shape: ObjectSchema, author: Any = None) -> ObjectVersion:
    """Save an Object that was checked by `full_clean()`, with a new version if its definition is new.

    Every Table of the Object gets a version that conforms to the new definition, or nothing is saved: raises
    BreakingChangeError with the rows that would stop conforming.
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
        if shape.version:
            # One writer of the definition at a time; the number is read again under the lock.
            shape.version = ObjectSchema.objects.select_for_update().only("version").get(pk=shape.pk).version
            if shape.versions.get(number=shape.version).definition == definition:
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


def _take_tables_along(shape: ObjectSchema, version: ObjectVersion, author: Any) -> None:
    breaks: list[str] = []
    write = Write(author, f"The object {shape.name!r} was changed to version {version.number}.")
    for table in shape.tables.select_for_update().order_by("name"):
        try:
            conform_table(table, version, write)
        except NonconformingError as error:
            breaks.append(_sentence(table.name, error))
    if breaks:
        message = f"The new definition of {shape.name!r} would break {len(breaks)} of its tables."
        raise BreakingChangeError(message, breaks)


def _sentence(name: str, error: NonconformingError) -> str:
    """ "week 1: 3 errors in 41 rows: row 7: amount is -3; the minimum is 0 ..." """
    listed = "; ".join(f"row {each.row}: {each.message}" for each in error.report.errors[:ROWS_NAMED])
    return f"{name}: {error.report.title}: {listed}"
