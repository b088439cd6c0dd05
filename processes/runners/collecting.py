"""Takes the tables that a program left in files, or a service sent: CSV, NDJSON or Parquet, as typed Parquet.

Text is read as the types of the port's Object, strictly: what is wrong is told with its row and column. A column that
the Object doesn't have stays as it is, so that the check of the output can name it.
"""

from __future__ import annotations

import contextlib
import csv
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from catalog.engine import quote_name, quote_text
from processes.runners.contract import Limits
from processes.runners.hiding import hiding_query, without_secrets
from processes.runners.outputs import (
    EXACT_HUGEINT,
    OutputBudget,
    copy_statement,
    output_reply,
    part_statement,
    parts_wanted,
)
from processes.runners.refusals import RefusedError

ROW_BYTES = 16 * 1024 * 1024
"""What a row of text may have at most: DuckDB takes memory for two such rows at once."""

_HEADER_BYTES = 4 * 1024 * 1024
_SHOWN_CHARACTERS = 80
_NUMBERS = "'BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE'"
_WHOLE = "'BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT'"

Columns = Sequence[tuple[str, str]]


class Collector:
    """Collects the outputs of one case, in their order, within the limits."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, request: Mapping[str, Any], limits: Limits) -> None:
        self._connection = connection
        self._budget = OutputBudget(limits)
        self._types = {
            port: [(str(name), str(kind)) for name, kind in columns]
            for port, columns in request["output_types"].items()
        }
        self._parts = parts_wanted(request)
        self._secrets = request["secrets"]
        self._files = dict(zip(request["outputs"], request["output_files"], strict=True))

    def collect(self, port: str, path: Path, form: str, origin: str) -> dict[str, Any]:
        """Take a port's file; what the parent is told of it. ``origin`` names the file to its author."""
        _check_file(path, port, origin)
        wanted = self._types.get(port, [])
        try:
            relation, columns = getattr(self, f"_read_{form}")(path, wanted, origin)
            target = Path(self._files[port])
            query = self._without_secrets(f"({relation})", columns)
            row_count, is_part = self._write(port, query, columns, target)
        except RefusedError as error:
            raise RefusedError(error.code, str(error), port, error.kind) from error
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            reason = str(error).replace(str(path), origin).replace(str(path.parent), "").split("\n")[0]
            raise RefusedError("invalid_output", f"{origin} can't be read: {reason}", port) from error
        self._budget.count(row_count, target.stat().st_size)
        return output_reply(columns, row_count, is_part)

    def _write(self, port: str, query: str, columns: Columns, target: Path) -> tuple[int, bool]:
        """How many rows were written, and whether as a Part."""
        if port in self._parts:
            statement = part_statement(query, columns, self._parts[port], target, self._budget)
            if statement:
                with contextlib.suppress(duckdb.ConversionException):
                    return self._count(statement), True
        return self._count(copy_statement(query, columns, target, self._budget)), False

    def _without_secrets(self, query: str, columns: Columns) -> str:
        hiding, left = hiding_query(query, columns, self._secrets)
        if left and self._count(left):
            raise RefusedError("invalid_output", "A list or record holds a secret of the configuration.")
        return hiding

    def _count(self, statement: str) -> int:
        ((row_count,),) = self._connection.execute(statement).fetchall()
        return int(row_count)

    # --- each gives a query and its columns -------------------------------------------------------------------------

    def _read_parquet(self, path: Path, wanted: Columns, origin: str) -> tuple[str, Columns]:
        relation = f"SELECT * FROM read_parquet({quote_text(str(path))})"
        columns = self._described(relation)
        types = dict(wanted)
        doubtful = [(name, kind, types[name]) for name, kind in columns if types.get(name, kind) != kind]
        # A column of nulls has no type of its own, and pandas has no dates, decimals or whole numbers with nulls: such
        # a column is taken as the Object's type, if that loses nothing of any value.
        lossless: dict[str, str] = {}
        if doubtful:
            kept = ", ".join(f"bool_and({_is_kept(*each)})" for each in doubtful)
            (found,) = self._connection.execute(f"SELECT {kept} FROM ({relation})").fetchall()
            lossless = {name: types[name] for (name, _, _), is_kept in zip(doubtful, found, strict=True) if is_kept}
        taken = [(name, lossless.get(name, kind)) for name, kind in columns]
        selection = ", ".join(f"CAST({quote_name(name)} AS {kind}) AS {quote_name(name)}" for name, kind in taken)
        return f"SELECT {selection} FROM ({relation})", taken

    def _read_csv(self, path: Path, wanted: Columns, origin: str) -> tuple[str, Columns]:
        header = _csv_header(path, origin)
        given = ", ".join(f"{quote_text(name)}: 'VARCHAR'" for name in header)
        relation = (
            f"SELECT * FROM read_csv({quote_text(str(path))}, header = true, auto_detect = false, delim = ',', "
            f"quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false, columns = {{{given}}}, "
            f"max_line_size = {ROW_BYTES}, buffer_size = {2 * ROW_BYTES}, strict_mode = true)"
        )
        return self._typed(relation, header, wanted, _from_text)

    def _read_ndjson(self, path: Path, wanted: Columns, origin: str) -> tuple[str, Columns]:
        text = quote_text(str(path))
        options = f"maximum_object_size = {ROW_BYTES}"
        objects = f"SELECT json FROM read_ndjson_objects({text}, {options})"
        checked = f"SELECT count(*), count(*) FILTER (json_type(json) != 'OBJECT') FROM ({objects})"
        ((count, others),) = self._connection.execute(checked).fetchall()
        if others:
            raise RefusedError("invalid_output", f"{origin} has {others:,} rows that are no JSON objects.")
        keys = self._connection.execute(f"SELECT DISTINCT unnest(json_keys(json)) FROM ({objects})").fetchall()
        present = {key for (key,) in keys}
        names = [name for name, _ in wanted if name in present or not count]
        names += sorted(present - set(names))
        if not names:
            raise RefusedError("invalid_output", f"{origin} has rows without any column.")
        given = ", ".join(f"{quote_text(name)}: 'JSON'" for name in names)
        relation = (
            f"SELECT * FROM read_json({text}, format = 'newline_delimited', records = true, columns = {{{given}}}, "
            f"{options})"
        )
        return self._typed(relation, names, wanted, _from_json)

    def _typed(self, relation: str, names: Sequence[str], wanted: Columns, reading: Any) -> tuple[str, Columns]:
        """The relation with each column as its type. Raises RefusedError with the first cell that isn't one."""
        types = dict(wanted)
        casts = {name: reading(quote_name(name), types[name]) for name in names if name in types}
        if casts:
            self._check_cells(relation, casts, types)
        selection = ", ".join(f"{casts.get(name, quote_name(name))} AS {quote_name(name)}" for name in names)
        rest = "VARCHAR" if reading is _from_text else "JSON"
        return f"SELECT {selection} FROM ({relation})", [(name, types.get(name, rest)) for name in names]

    def _check_cells(self, relation: str, casts: Mapping[str, str], types: Mapping[str, str]) -> None:
        lost = {name: f"({quote_name(name)} IS NOT NULL AND {_lost(name, cast)})" for name, cast in casts.items()}
        firsts = ", ".join(f"min(number) FILTER ({condition})" for condition in lost.values())
        numbered = f"SELECT *, row_number() OVER () AS number FROM ({relation})"
        (found,) = self._connection.execute(f"SELECT {firsts} FROM ({numbered})").fetchall()
        wrong = [(number, name) for number, name in zip(found, lost, strict=True) if number is not None]
        if not wrong:
            return
        number, name = min(wrong)
        ((value,),) = self._connection.execute(
            f"SELECT {quote_name(name)} FROM ({numbered}) WHERE number = {number}"
        ).fetchall()
        shown = without_secrets(str(value), self._secrets)[:_SHOWN_CHARACTERS]
        raise RefusedError("invalid_output", f"row {number}, {name}: {shown} is no {types[name]}")

    def _described(self, relation: str) -> list[tuple[str, str]]:
        return [(row[0], row[1]) for row in self._connection.execute(f"DESCRIBE {relation}").fetchall()]


