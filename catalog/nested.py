"""JSON Schema for values inside a cell: which cells break it, and how. Pure: no Django.

jsonschema-rs validates: in linear time, with Rust's regular expressions, and with no reference to another document.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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
EXPLAINED_STEPS = 100


class SchemaError(ValueError):
    """A JSON Schema that can't be used; says why."""


@dataclass(frozen=True)
class _Cost:
    """How many parts a schema has with its references written out, and how many of these lead back to where they are.

    Those that lead back are not followed: the depth of a value bounds them.
    """

    parts: int
    returns: int


_NO_SCHEMA = _Cost(0, 0)
_BACK = _Cost(0, 1)


def _cost(schema: Any) -> _Cost:
    """How often a value is looked at. Raises SchemaError for references that multiply, or nest too deep.

    A reference is followed as often as it stands, so that a chain of pairs doubles with each step.
    """
    costs: dict[int, _Cost] = {}
    below: set[int] = set()

    def count(node: Any, depth: int) -> _Cost:
        if not isinstance(node, dict | list):
            return _NO_SCHEMA
        if id(node) in below:
            return _BACK
        if depth > SCHEMA_DEPTH:
            raise SchemaError(f"it is nested deeper than {SCHEMA_DEPTH} levels")
        if id(node) not in costs:
            below.add(id(node))
            inner = [count(each, depth + 1) for each in _inner(schema, node)]
            is_open = isinstance(node, dict) and ("$dynamicRef" in node or "$recursiveRef" in node)
            costs[id(node)] = _Cost(1 + sum(each.parts for each in inner), is_open + sum(e.returns for e in inner))
            below.discard(id(node))
        return costs[id(node)]

    found = count(schema, 0)
    if found.parts > SCHEMA_STEPS:
        raise SchemaError(f"with its references written out it has more than {SCHEMA_STEPS:,} parts")
    return found


def _inner(schema: Any, node: dict[str, Any] | list[Any]) -> Iterator[Any]:
    """What a part of a schema consists of, and what it refers to."""
    yield from node.values() if isinstance(node, dict) else node
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        yield _target(schema, node["$ref"])


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
    return _compiled(schema)[0]


def _compiled(schema: Any) -> tuple[jsonschema_rs.Validator, _Cost]:
    try:
        text = json.dumps(schema, sort_keys=True, default=str)
    except RecursionError as error:
        raise SchemaError(f"it is nested deeper than {SCHEMA_DEPTH} levels") from error
    if len(text) > SCHEMA_CHARACTERS:
        raise SchemaError(f"it is longer than {SCHEMA_CHARACTERS:,} characters")
    return _compiled_text(text)


@lru_cache(maxsize=256)
def _compiled_text(text: str) -> tuple[jsonschema_rs.Validator, _Cost]:
    try:
        schema = json.loads(text)
        cost = _cost(schema)
        validator = jsonschema_rs.validator_for(
            schema, offline=True, validate_formats=True, pattern_options=jsonschema_rs.RegexOptions()
        )
        return validator, cost
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
    """Why a cell breaks a check, in a sentence: the place in the value, and how many more there are.

    Whether a value conforms is told in linear time; why it does not takes all alternatives of all levels, where a
    schema leads back to itself more than once.
    """
    validator, cost = _compiled(check.json_schema)
    try:
        value = json.loads(cell)
        depth = _depth(value)
        if max(cost.returns, 1) ** depth > EXPLAINED_STEPS:
            return (
                f"it doesn't conform; where is not told of a value of {depth} levels by a JSON Schema that refers back "
                f"to itself {cost.returns} times"
            )
        errors = list(islice(validator.iter_errors(value), ERRORS_COUNTED))
    except (ValueError, RecursionError) as error:
        return f"it can't be looked into: {error}"
    if not errors:
        return "it doesn't conform"
    at_least = "at least " if len(errors) == ERRORS_COUNTED else ""
    more = f" ({at_least}{len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{_place(errors[0].instance_path)}{errors[0].message}{more}"


def _depth(value: Any) -> int:
    """How many objects and arrays stand in each other."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, dict | list) + max(map(_depth, inner), default=0)


def _place(path: Iterable[str | int]) -> str:
    steps = [str(step).replace("~", "~0").replace("/", "~1") for step in path]
    return f"at /{'/'.join(steps)}: " if steps else ""
