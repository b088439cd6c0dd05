"""Profiles of TableVersions: found once by catalog.profiling, then kept, since a version never changes."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import duckdb
from django.db import DatabaseError, transaction

from catalog.attributes import Attribute
from catalog.models import TableProfile, TableVersion
from catalog.profiling import profile
from catalog.reading import read

logger = logging.getLogger(__name__)


def version_profile(
    version: TableVersion,
    names: Sequence[str] | None = None,
    notice: Callable[[int], None] = lambda done: None,
) -> list[dict[str, Any]]:
    """The profile of each attribute, or of those of these names; kept if it is of all.

    Raises KeyError for a name that the version's Object doesn't have.
    """
    schema = version.object_version.schema
    wanted = list(schema.attributes) if names is None else [schema.attribute(name) for name in names]
    kept = TableProfile.objects.filter(version=version.pk).values_list("document", flat=True).first()
    if kept is not None:
        by_name = {each["name"]: each for each in kept}
        return [by_name[attribute.name] for attribute in wanted]
    found = _found(version, wanted, notice)
    if names is None:
        _keep(version, found)
    return found


def without_values(profile: Sequence[dict[str, Any]], masked: frozenset[str]) -> list[dict[str, Any]]:
    """A profile that says of some attributes no more than that they are there."""
    return [
        {"name": each["name"], "type": each["type"], "masked": True} if each["name"] in masked else each
        for each in profile
    ]


def _found(
    version: TableVersion, attributes: Sequence[Attribute], notice: Callable[[int], None]
) -> list[dict[str, Any]]:
    def query(connection: duckdb.DuckDBPyConnection, relation: str) -> list[dict[str, Any]]:
        return profile(connection, relation, attributes, version.row_count, notice)

    return read(version, query)


def _keep(version: TableVersion, found: list[dict[str, Any]]) -> None:
    """Another may have been as quick, or the version is being pruned: who asked has the answer all the same."""
    try:
        with transaction.atomic():
            TableProfile.objects.bulk_create([TableProfile(version=version, document=found)], ignore_conflicts=True)
    except DatabaseError:
        logger.warning("The profile of %s was not kept.", version.pk, exc_info=True)
