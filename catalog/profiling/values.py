"""Values on their way out of DuckDB: first as texts, then, all of a kind at once, as they are answered. Pure."""

import json
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import duckdb

from catalog.attributes import Attribute
from catalog.formats.writers import json_line

VALUE_CHARACTERS: Final = 200
_VALUE: Final = "x"  # what a value is called while it is written as JSON


def is_json(attribute: Attribute) -> bool:
    return attribute.duckdb_type == "JSON"


def is_text(attribute: Attribute) -> bool:
    return attribute.duckdb_type == "VARCHAR"


def text_sql(attribute: Attribute, value: str) -> str:
    """SQL of a value as the text that it can be made from again, instants in UTC.

    Of a long text the begin: one character more than is shown tells that it was cut.
    """
    if is_json(attribute) or is_text(attribute):
        return f"left(CAST({value} AS VARCHAR), {VALUE_CHARACTERS + 1})"
    moment = f"({value}) AT TIME ZONE 'UTC'" if "TIME ZONE" in attribute.duckdb_type else value
    return f"CAST({moment} AS VARCHAR)"


def kind_of(attribute: Attribute) -> tuple[str, str]:
    """What attributes have in common whose values can be looked at together: a type, and how it is written."""
    if is_json(attribute):
        return ("JSON", json_line([Attribute(_VALUE, "string")]))  # its text is shown, cut where it is long
    return (attribute.duckdb_type, json_line([replace(attribute, name=_VALUE)]))


class Shown:
    """Values as they are answered, by kind and text: all of a kind come with one statement."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], dict[str | None, Any]] = {}

    def want(self, kind: tuple[str, str], texts: Iterable[str | None]) -> None:
        """Ask for the values of these texts."""
        self._values.setdefault(kind, {}).update(dict.fromkeys(texts))

    def find(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Find all that were asked for."""
        for (duckdb_type, as_json), values in self._values.items():
            texts = [text for text in values if text is not None]
            column_type = "VARCHAR" if duckdb_type == "JSON" else duckdb_type
            rows = (
                f"SELECT CAST(unnest(from_json($texts, '[\"VARCHAR\"]')) AS {column_type}) AS {_VALUE}, "
                "unnest(range($count)) AS place"
            )
            sql = f"SELECT concat('[', string_agg({as_json}, ',' ORDER BY place), ']') FROM ({rows})"
            found = connection.execute(sql, {"texts": json.dumps(texts), "count": len(texts)}).fetchone()
            written = json.loads(found[0], parse_float=Decimal) if found else []
            for text, row in zip(texts, written, strict=True):
                values[text] = _cut(row[_VALUE], duckdb_type)

    def value(self, kind: tuple[str, str], text: str | None) -> Any:
        """One of them; None has no text."""
        return self._values[kind][text]


def _cut(value: Any, duckdb_type: str) -> Any:
    """A value as it is shown: a long text ends in "…"; JSON is what its text says."""
    if not isinstance(value, str):
        return value
    if len(value) > VALUE_CHARACTERS:
        return value[:VALUE_CHARACTERS] + "…"
    return json.loads(value, parse_float=Decimal) if duckdb_type == "JSON" else value
