"""Finding a version of a Table."""

from django.db.models import QuerySet

from catalog.models import Table, TableVersion

NUMBERS_LISTED = 5


class UnknownVersionError(Exception):
    """A Table has no version of a number: it was pruned, or never made."""

    def __init__(self, table: Table, number: int) -> None:
        if number > table.version or number < 1:
            message = f"The table {table.name!r} has no version {number}; the newest is {table.version}."
        else:
            left = list(table.versions.order_by("-number").values_list("number", flat=True)[: NUMBERS_LISTED + 1])
            listed = ", ".join(map(str, left[:NUMBERS_LISTED])) + (", …" if len(left) > NUMBERS_LISTED else "")
            message = f"Version {number} of the table {table.name!r} was pruned; left are {listed}."
        super().__init__(message)
        self.number = number


def versions_of(table: Table) -> QuerySet[TableVersion]:
    """All versions that are left, the newest first, each with its ObjectVersion and its author."""
    return table.versions.select_related("object_version", "created_by").order_by("-number")


def find_version(table: Table, number: int | None = None) -> TableVersion:
    """The version of this number, or the newest, with its ObjectVersion. Raises UnknownVersionError."""
    wanted = table.version if number is None else number
    found = table.versions.select_related("object_version").filter(number=wanted).first()
    if found is None:
        raise UnknownVersionError(table, wanted)
    return found
