"""Matchers: what a cell is to be like where it has no one expected value, such as `{"$not_null": true}`.

An expected Table conforms to its Object, so an integer cell can't hold a matcher. Matchers stand in the options of the
comparison instead, for an attribute and perhaps a row; texts and JSON cells may hold them where the options say so.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from catalog import engine
from catalog.comparison import cells
from catalog.engine import quote_text
from config.problems import Problem, nearest

MATCHERS_MAX: Final = 1_000
BOUNDS: Final = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
OPERATORS: Final = ("$any", "$not_null", "$regex", *BOUNDS, "$approx")
TOLERANCES: Final = ("abs_tol", "rel_tol")


@dataclass(frozen=True)
class Matcher:
    """What cells are to be like. condition: as JSON, such as {"$gt": 0, "$lt": 1}.

    row: None for every row; the place of an expected row, from 1; or attribute -> value, which may fit several rows.
    """

    attribute: str
    condition: Mapping[str, Any]
    row: int | Mapping[str, Any] | None = None


def matcher_sql(condition: Mapping[str, Any], cell: str, duckdb_type: str) -> str:
    """Whether an actual cell is as the condition asks; never null. Raises ValueError where its type can't be."""
    found = [_operator_sql(name, value, condition, cell, duckdb_type) for name, value in condition.items()]
    return f"coalesce({' AND '.join(each for each in found if each)}, false)"


def check_condition(path: str, condition: Any) -> Iterator[Problem]:
    """What is wrong with a matcher's JSON."""
    if not isinstance(condition, Mapping) or not condition:
        yield Problem(path, "type", f'{path} must be an object such as {{"$not_null": true}}')
        return
    for name, value in condition.items():
        yield from _check_operator(path, str(name), value, condition)


def is_literal(text: str) -> Mapping[str, Any] | None:
    """The matcher that a cell's text is, if it is one."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not any(name in OPERATORS for name in found):
        return None
    return None if list(check_condition("cell", found)) else found


def _check_operator(path: str, name: str, value: Any, condition: Mapping[str, Any]) -> Iterator[Problem]:
    where = f"{path}.{name}"
    if name in TOLERANCES and "$approx" in condition:
        if not _is_finite_number(value) or value < 0:
            yield Problem(where, "minimum", f"{where} must be a finite number, at least 0")
    elif name not in OPERATORS:
        yield Problem(where, "unknown_option", f"{name!r} is no matcher; {nearest(name, OPERATORS)}")
    elif name in ("$any", "$not_null"):
        if value is not True:
            yield Problem(where, "type", f"{where} must be true")
    elif name == "$regex":
        yield from _check_pattern(where, value)
    else:
        yield from _check_number(where, name, value, condition)


def _check_number(where: str, name: str, value: Any, condition: Mapping[str, Any]) -> Iterator[Problem]:
    is_number = _is_finite_number(value)
    if name == "$approx" and not is_number:
        yield Problem(where, "type", f"{where} must be a finite number")
    elif name == "$approx" and not any(tolerance in condition for tolerance in TOLERANCES):
        yield Problem(where, "required", f"{where} needs abs_tol, rel_tol or both beside it")
    elif not is_number and not (isinstance(value, str) and "\0" not in value):
        yield Problem(where, "type", f"{where} must be a finite number or a text")


def _check_pattern(where: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, str) or "\0" in value:
        yield Problem(where, "type", f"{where} must be a text without NUL")
        return
    try:
        with engine.cursor(is_serial=True) as connection:
            connection.execute(f"SELECT regexp_full_match('', {quote_text(value)})")
    except duckdb.Error as error:
        reason = str(error).splitlines()[0].removeprefix("Invalid Input Error: ")
        yield Problem(where, "invalid_pattern", f"{where} is no pattern that RE2 knows: {reason}")


def _operator_sql(name: str, value: Any, condition: Mapping[str, Any], cell: str, duckdb_type: str) -> str:
    if name == "$any":
        return "true"
    if name == "$not_null":
        return f"{cell} IS NOT NULL"
    word = cells.type_word(duckdb_type)
    if name == "$regex":
        if word != "string":
            raise ValueError(f"$regex is for strings, and this is {word}")
        return f"regexp_full_match({cell}::VARCHAR, {quote_text(value)})"
    if name == "$approx":
        if word not in ("integer", "number"):
            raise ValueError(f"$approx is for numbers, and this is {word}")
        allowed = max(float(condition.get("abs_tol", 0)), float(condition.get("rel_tol", 0)) * abs(float(value)))
        common = cells.within_tolerance(duckdb_type, "DOUBLE", cell, f"({float(value)!r})", allowed, 0.0)
        return f"({common})"
    return _bound_sql(BOUNDS[name], value, cell, duckdb_type, word) if name in BOUNDS else ""


def _bound_sql(operator: str, value: Any, cell: str, duckdb_type: str, word: str) -> str:
    is_number = not isinstance(value, str)
    if is_number != (word in ("integer", "number")) or word in ("object", "boolean", "binary"):
        raise ValueError(f"the bound {value!r} can't be compared with {word}")
    if is_number:
        bound = f"CAST({quote_text(repr(value))} AS {'HUGEINT' if _is_huge(value) else 'DOUBLE'})"
        return f"({cell} {operator} {bound} AND NOT isnan({cell}::DOUBLE))"
    return f"{cell} {operator} TRY_CAST({quote_text(value)} AS {duckdb_type})"


def _is_huge(value: Any) -> bool:
    """Whether the bound is a whole number of any size that HUGEINT holds."""
    return isinstance(value, int) and abs(value) < 2**127


def _is_finite_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def check_matchers(path: str, value: Any, attribute_names: Sequence[str]) -> Iterator[Problem]:
    """What is wrong with the option `matchers`."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        yield Problem(path, "type", f"{path} must be a list")
        return
    if len(value) > MATCHERS_MAX:
        yield Problem(path, "maximum", f"{path} has {len(value)} matchers; the maximum is {MATCHERS_MAX}")
        return
    for position, each in enumerate(value):
        yield from _check_matcher(f"{path}.{position}", each, attribute_names)
    yield from _check_distinct(path, value)


