"""Attributes: the columns of an Object. Pure: no Django.

The vocabulary is Table Schema (Data Package v2); the meaning is that of attributes.md. What the types are is in
catalog.types, what constraints are in catalog.constraints.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog.types import TYPES, AttributeType
from catalog.types.moments import strptime_format
from catalog.types.texts import FALSE_VALUES, FORMAT_TITLES, TRUE_VALUES

__all__ = [
    "NUMERAL",
    "RESERVED_NAMES",
    "ROW_ID",
    "TYPES",
    "Attribute",
    "AttributeType",
    "describe_text",
    "describe_type",
    "from_column",
]

RESERVED_NAMES = ("_id", "_version", "_table")
NUMERAL = re.compile(r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?")


@dataclass(frozen=True)
class Attribute:
    """One column of an Object."""

    name: str
    type: str
    constraints: Mapping[str, Any] = field(default_factory=dict)
    precision: int | None = None
    scale: int = 0
    timezone: bool = False
    format: str | None = None  # of a string: email, uri, uuid, binary; of a date, time, datetime in text: strptime
    delimiter: str = ","  # between the items of a list in text
    item_type: str = "string"  # of the items of a list
    categories: tuple[Any, ...] | None = None  # the values, without their labels, in order
    categories_ordered: bool = False
    decimal_char: str = "."  # of a number in text; so are the three below, of numbers and integers
    group_char: str = ""
    bare_number: bool = True
    true_values: tuple[str, ...] = ()  # of a boolean in text; empty: the usual words
    false_values: tuple[str, ...] = ()
    missing_values: tuple[str, ...] | None = None  # what is no value in text; None: what the Object says
    labels: Mapping[Any, str] = field(default_factory=dict, compare=False)  # of categories that have one, for people

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any]) -> "Attribute":
        """An attribute from its sound definition (see catalog.rules); a setting that is null is not given."""
        given = {name: value for name, value in definition.items() if value is not None}
        return cls(
            name=definition["name"],
            type=definition["type"],
            constraints=given.get("constraints", {}),
            precision=given.get("precision"),
            scale=given.get("scale", 0),
            timezone=given.get("timezone", False),
            format=given.get("format"),
            delimiter=given.get("delimiter", ","),
            item_type=given.get("itemType", "string"),
            categories=_category_values(given.get("categories")),
            categories_ordered=given.get("categoriesOrdered", False),
            decimal_char=given.get("decimalChar", "."),
            group_char=given.get("groupChar", ""),
            bare_number=given.get("bareNumber", True),
            true_values=tuple(given.get("trueValues", ())),
            false_values=tuple(given.get("falseValues", ())),
            missing_values=tuple(given["missingValues"]) if "missingValues" in given else None,
            labels=_category_labels(given.get("categories")),
        )

    @property
    def kind(self) -> AttributeType:
        """The entry of `TYPES` that says what this attribute's values are."""
        return TYPES[self.type]

    @property
    def duckdb_type(self) -> str:
        """The column type in a Part."""
        return self.kind.duckdb_type(self)

    @property
    def is_exact(self) -> bool:
        """Whether this is a number with exact decimals."""
        return self.type == "number" and self.precision is not None


def _category_values(categories: Sequence[Any] | None) -> tuple[Any, ...] | None:
    """The values of categories, given as values or as {"value": ..., "label": ...}."""
    if categories is None:
        return None
    return tuple(each["value"] if isinstance(each, Mapping) else each for each in categories)


def _category_labels(categories: Sequence[Any] | None) -> dict[Any, str]:
    """The labels of the categories that have one, by value."""
    return {
        each["value"]: each["label"] for each in categories or () if isinstance(each, Mapping) and each.get("label")
    }


ROW_ID = Attribute("_id", "integer")
"""The number of a row in its Table, read and written like an attribute."""


INTEGER_COLUMNS = frozenset(
    ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"]
)
_FAMILIES = {"FLOAT": "double", "TIMESTAMP WITH TIME ZONE": "timestamptz"} | {
    f"TIMESTAMP_{unit}": "timestamp" for unit in ("S", "MS", "NS")
}


def _column_family(column_type: str) -> str:
    """The family of a DuckDB column type: "integer", "double", "list", or the type's own name in lower case."""
    if column_type.endswith("]"):
        return "list"
    bare = column_type.split("(")[0]
    return "integer" if bare in INTEGER_COLUMNS else _FAMILIES.get(bare, bare.lower())


def from_column(attribute: Attribute, column_type: str, cell: str) -> str | None:
    """SQL that takes a column of a DuckDB type as this attribute, or None if that type can't be one."""
    family = _column_family(column_type)
    if attribute.type == "datetime" and (family == "timestamptz") != attribute.timezone:
        return None
    take = attribute.kind.from_columns.get(family)
    return take(attribute, cell) if take else None


def describe_type(attribute: Attribute) -> str:
    """What a value must be, in words: "a number with at most 12 digits, 2 of them after the point"."""
    if attribute.is_exact:
        places = f"{attribute.scale} of them after the point"
        return f"a number with at most {attribute.precision} digits, {places}"
    if attribute.type == "datetime":
        return attribute.kind.title + ("+02:00, with its offset" if attribute.timezone else ", without offset")
    if attribute.type == "string":
        return FORMAT_TITLES.get(attribute.format or "", attribute.kind.title)
    if attribute.type == "list":
        return f"a list with items of type {attribute.item_type}"
    return attribute.kind.title


def describe_text(attribute: Attribute) -> str:
    """What a cell of text must be, in words: the type, and how it is written where that is not the usual form."""
    given = []
    if attribute.type in {"date", "time", "datetime"} and strptime_format(attribute):
        given.append(f"written as {strptime_format(attribute)}")
    if attribute.decimal_char != ".":
        given.append(f"with {attribute.decimal_char!r} as the decimal point")
    if attribute.group_char:
        given.append(f"with {attribute.group_char!r} between groups of digits")
    if attribute.true_values or attribute.false_values:
        words = [*(attribute.true_values or TRUE_VALUES), *(attribute.false_values or FALSE_VALUES)]
        given.append(f"written as one of {', '.join(words)}")
    if attribute.type == "list":
        given.append(f"with {attribute.delimiter!r} between them")
    return ", ".join([describe_type(attribute), *given])
