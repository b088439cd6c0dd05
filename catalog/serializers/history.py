"""The past of a Table as JSON."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from catalog.history.difference import CLASSES
from config.api import StrictSerializer

PROFILE_EXAMPLE: Final[dict[str, Any]] = {
    "version": 7,
    "row_count": 4,
    "attributes": [
        {
            "name": "amount",
            "type": "number",
            "nulls": 1,
            "distinct": 2,
            "distinct_exact": True,
            "min": 2.5,
            "max": 7,
            "quantiles": {"5": 2.5, "25": 2.5, "50": 7, "75": 7, "95": 7},
            "quantiles_exact": True,
            "mean": 5.5,
            "stddev": 2.6,
            "histogram": [{"from": 2.5, "to": 2.99, "count": 1}, {"from": 6.5, "to": 7, "count": 2}],
            "top_values": [{"value": 7, "count": 2}, {"value": 2.5, "count": 1}],
            "top_values_exact": True,
        }
    ],
}
DIFF_EXAMPLE: Final[dict[str, Any]] = {
    "from": 3,
    "to": 7,
    "counts": {"added": 1, "changed": 1, "removed": 1, "unchanged": 40},
    "attributes": {"amount": 1},
    "columns": {"added": [], "removed": [], "retyped": []},
    "next": None,
    "results": [
        {"class": "changed", "_id": 4, "cells": {"amount": {"old": 2.5, "new": 3}}},
        {"class": "removed", "_id": 9, "row": {"order_id": 9, "customer": 1, "amount": None}},
        {"class": "added", "_id": 44, "row": {"order_id": 44, "customer": 2, "amount": 1}},
    ],
}


@extend_schema_serializer(examples=[OpenApiExample("A profile", PROFILE_EXAMPLE, response_only=True)])
class ProfileSerializer(serializers.Serializer[Any]):
    """What the values of a version look like. What an attribute's type doesn't bear is left out."""

    version = serializers.IntegerField()
    row_count = serializers.IntegerField()
    attributes = serializers.ListField(child=serializers.DictField())


class DifferenceCountsSerializer(serializers.Serializer[Any]):
    """Rows by what became of them."""

    added = serializers.IntegerField()
    changed = serializers.IntegerField()
    removed = serializers.IntegerField()
    unchanged = serializers.IntegerField()


class ColumnChangesSerializer(serializers.Serializer[Any]):
    """Attributes that came, that went, and that have another type."""

    added = serializers.ListField(child=serializers.CharField())
    removed = serializers.ListField(child=serializers.CharField())
    retyped = serializers.ListField(child=serializers.CharField())


class DifferingRowSerializer(serializers.Serializer[Any]):
    """A row that differs: added and removed ones as they are or were, changed ones with the cells that changed."""

    _id = serializers.IntegerField()
    row = serializers.DictField(required=False)
    cells = serializers.DictField(required=False)

    def get_fields(self) -> dict[str, Any]:
        return {"class": serializers.ChoiceField(choices=CLASSES), **super().get_fields()}


@extend_schema_serializer(examples=[OpenApiExample("A diff", DIFF_EXAMPLE, response_only=True)])
class DifferenceSerializer(serializers.Serializer[Any]):
    """What differs between two versions: totals, how many cells of each attribute changed, and rows by `_id`."""

    to = serializers.IntegerField()
    counts = DifferenceCountsSerializer()
    attributes = serializers.DictField(child=serializers.IntegerField())
    columns = ColumnChangesSerializer()
    next = serializers.URLField(allow_null=True)
    results = DifferingRowSerializer(many=True)

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.IntegerField(), **super().get_fields()}


@extend_schema_serializer(
    examples=[OpenApiExample("Back", {"version": 3, "message": "The import of Monday was wrong"}, request_only=True)]
)
class RevertSerializer(StrictSerializer):
    """The version to go back to, and why."""

    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    message = serializers.CharField(max_length=1024, required=False, allow_blank=True, default="")
