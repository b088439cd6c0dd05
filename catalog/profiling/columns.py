"""SQL that profiles one attribute, and what its answers mean. Pure: no Django."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from catalog.attributes import Attribute
from catalog.engine import quote_name, quote_text
from catalog.formats.writers import json_line
from catalog.profiling.bins import Bin, bins, scale_of

EXACT_ROWS: Final = 1_000_000
EXACT_DISTINCT: Final = 500_000
TOP_VALUES: Final = 10
TOP_CANDIDATES: Final = 50
QUANTILES: Final = (5, 25, 50, 75, 95)
BATCH_ATTRIBUTES: Final = 100
BATCH_CELLS: Final = 20_000_000  # an exact quantile holds all cells of its attribute in memory
VALUE_CHARACTERS: Final = 200
KINDS: Final = {"OBJECT": "object", "ARRAY": "array", "VARCHAR": "string", "BOOLEAN": "boolean", "NULL": "null"}

_VALUE: Final = "x"  # what a value is called while it is written as JSON


def _is_json(attribute: Attribute) -> bool:
    return attribute.duckdb_type == "JSON"


def _is_text(attribute: Attribute) -> bool:
    return attribute.duckdb_type == "VARCHAR"


def _is_number(attribute: Attribute) -> bool:
    return attribute.type in {"integer", "number"}


def _has_order(attribute: Attribute) -> bool:
    """Whether the least and the greatest value mean something; durations are kept as text, whose order isn't theirs."""
    return not _is_json(attribute) and attribute.duckdb_type != "BOOLEAN" and attribute.type != "duration"


def _short(attribute: Attribute, value: str) -> str:
    """SQL of a value that isn't long: one character more than is shown tells that it was cut."""
    if _is_json(attribute):
        return f"left(CAST({value} AS VARCHAR), {VALUE_CHARACTERS + 1})"
    return f"left({value}, {VALUE_CHARACTERS + 1})" if _is_text(attribute) else value


def _as_json(attribute: Attribute) -> str:
    """SQL of the value `x` as the JSON object {"x": value}, as rows are answered; of JSON, of its text."""
    shown = Attribute(_VALUE, "string") if _is_json(attribute) else replace(attribute, name=_VALUE)
    return json_line([shown])


def _all_as_json(attribute: Attribute, values: str) -> str:
    return f"list_transform({values}, lambda {quote_name(_VALUE)}: {_as_json(attribute)})"


def _read(attribute: Attribute, text: str | None) -> Any:
    """The value that `_as_json` wrote."""
    value = None if text is None else json.loads(text, parse_float=Decimal)[_VALUE]
    if not isinstance(value, str):
        return value
    if len(value) > VALUE_CHARACTERS:
        return value[:VALUE_CHARACTERS] + "…"
    return json.loads(value, parse_float=Decimal) if _is_json(attribute) else value


# --- one pass over many attributes ----------------------------------------------------------------------------------


def summary_sql(attribute: Attribute, is_exact: bool, with_spread: bool) -> dict[str, str]:
    """What is asked of an attribute's column: a name for each answer -> SQL of an aggregate."""
    column = quote_name(attribute.name)
    asked = {"present": f"count({column})"}
    if not is_exact:
        asked["guess"] = f"approx_count_distinct({column})"
    if _has_order(attribute):
        ends = f"[{_short(attribute, f'min({column})')}, {_short(attribute, f'max({column})')}]"
        if scale_of(attribute.duckdb_type):
            shares = ", ".join(str(each / 100) for each in QUANTILES)
            function = "quantile_disc" if is_exact else "approx_quantile"
            ends = f"list_concat({ends}, {function}({column}, [{shares}]))"
            asked["reach"] = f"[{_plain(attribute, f'min({column})')}, {_plain(attribute, f'max({column})')}]"
        asked["values"] = _all_as_json(attribute, ends)
    if _is_number(attribute):
        asked["mean"] = f"avg(CAST({column} AS DOUBLE))"
        if with_spread:
            asked["stddev"] = f"stddev_samp(CAST({column} AS DOUBLE))"
    if attribute.type == "string":
        asked |= _lengths_sql(f"length({column})") | {"empty": f"count_if({column} = '')"}
    if _is_json(attribute):
        length = (
            f"CASE json_type({column}) WHEN 'OBJECT' THEN len(json_keys({column})) WHEN 'ARRAY' "
            f"THEN json_array_length({column}) WHEN 'VARCHAR' THEN length(json_extract_string({column}, '$')) END"
        )
        asked |= _lengths_sql(length) | {"kinds": f"histogram(json_type({column}))"}
    return asked


def _lengths_sql(length: str) -> dict[str, str]:
    return {"lengths": f"[min({length}), max({length})]", "mean_length": f"avg({length})"}


