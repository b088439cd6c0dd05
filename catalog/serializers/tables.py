"""Tables, their versions and rows as JSON."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, Final

import orjson
from django.db.models import OuterRef, QuerySet, Subquery
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from catalog.browsing import look
from catalog.importing import Mode, import_rows
from catalog.models import ObjectSchema, ObjectVersion, Table, TableVersion
from catalog.queries import RowQuery, Window
from catalog.rows import VersionRows
from catalog.serializers.applications import ULID_EXAMPLE
from catalog.sight import hidden_of
from catalog.sources import JSONRows, Source
from catalog.writing import StaleVersionError, Write
from config.api import CheckedSerializer, UserField, dump_json
from config.api.errors import NO_ROOM
from config.asking import KeptQuery

ROWS_SHOWN: Final = 100
ROWS_EXAMPLE: Final[list[dict[str, Any]]] = [
    {"order_id": 10, "customer": 1, "amount": 2.5},
    {"order_id": 11, "customer": 2, "amount": 7},
]
ROWS_ANSWERED: Final = [{"_id": row_id, **row} for row_id, row in enumerate(ROWS_EXAMPLE, 1)]
TABLE_EXAMPLE: Final[dict[str, Any]] = {
    "id": ULID_EXAMPLE,
    "application": "demo",
    "object": ULID_EXAMPLE,
    "object_name": "orders",
    "name": "week 1",
    "description": "",
    "version": 7,
    "object_version": 3,
    "row_count": 2,
    "size_bytes": 912,
    "created_at": "2026-11-20T21:00:00Z",
    "updated_at": "2026-11-20T21:00:00Z",
    "created_by": "ann",
}


def rows_source(rows: list[Any]) -> JSONRows:
    """Parsed rows as a source. An `_id` that was read is left out: whole new rows get new ids."""
    return JSONRows([dump_json(_without_id(row)).decode() for row in rows])


def _without_id(row: Any) -> Any:
    return {name: cell for name, cell in row.items() if name != "_id"} if isinstance(row, dict) else row


@extend_schema_field({"type": "array", "items": {"type": "object", "additionalProperties": True}})
class RowsField(serializers.Field[Any, Any, Any, Any]):
    """Rows: all of them when written, the first ROWS_SHOWN when answered, then with `_id`."""

    default_error_messages = {"not_a_list": 'Rows are a list such as [{{"order_id": 10}}].'}

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            self.fail("not_a_list")
        return list(data)

    def get_attribute(self, instance: Table) -> Any:
        return instance

    def to_representation(self, value: Table) -> list[orjson.Fragment]:
        version = value.__dict__.get("shown") or value.current
        rows = VersionRows(version, masked=hidden_of(self.context["request"]._request, version))
        try:
            found = look(rows, RowQuery(rows.schema), Window(ROWS_SHOWN))
        except OSError as error:
            if "imported" not in value.__dict__ or error.errno not in NO_ROOM:
                raise
            value.__dict__["unread"] = True  # they are stored, whether or not this machine's cache has room for them
            return []
        return [orjson.Fragment(line) for line in found.lines]


class ObjectField(serializers.PrimaryKeyRelatedField[ObjectSchema]):
    """An Object by its id; found with its application and its current version."""

    def to_internal_value(self, data: Any) -> ObjectSchema:
        if not isinstance(data, str):
            return super().to_internal_value(data)
        shape = _object.first(data)
        if shape is None:
            self.fail("does_not_exist", pk_value=data)
        found = shape.__dict__["current_id"]
        shape.__dict__["current_versions"] = [ObjectVersion.kept(found)] if found else []
        return shape


def _with_current_id(pk: str) -> "QuerySet[ObjectSchema]":
    newest = ObjectVersion.objects.filter(object=OuterRef("pk"), number=OuterRef("version")).order_by()
    shapes = ObjectSchema.objects.select_related("application").order_by()
    return shapes.filter(pk=pk).annotate(current_id=Subquery(newest.values("pk")[:1]))


_object: Final = KeptQuery(_with_current_id, str)


@extend_schema_serializer(examples=[OpenApiExample("A table", TABLE_EXAMPLE, response_only=True)])
class TableSerializer(CheckedSerializer[Table]):
    """A Table without its rows, as in a list."""

    fixed = ("object",)
    application = serializers.CharField(source="object.application.name", read_only=True)
    object = ObjectField(queryset=ObjectSchema.objects.all())
    object_name = serializers.CharField(source="object.name", read_only=True)
    object_version = serializers.SerializerMethodField()
    created_by = UserField()

    class Meta:
        model = Table
        fields = list(TABLE_EXAMPLE)

    def get_object_version(self, table: Table) -> int:
        annotated: int | None = getattr(table, "object_version", None)
        if annotated is not None:
            return annotated
        shown: TableVersion = table.__dict__.get("shown") or table.current
        return shown.object_version.number


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A table to make",
            {"object": ULID_EXAMPLE, "name": "week 1", "description": "", "rows": ROWS_EXAMPLE},
            request_only=True,
        ),
        OpenApiExample(
            "A table",
            {
                **TABLE_EXAMPLE,
                "rows": [{"_id": 1, **ROWS_EXAMPLE[0]}, {"_id": 2, **ROWS_EXAMPLE[1]}],
                "rows_truncated": False,
            },
            response_only=True,
        ),
    ]
)
class TableDetailSerializer(TableSerializer):
    """A Table with its first rows. Writing `rows` replaces all rows; leaving them out keeps them."""

    rows = RowsField(required=False)
    rows_truncated = serializers.SerializerMethodField()

    class Meta(TableSerializer.Meta):
        fields = [*TableSerializer.Meta.fields, "rows", "rows_truncated"]

    def get_rows_truncated(self, table: Table) -> bool:
        return table.row_count > ROWS_SHOWN or "unread" in table.__dict__

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (
            "rows" in attrs
            and isinstance(self.initial_data, Mapping)
            and self.initial_data.get("rows_truncated") is True
        ):
            message = "These are only the first rows of the table (rows_truncated); leave rows out to keep them all."
            raise serializers.ValidationError({"rows": [serializers.ErrorDetail(message, "rows_truncated")]})
        return attrs

    def new_rows(self, validated_data: Mapping[str, Any]) -> Source | None:
        """The rows that were sent, in the body or as a stream beside it; None if there are none."""
        stream: Source | None = self.context.get("source")
        return rows_source(validated_data["rows"]) if "rows" in validated_data else stream

    def transaction(self, instance: Table) -> AbstractContextManager[Any]:
        """None for a new Table: its rows are checked before the transaction of `create_table` begins."""
        return nullcontext() if instance._state.adding else super().transaction(instance)

    def store(self, instance: Table, validated_data: dict[str, Any]) -> None:
        """Save the Table and its rows; the version that this makes is what is shown of it."""
        source = self.new_rows(validated_data)
        write = Write(self.author, expected_version=self.context.get("expected_version"))
        if instance._state.adding:
            self._take(instance, "create", source or JSONRows([]), replace(write, expected_version=None))
            return
        current = Table.objects.select_for_update().get(pk=instance.pk)
        if write.expected_version not in {None, current.version}:
            raise StaleVersionError(current, write.expected_version or 0)
        instance.save(update_fields=["name", "description", "updated_at"])
        if source is not None:
            self._take(instance, "replace", source, write)

    def _take(self, instance: Table, mode: Mode, source: Source, write: Write) -> None:
        """Write rows, leniently if the context says so; what came of it is left in the instance."""
        name = self.context.get("format_name", "json")
        imported = import_rows(
            instance, mode, source, write, lenient=self.context.get("lenient", False), format_name=name
        )
        instance.__dict__ |= {"shown": imported.version, "imported": imported}


VERSION_EXAMPLE: Final[dict[str, Any]] = {
    "version": 7,
    "object_version": 3,
    "operation": "append",
    "message": "",
    "row_count": 2,
    "size_bytes": 912,
    "added": 2,
    "changed": 0,
    "removed": 0,
    "created_at": "2026-11-20T21:00:00Z",
    "created_by": "ann",
}


@extend_schema_serializer(examples=[OpenApiExample("A version", VERSION_EXAMPLE)])
class TableVersionSerializer(serializers.ModelSerializer[TableVersion]):
    """What one write did to a Table."""

    version = serializers.IntegerField(source="number")
    object_version = serializers.IntegerField(source="object_version.number")
    created_by = UserField()

    class Meta:
        model = TableVersion
        fields = list(VERSION_EXAMPLE)
        read_only_fields = fields
