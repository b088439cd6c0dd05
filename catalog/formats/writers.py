"""Rows as text: CSV, NDJSON and JSON, encoded by DuckDB a Part at a time. Pure: no Django.

What is written reads back as the same rows: exact decimals keep their digits, instants their offset, and NULL and
empty text stay two things.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from catalog.attributes import Attribute
from catalog.engine import quote_name, quote_text
from catalog.formats.lines import Lines, written_lines
from catalog.formats.writing import PartReader, WritingOptions

_DEFAULTS = WritingOptions()
# What a spreadsheet takes for the beginning of a formula (OWASP, CSV Injection), behind any number of apostrophes.
_FORMULA = "^'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"


@dataclass(frozen=True)
class TextFormat:
    """A way to write rows as lines of text (see catalog.formats.writing.RowFormat).

    line: SQL of one row's text, over the columns of a Part. `head` stands first, `separator` behind each line but the
    last, before its line end, and `tail` at the end.
    """

    name: str
    suffix: str
    media_type: str
    line: Callable[[Sequence[Attribute], Sequence[str], WritingOptions], str]
    head: Callable[[Sequence[Attribute], WritingOptions], str]
    separator: str = ""
    tail: str = ""

    def blocks(
        self,
        parts: Iterable[PartReader],
        attributes: Sequence[Attribute],
        missing_values: Sequence[str] = ("",),
        options: WritingOptions = _DEFAULTS,
    ) -> Iterator[bytes]:
        """The rows of all Parts, in order: the text of one Part is held at a time."""
        line = self.line(attributes, missing_values, options)
        if self.separator:
            line = f"concat({line}, {quote_text(self.separator)})"

        def encode(connection: duckdb.DuckDBPyConnection, relation: str, parameters: Mapping[str, Any]) -> Lines:
            return written_lines(connection, line, relation, parameters)

        between = f"{self.separator}\n".encode() if self.separator else b""
        yield self.head(attributes, options).encode()
        has_rows = False
        for part in parts:
            lines = part(encode)
            if has_rows and lines.row_count:
                yield between
            has_rows = has_rows or lines.row_count > 0
            yield from lines.blocks(but_last=len(between))
        yield self.tail.encode()


# --- CSV ------------------------------------------------------------------------------------------------------------


def _csv_line(attributes: Sequence[Attribute], missing_values: Sequence[str], options: WritingOptions) -> str:
    cells = []
    for attribute in attributes:
        cell = _csv_cell(attribute, missing_values if attribute.missing_values is None else attribute.missing_values)
        if options.spreadsheet and not _is_plain(attribute):
            cell = _without_formula(attribute, cell)
        cells.append(cell)
    separated = ", ',', ".join(cells)
    return f"concat({separated})"  # a function: DuckDB takes no thousand operators in each other


def _without_formula(attribute: Attribute, cell: str) -> str:
    """The cell with an apostrophe before what begins like a formula; apostrophes that stand there already count, so
    that taking one off such a cell gives back what was written."""
    text = cell_text(attribute)
    quoted = f"'\"' || chr(39) || replace({text}, '\"', '\"\"') || '\"'"
    return f"CASE WHEN regexp_matches({text}, {quote_text(_FORMULA)}) THEN {quoted} ELSE {cell} END"


def _quoted_null(missing_values: Sequence[str]) -> str:
    """How NULL is written, unquoted: as nothing wherever nothing is read as NULL."""
    return "" if "" in missing_values or not missing_values else missing_values[0]


def _csv_cell(attribute: Attribute, missing_values: Sequence[str]) -> str:
    text, nothing = cell_text(attribute), _quoted_null(missing_values)
    if _is_plain(attribute) and not any(missing_values):
        return f"coalesce({text}, {quote_text(nothing)})"
    special = "".join(f" OR contains({text}, {mark})" for mark in ("'\"'", "','", "chr(10)", "chr(13)"))
    reserved = ", ".join(quote_text(value) for value in ("", *missing_values))
    quoted = f"'\"' || replace({text}, '\"', '\"\"') || '\"'"
    return (
        f"CASE WHEN {quote_name(attribute.name)} IS NULL THEN {quote_text(nothing)} "
        f"WHEN {text} IN ({reserved}){special} THEN {quoted} ELSE {text} END"
    )


_PLAIN_TYPES = {"integer", "number", "boolean", "date", "time", "datetime", "year", "yearmonth", "duration"}


def _is_plain(attribute: Attribute) -> bool:
    """Whether a cell's text needs no quotes, whatever its value: the usual text of a type that has no free text."""
    is_usual = not attribute.format and attribute.decimal_char == "." and not attribute.true_values
    return attribute.type in _PLAIN_TYPES and is_usual and not attribute.false_values


def cell_text(attribute: Attribute) -> str:
    """SQL of a cell as text that reads back as the same value: instants in UTC, decimals with all digits."""
    return attribute.kind.to_text(attribute, quote_name(attribute.name))


def _csv_head(attributes: Sequence[Attribute], options: WritingOptions) -> str:
    names = [attribute.name for attribute in attributes]
    if options.spreadsheet:
        names = ["'" + name if re.match(_FORMULA, name) else name for name in names]
    return ",".join(_csv_name(name) for name in names) + "\n"


def _csv_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in '",\r\n') else name


# --- JSON -----------------------------------------------------------------------------------------------------------


def _json_line(attributes: Sequence[Attribute], missing_values: Sequence[str], options: WritingOptions) -> str:
    return json_line(attributes, options)


def json_line(attributes: Iterable[Attribute], options: WritingOptions = _DEFAULTS) -> str:
    """SQL of a row as a JSON object of these attributes, over the columns of a Part."""
    members = [f"{_json_name(a.name)}, coalesce({_member(a, options)}, 'null')" for a in attributes]
    between = ", ',', "
    return f"concat('{{', {between.join(members)}, '}}')"


def _member(attribute: Attribute, options: WritingOptions) -> str:
    is_text = (attribute.is_exact and options.decimals == "string") or (
        attribute.type == "integer" and options.integers == "string"
    )
    return f"'\"' || {_json_cell(attribute)} || '\"'" if is_text else _json_cell(attribute)


def _json_name(name: str) -> str:
    return quote_text(json.dumps(name, ensure_ascii=False) + ":")


def _json_cell(attribute: Attribute) -> str:
    """SQL of a cell as JSON text; a decimal is written as it is, for to_json would pass it through a double."""
    return attribute.kind.to_json(attribute, quote_name(attribute.name))


CSV = TextFormat("csv", ".csv", "text/csv", _csv_line, _csv_head)
NDJSON = TextFormat("ndjson", ".ndjson", "application/x-ndjson", _json_line, lambda *_: "")
JSON = TextFormat("json", ".json", "application/json", _json_line, lambda *_: "[", ",", "]\n")