def _is_kept(name: str, kind: str, wanted: str) -> str:
    """SQL for whether a value of one type is the same as another: for types that libraries use for want of a better."""
    column = quote_name(name)
    if wanted == "JSON" and kind == "VARCHAR":
        return f"{column} IS NULL OR json_valid({column})"
    is_stand_in = kind in {"DOUBLE", EXACT_HUGEINT} or kind.startswith("TIMESTAMP")
    there_and_back = f"TRY_CAST(TRY_CAST({column} AS {wanted}) AS {kind}) IS NOT DISTINCT FROM {column}"
    return there_and_back if is_stand_in and wanted != "VARCHAR" else f"{column} IS NULL"


def _lost(name: str, cast: str) -> str:
    return f"({cast}) IS NULL AND CAST({quote_name(name)} AS VARCHAR) != 'null'"


def _from_text(column: str, kind: str) -> str:
    if kind == "JSON":
        return f"CASE WHEN json_valid({column}) THEN CAST({column} AS JSON) END"
    return column if kind == "VARCHAR" else f"TRY_CAST({column} AS {kind})"


def _from_json(column: str, kind: str) -> str:
    """A JSON value as a column's type: null where it isn't one. Numbers travel as text, so that no digit is lost."""
    if kind == "JSON":
        return f"CASE WHEN json_type({column}) != 'NULL' THEN {column} END"
    allowed = "'VARCHAR'"
    if kind == "BOOLEAN":
        allowed = "'BOOLEAN'"
    elif kind == "BIGINT":
        allowed = _WHOLE
    elif kind == "DOUBLE":
        allowed = _NUMBERS
    elif kind.startswith("DECIMAL"):
        allowed = f"{_NUMBERS}, 'VARCHAR'"  # many services write exact decimals as text
    text = f"CASE WHEN json_type({column}) IN ({allowed}) THEN {column} ->> '$' END"
    return text if kind == "VARCHAR" else f"TRY_CAST(({text}) AS {kind})"


def _check_file(path: Path, port: str, origin: str) -> None:
    """A link or a pipe could lead anywhere, or nowhere for ever."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        raise RefusedError("missing_output", f"The program wrote no {origin}.", port) from None
    if not stat.S_ISREG(mode):
        raise RefusedError("invalid_output", f"{origin} is no regular file.", port)


def _csv_header(path: Path, origin: str) -> list[str]:
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
    try:
        names = next(csv.reader(head.decode("utf-8-sig", errors="surrogateescape").splitlines(keepends=True)), [])
    except csv.Error as error:
        raise RefusedError("invalid_output", f"{origin} has no header that can be read: {error}.") from error
    if not names or not any(names):
        raise RefusedError("invalid_output", f"{origin} is empty; its first line names the columns.")
    seen: set[str] = set()
    for name in names:
        if not name or "\udc80" <= max(name) <= "\udcff":
            raise RefusedError("invalid_output", f"{origin} has a column without a name, or one that is not UTF-8.")
        if name.lower() in seen:
            raise RefusedError("duplicate_column", f"{origin} gives column {name!r} twice.")
        seen.add(name.lower())
    return names
