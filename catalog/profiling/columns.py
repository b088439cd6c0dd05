"""SQL that profiles one attribute, and what its answers mean. Pure: no Django."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

from catalog.attributes import Attribute
from catalog.engine import quote_name
from catalog.profiling.bins import Bin, bins, scale_of
from catalog.profiling.frequencies import Top
from catalog.profiling.values import Shown, is_json, kind_of, text_sql

QUANTILES: Final = (5, 25, 50, 75, 95)
KINDS: Final = {"OBJECT": "object", "ARRAY": "array", "VARCHAR": "string", "BOOLEAN": "boolean", "NULL": "null"}


def _is_number(attribute: Attribute) -> bool:
    return attribute.type in {"integer", "number"}


def _has_order(attribute: Attribute) -> bool:
    """Whether the least and the greatest value mean something; durations are kept as text, whose order isn't theirs."""
    return not is_json(attribute) and attribute.duckdb_type != "BOOLEAN" and attribute.type != "duration"


def summary_sql(attribute: Attribute, is_exact: bool, with_spread: bool) -> dict[str, str]:
    """What is asked of an attribute's column: a name for each answer -> SQL of an aggregate."""
    column = quote_name(attribute.name)
    asked = {"present": f"count({column})"}
    if not is_exact:
        asked["guess"] = f"approx_count_distinct({column})"
    if _has_order(attribute):
        ends = f"[{text_sql(attribute, f'min({column})')}, {text_sql(attribute, f'max({column})')}]"
        if scale_of(attribute.duckdb_type):
            shares = ", ".join(str(each / 100) for each in QUANTILES)
            function = "quantile_disc" if is_exact else "approx_quantile"
            ends = f"list_concat({ends}, CAST({function}({column}, [{shares}]) AS VARCHAR[]))"
        asked["values"] = ends
    if _is_number(attribute):
        asked["mean"] = f"avg(CAST({column} AS DOUBLE))"
        if with_spread:
            asked["stddev"] = f"stddev_samp(CAST({column} AS DOUBLE))"
    if attribute.type == "string":
        asked |= _lengths_sql(f"length({column})") | {"empty": f"count_if({column} = '')"}
    if is_json(attribute):
        length = (
            f"CASE json_type({column}) WHEN 'OBJECT' THEN len(json_keys({column})) WHEN 'ARRAY' "
            f"THEN json_array_length({column}) WHEN 'VARCHAR' THEN length(json_extract_string({column}, '$')) END"
        )
        asked |= _lengths_sql(length) | {"kinds": f"histogram(json_type({column}))"}
    return asked


def _lengths_sql(length: str) -> dict[str, str]:
    return {"lengths": f"[min({length}), max({length})]", "mean_length": f"avg({length})"}


@dataclass
class Findings:
    """What was found of an attribute, values as texts: the answers to `summary_sql`, then how often values stand."""

    attribute: Attribute
    row_count: int
    answers: Mapping[str, Any]
    is_exact: bool
    counts: Sequence[int] = ()
    top: Top = field(default_factory=Top)
    all_told_apart: bool = True

    @property
    def guess(self) -> int:
        """About how many values differ, where that was asked."""
        return min(self.answers.get("guess", 0), self.answers["present"])

    @cached_property
    def kind(self) -> tuple[str, str]:
        return kind_of(self.attribute)

    @cached_property
    def bins(self) -> list[Bin]:
        """The bins of the histogram, now that it is known from where to where the values reach."""
        scale = scale_of(self.attribute.duckdb_type)
        return bins(scale, *self.answers["values"][:2]) if scale and self.answers["present"] else []

    def want(self, shown: Shown) -> None:
        """Ask for the values that the profile shows."""
        shown.want(self.kind, self.answers.get("values", ()))
        shown.want(self.kind, (text for each in self.bins for text in (each.first, each.last)))
        shown.want(self.kind, (text for text, _ in self.top.values))

    def document(self, shown: Shown) -> dict[str, Any]:
        """The profile, with the values that were asked for."""
        attribute, answers = self.attribute, self.answers
        found: dict[str, Any] = {
            "name": attribute.name,
            "type": attribute.type,
            "nulls": self.row_count - answers["present"],
            "distinct": self.top.distinct if self.all_told_apart else self.guess,
            "distinct_exact": self.all_told_apart,
        }
        if "values" in answers:
            found |= self._ends(shown)
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
        if scale_of(attribute.duckdb_type):
            found["histogram"] = [
                {
                    "from": shown.value(self.kind, each.first),
                    "to": shown.value(self.kind, each.last),
                    "count": count,
                }
                for each, count in zip(self.bins, self.counts, strict=True)
            ]
        found["top_values_exact"] = self.all_told_apart
        found["top_values"] = [
            {"value": shown.value(self.kind, text), "count": count} for text, count in self.top.values
        ]
        return found

    def _ends(self, shown: Shown) -> dict[str, Any]:
        low, high, *quantiles = [shown.value(self.kind, text) for text in self.answers["values"]]
        found: dict[str, Any] = {"min": low, "max": high}
        if scale_of(self.attribute.duckdb_type):
            filled = quantiles or [None] * len(QUANTILES)
            found["quantiles"] = {str(share): value for share, value in zip(QUANTILES, filled, strict=True)}
            found["quantiles_exact"] = self.is_exact
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
