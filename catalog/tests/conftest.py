"""Rows against a schema, without a database."""

import io
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from catalog import engine, rules
from catalog.conformance import Conformed, Destination, conform
from catalog.row_errors import RowError
from catalog.schema import Schema
from catalog.sources import JSONLines, Source
from catalog.tests.factories import json_rows


@dataclass(frozen=True)
class Checked:
    """What became of some rows."""

    conformed: Conformed

    @property
    def errors(self) -> tuple[RowError, ...]:
        return self.conformed.report.errors if self.conformed.report else ()

    @property
    def error_count(self) -> int:
        return self.conformed.report.error_count if self.conformed.report else 0

    @property
    def found(self) -> list[tuple[int, str, str]]:
        """Row, attribute and code of each error."""
        return [(error.row, error.attribute, error.code) for error in self.errors]

    @property
    def codes(self) -> list[str]:
        return [error.code for error in self.errors]

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """The stored cells as DuckDB shows them, without `_id` and `_version`."""
        rows: list[tuple[Any, ...]] = []
        for part in self.conformed.parts:
            query = f"SELECT CAST(COLUMNS(* EXCLUDE (_id, _version)) AS VARCHAR) FROM '{part.path}' ORDER BY _id"
            with engine.cursor() as connection:
                rows += connection.execute(query).fetchall()
        return rows

    @property
    def cells(self) -> list[Any]:
        """The stored cells of the first attribute."""
        return [row[0] for row in self.rows]


@pytest.fixture
def check_source(tmp_path: Path) -> Callable[..., Checked]:
    """Conform a source to attributes (and keys) that are sound."""
    numbers = itertools.count()

    def check(attributes: Iterable[Mapping[str, Any]], source: Source, **keys: Any) -> Checked:
        definition = {"attributes": list(attributes), **keys}
        assert rules.check_definition(definition) == []
        directory = tmp_path / f"checked-{next(numbers)}"
        directory.mkdir()
        schema = Schema.from_definition(rules.normalised(definition))
        return Checked(conform(source, schema, Destination(directory)))

    return check


@pytest.fixture
def check_rows(check_source: Callable[..., Checked]) -> Callable[..., Checked]:
    """Conform rows, each a dictionary or a JSON text."""

    def check(attributes: Iterable[Mapping[str, Any]], *rows: Mapping[str, Any] | str, **keys: Any) -> Checked:
        return check_source(attributes, json_rows(rows), **keys)

    return check


@pytest.fixture
def check_cells(check_rows: Callable[..., Checked]) -> Callable[..., Checked]:
    """Conform the JSON texts of cells of one attribute, `a`."""

    def check(attribute: Mapping[str, Any], *cells: str) -> Checked:
        return check_rows([{"name": "a", **attribute}], *(f'{{"a": {cell}}}' for cell in cells))

    return check


@pytest.fixture
def check_ndjson(check_source: Callable[..., Checked], tmp_path: Path) -> Callable[..., Checked]:
    """Conform NDJSON, given as bytes or as a stream of them."""

    def check(attributes: Iterable[Mapping[str, Any]], content: bytes | io.RawIOBase, **keys: Any) -> Checked:
        stream = io.BytesIO(content) if isinstance(content, bytes) else content
        directory = tmp_path / "lines"
        directory.mkdir(exist_ok=True)
        return check_source(attributes, JSONLines(stream, directory), **keys)

    return check
