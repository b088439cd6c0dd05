"""Finding what a command's arguments name; an unknown name is wrong usage (exit code 2), with the nearest one."""

from collections.abc import Sequence
from typing import TypeVar

from django.core.management.base import CommandError
from django.db.models import Model, QuerySet

from catalog.models import Application, ObjectSchema, Table
from config.commands import WRONG_USAGE
from config.problems import nearest

NAMES_LISTED = 10
Found = TypeVar("Found", bound=Model)


def hint(name: str, names: Sequence[str]) -> str:
    """The nearest name, or what there is: the first NAMES_LISTED."""
    shown = nearest(name, names)
    if shown.startswith("allowed") and len(names) > NAMES_LISTED:
        return f"there are {', '.join(names[:NAMES_LISTED])} and {len(names) - NAMES_LISTED} more."
    return shown.replace("allowed:", "there are").replace("none is allowed", "there is none")


def find_application(name: str) -> Application:
    """The application of this name."""
    return _find(Application.objects.all(), name, "application", "")


def find_object(application: Application, name: str) -> ObjectSchema:
    """The Object of this name in the application."""
    return _find(application.object_schemas.all(), name, "object", f" in the application {application.name!r}")


def find_table(shape: ObjectSchema, name: str) -> Table:
    """The Table of this name of the Object."""
    return _find(shape.tables.all(), name, "table", f" of the object {shape.name!r}")


def _find(candidates: QuerySet[Found], name: str, noun: str, place: str) -> Found:
    found = candidates.filter(name=name).first()
    if found is None:
        names = list(candidates.values_list("name", flat=True)[:1000])
        raise CommandError(f"There is no {noun} {name!r}{place}; {hint(name, names)}", returncode=WRONG_USAGE)
    return found