def _check_distinct(path: str, value: Sequence[Any]) -> Iterator[Problem]:
    """Of two matchers of the same cells only one could hold."""
    seen: dict[str, int] = {}
    for position, each in enumerate(value):
        if not isinstance(each, Mapping):
            continue
        cells = json.dumps([each.get("attribute"), each.get("row")], sort_keys=True, default=str)
        if cells in seen:
            message = (
                f"{path}.{position} is of the same cells as {path}.{seen[cells]}; put all that is asked of them "
                'into one matcher, such as {"$gt": 0, "$lt": 1}'
            )
            yield Problem(f"{path}.{position}", "duplicate", message)
        seen.setdefault(cells, position)


def _check_matcher(path: str, given: Any, names: Sequence[str]) -> Iterator[Problem]:
    if not isinstance(given, Mapping):
        yield Problem(path, "type", f"{path} must be an object with attribute, matcher and perhaps row")
        return
    for name in given:
        if name not in ("attribute", "matcher", "row"):
            known = ("attribute", "matcher", "row")
            yield Problem(
                f"{path}.{name}", "unknown_option", f"{name!r} is no part of a matcher; {nearest(name, known)}"
            )
    if given.get("attribute") not in names:
        message = (
            f"{path}: there is no attribute {given.get('attribute')!r}; {nearest(str(given.get('attribute')), names)}"
        )
        yield Problem(f"{path}.attribute", "unknown_attribute", message)
    yield from check_condition(f"{path}.matcher", given.get("matcher"))
    row = given.get("row")
    if isinstance(row, Mapping) and row:
        for name, value in row.items():
            if name not in names:
                message = f"{path}.row: there is no attribute {name!r}; {nearest(str(name), names)}"
                yield Problem(f"{path}.row.{name}", "unknown_attribute", message)
            elif not isinstance(value, str | int | float | None) or (isinstance(value, str) and "\0" in value):
                yield Problem(
                    f"{path}.row.{name}", "type", f"{path}.row.{name} must be a text, number, boolean or null"
                )
    elif row is not None and (isinstance(row, bool) or not isinstance(row, int) or not 1 <= row < 2**63):
        yield Problem(f"{path}.row", "type", f"{path}.row must be a row's place from 1, or attributes and their values")
