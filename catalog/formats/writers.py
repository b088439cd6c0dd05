"""Rows as text: CSV, NDJSON and JSON, encoded by DuckDB a Part at a time. Pure: no Django.

What is written reads back as the same rows: exact decimals keep their digits, instants their offset, and NULL and
empty text stay two things.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import duckdb

from catalog.attributes import ROW_ID, Attribute, Schema
from catalog.engine import quote_name, quote_text


@dataclass(frozen=True)
class RowFormat:
    """A way to write rows as text.

    line: SQL of one row's text, over the columns of a Part. `head` stands first, `between` between two lines, `after`
    behind the last line if there is one, `tail` at the end.
    """

    name: str
    suffix: str
    media_type: str
    line: Callable[[Schema, bool], str]
    head: Callable[[Schema, bool], str]
    between: str
    after: str
    tail: str

    def encode(
        self, connection: duckdb.DuckDBPyConnection, relation: str, schema: Schema, with_ids: bool = False
    ) -> str | None:
        """The lines of a Part, in order, with `between` between them; None if there are none.

        relation: SQL of the Part's rows, usable as `FROM (relation)`.
        """
        select = f"SELECT {ROW_ID.name}, {self.line(schema, with_ids)} AS line FROM ({relation})"
        row = connection.execute(
            f"SELECT string_agg(line, {quote_text(self.between)} ORDER BY {ROW_ID.name}) FROM ({select})"
        ).fetchone()
        return row[0] if row else None


# --- CSV ------------------------------------------------------------------------------------------------------------


def _csv_line(schema: Schema, with_ids: bool) -> str:
    nothing = _quoted_null(schema.missing_values)
    cells = [_csv_cell(attribute, schema.missing_values, nothing) for attribute in schema.attributes]
    if with_ids:
        cells.insert(0, _text(ROW_ID))
    return " || ',' || ".join(cells)


def _quoted_null(missing_values: Sequence[str]) -> str:
    """How NULL is written, unquoted: as nothing wherever the Object reads nothing as NULL."""
    return "" if "" in missing_values or not missing_values else missing_values[0]


def _csv_cell(attribute: Attribute, missing_values: Sequence[str], nothing: str) -> str:
    column = quote_name(attribute.name)
    if attribute.type != "string":
        return f"coalesce({_text(attribute)}, {quote_text(nothing)})"
    special = "".join(f" OR contains({column}, {text})" for text in ("'\"'", "','", "chr(10)", "chr(13)"))
    reserved = ", ".join(quote_text(value) for value in ("", *missing_values))
    quoted = f"'\"' || replace({column}, '\"', '\"\"') || '\"'"
    return (
        f"CASE WHEN {column} IS NULL THEN {quote_text(nothing)} "
        f"WHEN {column} IN ({reserved}){special} THEN {quoted} ELSE {column} END"
    )


def _csv_head(schema: Schema, with_ids: bool) -> str:
    names = [ROW_ID.name, *schema.names] if with_ids else schema.names
    return ",".join(_csv_name(name) for name in names) + "\n"


def _csv_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in '",\r\n') else name


def _text(attribute: Attribute) -> str:
    """SQL of a cell's text: ISO 8601 with T, instants in UTC with Z, decimals with all digits, true and false."""
    column = quote_name(attribute.name)
    if attribute.type != "datetime":
        return f"CAST({column} AS VARCHAR)"
    if attribute.timezone:
        return f"replace(CAST({column} AT TIME ZONE 'UTC' AS VARCHAR), ' ', 'T') || 'Z'"
    return f"replace(CAST({column} AS VARCHAR), ' ', 'T')"


# --- JSON -----------------------------------------------------------------------------------------------------------


def _json_line(schema: Schema, with_ids: bool) -> str:
    return json_line([ROW_ID, *schema.attributes] if with_ids else schema.attributes)


def json_line(attributes: Iterable[Attribute]) -> str:
    """SQL of a row as a JSON object of these attributes, over the columns of a Part."""
    members = [f"{_json_name(a.name)}, coalesce({_json_cell(a)}, 'null')" for a in attributes]
    between = ", ',', "
    return f"concat('{{', {between.join(members)}, '}}')"


def _json_name(name: str) -> str:
    return quote_text(json.dumps(name, ensure_ascii=False) + ":")


def _json_cell(attribute: Attribute) -> str:
    """SQL of a cell as JSON text; a decimal is written as it is, for to_json would pass it through a double."""
    if attribute.type == "string":
        return f"CAST(to_json({quote_name(attribute.name)}) AS VARCHAR)"
    if attribute.type in {"date", "datetime"}:
        return f"'\"' || {_text(attribute)} || '\"'"
    return _text(attribute)


CSV = RowFormat("csv", ".csv", "text/csv", _csv_line, _csv_head, "\n", "\n", "")
NDJSON = RowFormat("ndjson", ".ndjson", "application/x-ndjson", _json_line, lambda *_: "", "\n", "\n", "")
JSON = RowFormat("json", ".json", "application/json", _json_line, lambda *_: "[", ",\n", "", "]\n")
