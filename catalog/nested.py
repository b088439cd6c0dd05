"""JSON Schema for values inside a cell: which cells break it, and how. Pure: no Django.

jsonschema-rs validates: in linear time, with Rust's regular expressions, and with no reference to another document.
"""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import unquote

import duckdb
import jsonschema_rs

from catalog.constraints import Check

NONCONFORMING = "nonconforming"
"""The temporary table of cells that break a check: columns `number` (of the check) and `cell`."""

_CELLS_AT_ONCE = 10_000
SCHEMA_CHARACTERS = 4_000_000
SCHEMA_DEPTH = 100
SCHEMA_STEPS = 100_000
ERRORS_COUNTED = 100


class SchemaError(ValueError):
    """A JSON Schema that can't be used; says why."""


def _check_cost(schema: Any) -> None:
    """Raise SchemaError if a value would be looked at too often: references that multiply, or nest too deep.

    A reference is followed as often as it stands, so that a chain of pairs doubles with each step; one that leads back
    to where it stands is not counted, since the depth of a value bounds it.
    """
    counts: dict[int, int] = {}
    below: set[int] = set()

    def count(node: Any, depth: int) -> int:
        if not isinstance(node, dict | list) or id(node) in below:
            return 0
        if depth > SCHEMA_DEPTH:
            raise SchemaError(f"it is nested deeper than {SCHEMA_DEPTH} levels")
        if id(node) not in counts:
            below.add(id(node))
            inner = list(node.values()) if isinstance(node, dict) else node
            if isinstance(node, dict) and isinstance(node.get("$ref"), str):
                inner = [*inner, _target(schema, node["$ref"])]
            counts[id(node)] = 1 + sum(count(each, depth + 1) for each in inner)
            below.discard(id(node))
        return counts[id(node)]

    if count(schema, 0) > SCHEMA_STEPS:
        raise SchemaError(f"with its references written out it has more than {SCHEMA_STEPS:,} parts")


def _target(schema: Any, reference: str) -> Any:
    """What a reference inside the document leads to; None if that is not told by its place."""
    if not reference.startswith("#"):
        return None
    found = schema
    for step in unquote(reference[1:]).split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def validator_for(schema: Any) -> jsonschema_rs.Validator:
    """What tells whether a value conforms; `format` is checked, since what is declared here is enforced.

    Raises SchemaError: no JSON Schema, a reference to another document, a pattern that needs backtracking.
    """
    try:
        text = json.dumps(schema, sort_keys=True, default=str)
    except RecursionError as error:
        raise SchemaError(f"it is nested deeper than {SCHEMA_DEPTH} levels") from error
    if len(text) > SCHEMA_CHARACTERS:
        raise SchemaError(f"it is longer than {SCHEMA_CHARACTERS:,} characters")
    return _validator_for(text)


@lru_cache(maxsize=256)
def _validator_for(text: str) -> jsonschema_rs.Validator:
    try:
        schema = json.loads(text)
        _check_cost(schema)
        return jsonschema_rs.validator_for(
            schema, offline=True, validate_formats=True, pattern_options=jsonschema_rs.RegexOptions()
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise SchemaError(str(error).strip().splitlines()[0]) from error


def note_nonconforming(
    connection: duckdb.DuckDBPyConnection, relation: str, checks: Sequence[tuple[str, Check]]
) -> int:
    """Fill NONCONFORMING with the different cells that break checks, given as (SQL column, check); how many."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {NONCONFORMING} (number INTEGER, cell VARCHAR)")
    return sum(_note(connection, relation, number, column, check) for number, (column, check) in enumerate(checks))


def _note(connection: duckdb.DuckDBPyConnection, relation: str, number: int, column: str, check: Check) -> int:
    validator = validator_for(check.json_schema)
    found = connection.execute(f"SELECT DISTINCT CAST({column} AS VARCHAR) FROM {relation} WHERE {column} IS NOT NULL")
    broken = []
    while cells := found.fetchmany(_CELLS_AT_ONCE):
        broken += [cell for (cell,) in cells if not _conforms(validator, cell)]
    if broken:
        connection.execute(
            f"INSERT INTO {NONCONFORMING} SELECT {number}, unnest(CAST(CAST($cells AS JSON) AS VARCHAR[]))",
            {"cells": json.dumps(broken)},
        )
    return len(broken)


def breaks(number: int, column: str) -> str:
    """SQL of whether a cell breaks the check of this number."""
    return f"CAST({column} AS VARCHAR) IN (SELECT cell FROM {NONCONFORMING} WHERE number = {number})"


def _conforms(validator: jsonschema_rs.Validator, cell: str) -> bool:
    try:
        return validator.is_valid(json.loads(cell))
    except (ValueError, RecursionError):  # deeper than can be looked into
        return False


def explain_cell(check: Check, cell: str) -> str:
    """Why a cell breaks a check, in a sentence: the place in the value, and how many more there are."""
    try:
        found = validator_for(check.json_schema).iter_errors(json.loads(cell))
        errors = list(islice(found, ERRORS_COUNTED))
    except (ValueError, RecursionError) as error:
        return f"it can't be looked into: {error}"
    if not errors:
        return "it doesn't conform"
    at_least = "at least " if len(errors) == ERRORS_COUNTED else ""
    more = f" ({at_least}{len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{_place(errors[0].instance_path)}{errors[0].message}{more}"


def _place(path: Iterable[str | int]) -> str:
    steps = [str(step).replace("~", "~0").replace("/", "~1") for step in path]
    return f"at /{'/'.join(steps)}: " if steps else ""
