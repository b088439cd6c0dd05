"""The operators of filters, by what they compare with and by the types that bear them. Pure: no Django."""

from collections.abc import Mapping
from typing import Final

from catalog.attributes import Attribute

ROW_VERSION: Final = Attribute("_version", "integer")
"""The number of the TableVersion that last wrote a row."""
ROW_TABLE: Final = Attribute("_table", "string")
"""The id of the Table that a row is of, where rows of several Tables are read together."""

# In the SQL, `{column}` is the column and `{value}` a value of the attribute's type, or a text for the last group.
ONE: Final[Mapping[str, str]] = {
    "eq": "{column} = {value}",
    "ne": "{column} <> {value}",
    "gt": "{column} > {value}",
    "gte": "{column} >= {value}",
    "lt": "{column} < {value}",
    "lte": "{column} <= {value}",
}
LIST: Final = ("in", "not_in", "between")
TEXT: Final[Mapping[str, str]] = {
    "like": "{column} LIKE {value}",
    "ilike": "{column} ILIKE {value}",
    "contains": "contains({column}, {value})",
    "starts_with": "starts_with({column}, {value})",
}
NOTHING: Final[Mapping[str, str]] = {"is_null": "{column} IS NULL", "is_not_null": "{column} IS NOT NULL"}
OPERATORS: Final = (*ONE, *LIST, *TEXT, *NOTHING)
_EQUAL: Final = frozenset({"eq", "ne", "in", "not_in"})


def operators(attribute: Attribute) -> tuple[str, ...]:
    """The operators that values of this attribute take.

    What is stored as JSON is looked into by `contains` where it is a list of simple values, and by nothing elsewhere:
    two texts of one JSON value may differ.
    """
    kind, taken = attribute.kind, {*NOTHING}
    if kind.is_json:
        taken |= {"contains"} if attribute.type == "list" else set()
    else:
        taken |= _EQUAL
        taken |= {*ONE, "between"} if kind.is_ordered or kind.is_text else set()
        taken |= {*TEXT} if kind.is_text else set()
    return tuple(name for name in OPERATORS if name in taken)


def is_sortable(attribute: Attribute) -> bool:
    """Whether rows can be ordered by this attribute."""
    return not attribute.kind.is_json


def compared_with(attribute: Attribute, operator: str) -> Attribute:
    """What the values of an operator are: the attribute's own kind, or that of a list's items."""
    if attribute.type == "list" and operator == "contains":
        return Attribute(attribute.name, attribute.item_type)
    return attribute