def _plain(attribute: Attribute, value: str) -> str:
    """SQL of a value as the text that a scale counts from."""
    moment = f"({value}) AT TIME ZONE 'UTC'" if "TIME ZONE" in attribute.duckdb_type else value
    return f"CAST({moment} AS VARCHAR)"


def read_summary(attribute: Attribute, answers: Mapping[str, Any], row_count: int, is_exact: bool) -> dict[str, Any]:
    """The begin of an attribute's profile. `_present`, `_guess` and `_bins` are for the passes that follow."""
    found: dict[str, Any] = {"name": attribute.name, "type": attribute.type, "nulls": row_count - answers["present"]}
    found |= {"distinct": 0, "distinct_exact": True}
    found |= {"_present": answers["present"], "_guess": answers.get("guess", 0)}
    if "values" in answers:
        low, high, *quantiles = [_read(attribute, text) for text in answers["values"]]
        found |= {"min": low, "max": high}
        if "reach" in answers:
            filled = quantiles or [None] * len(QUANTILES)
            found["quantiles"] = {str(share): value for share, value in zip(QUANTILES, filled, strict=True)}
            found["quantiles_exact"] = is_exact
    for name in ("mean", "stddev"):
        if name in answers or (name == "stddev" and "mean" in answers):
            found[name] = _finite(answers.get(name))
    if "lengths" in answers:
        low, high = answers["lengths"]
        found["lengths"] = {"min": low, "mean": _finite(answers["mean_length"]), "max": high}
    if "empty" in answers:
        found["empty"] = answers["empty"]
    if "kinds" in answers:
        found["kinds"] = _kinds(answers["kinds"] or {})
    if "reach" in answers:
        found["histogram"] = []
        if answers["present"]:
            scale = scale_of(attribute.duckdb_type)
            found["_bins"] = bins(scale, *answers["reach"]) if scale else []
    return found


def _finite(number: float | None) -> Decimal | None:
    """A double as it is kept and read back, with the digits that tell it from others; None where there is none."""
    return Decimal(repr(number)) if number is not None and math.isfinite(number) else None


def _kinds(counts: Mapping[str, int]) -> dict[str, int]:
    """How many values are objects, arrays, strings, numbers, booleans; DuckDB has several kinds of numbers."""
    found: dict[str, int] = {}
    for name, count in counts.items():
        kind = KINDS.get(name, "number")
        found[kind] = found.get(kind, 0) + count
    return found


# --- histograms -----------------------------------------------------------------------------------------------------


def histogram_sql(attribute: Attribute, wanted: Sequence[Bin]) -> str:
    """SQL of three lists over the bins: how many values are at most the last of each, first values, last values.

    DuckDB's own histogram takes exact decimals for doubles.
    """
    last, first = ([_constant(attribute, getattr(each, end)) for each in wanted] for end in ("last", "first"))
    counts = ", ".join(f"CAST(count_if({quote_name(attribute.name)} <= {value}) AS VARCHAR)" for value in last)
    ends = (_all_as_json(attribute, f"[{', '.join(values)}]") for values in (first, last))
    return f"[[{counts}], {', '.join(ends)}]"


def _constant(attribute: Attribute, text: str) -> str:
    """A value of our own making, from its text; instants are in UTC, as the engine's time zone is."""
    return f"CAST({quote_text(text)} AS {attribute.duckdb_type})"


def read_histogram(attribute: Attribute, answer: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """The bins with their counts, in order."""
    found = []
    before = 0
    for up_to, first, last in zip(*answer, strict=True):
        found.append({"from": _read(attribute, first), "to": _read(attribute, last), "count": int(up_to) - before})
        before = int(up_to)
    return found


# --- the most frequent values ---------------------------------------------------------------------------------------


def top_values_sql(attribute: Attribute, cells: str, all_told_apart: bool) -> str:
    """SQL of value, count, and how many values differ, of the most frequent values. cells: SQL of the column `v`.

    Where too many differ to tell them apart in memory, likely candidates are found first, and then counted.
    """
    candidates = ""
    if not all_told_apart:
        candidates = f" AND v IN (SELECT unnest(approx_top_k(v, {TOP_CANDIDATES})) FROM ({cells}))"
    groups = f"SELECT v, count(*) AS n FROM ({cells}) WHERE v IS NOT NULL{candidates} GROUP BY v"
    total = "count(*) OVER ()"
    top = f"SELECT v, n, {total} AS groups FROM ({groups}) ORDER BY n DESC, v LIMIT {TOP_VALUES}"
    short = f"SELECT {_short(attribute, 'v')} AS {quote_name(_VALUE)}, n, groups FROM ({top})"
    return f"SELECT {_as_json(attribute)}, n, groups FROM ({short})"


def read_top_values(attribute: Attribute, rows: Sequence[tuple[str, int, int]]) -> list[dict[str, Any]]:
    return [{"value": _read(attribute, text), "count": count} for text, count, _ in rows]
