"""Rows in and out of a Table as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema_serializer
from rest_framework import serializers

from catalog.models import TableVersion
from catalog.serializers.lenient import LENIENT_MEMBERS, LenientMembersSerializer
from catalog.serializers.tables import VERSION_EXAMPLE, TableVersionSerializer
from catalog.sources import JSONRows
from config.api import ProblemDetails, Refusal, dump_json
from config.problems import pointer


class RowsWrittenSerializer(TableVersionSerializer):
    """The version that a write made; `first_row_id` is the `_id` of the first new row, or null."""

    first_row_id = serializers.SerializerMethodField()

    class Meta(TableVersionSerializer.Meta):
        fields = [*TableVersionSerializer.Meta.fields, "first_row_id"]
        read_only_fields = fields

    def get_first_row_id(self, version: TableVersion) -> int | None:
        return version.table.next_row_id - version.added if version.added else None


_written = RowsWrittenSerializer()  # one for all: to make its fields takes longer than to fill them

WRITTEN_EXAMPLE: Final = OpenApiExample("A write", {**VERSION_EXAMPLE, "first_row_id": 10})


@extend_schema_serializer(examples=[WRITTEN_EXAMPLE])
class RowsTakenSerializer(LenientMembersSerializer, RowsWrittenSerializer):
    """The answer to a write of rows, for the schema: what else stands in it where it applies."""

    found = serializers.DictField(required=False, help_text="How a file was read: its format, delimiter and the like.")

    class Meta(RowsWrittenSerializer.Meta):
        fields = [*RowsWrittenSerializer.Meta.fields, "found", *LENIENT_MEMBERS]


WRITTEN: Final = OpenApiResponse(RowsTakenSerializer, "The version that was made.", [WRITTEN_EXAMPLE])


def written_document(version: TableVersion) -> dict[str, Any]:
    """What is answered about a write."""
    return _written.to_representation(version)


@dataclass(frozen=True)
class RowChanges:
    """Changes to rows: which rows, which attributes each brings, and the values."""

    row_ids: Sequence[int]
    given: Sequence[Sequence[str]]
    source: JSONRows


def read_changes(rows: Sequence[Any]) -> RowChanges:
    """Changes from a list of `{"_id": 7, attribute: value, ...}`. Raises a 400 for each item without a sound `_id`."""
    problems = [problem for place, row in enumerate(rows, 1) if (problem := _id_problem(place, row))]
    if problems:
        detail = " ".join(str(problem["message"]) for problem in problems[:3])
        raise Refusal(ProblemDetails(400, "invalid", "The request is not valid", detail, errors=problems))
    bare = [{name: cell for name, cell in row.items() if name != "_id"} for row in rows]
    source = JSONRows([dump_json(row).decode() for row in bare])
    return RowChanges([row["_id"] for row in rows], [list(row) for row in bare], source)


def _id_problem(place: int, row: Any) -> dict[str, Any] | None:
    if not isinstance(row, dict):
        return _problem(place, "", "type", f"Row {place} is no JSON object.")
    row_id = row.get("_id")
    if row_id is None:
        return _problem(place, "_id", "required", f"Row {place} needs its _id.")
    if isinstance(row_id, bool) or not isinstance(row_id, int) or not 0 < row_id < 2**63:
        return _problem(place, "_id", "type", f"Row {place} needs a whole number as its _id.")
    return None


def _problem(place: int, attribute: str, code: str, message: str) -> dict[str, Any]:
    steps = ("rows", place, attribute) if attribute else ("rows", place)
    return {"pointer": pointer(*steps), "row": place, "attribute": attribute, "code": code, "message": message}
