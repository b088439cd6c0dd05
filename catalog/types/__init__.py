"""The types of attributes: for each what its column is, how its cells are read and written, and what it allows.

The vocabulary is Table Schema (Data Package v2); the meaning is that of attributes.md. A type is one entry of `TYPES`:
what a later type needs goes there and nowhere else. Pure: no Django.
"""

from collections.abc import Mapping

from catalog.types.moments import DATE, DATETIME, DURATION, TIME, YEARMONTH
from catalog.types.nested import ANY_VALUE, ARRAY, LIST, OBJECT
from catalog.types.numbers import INTEGER, NUMBER, YEAR
from catalog.types.settings import AttributeType
from catalog.types.texts import BOOLEAN, STRING

__all__ = ["TYPES", "AttributeType"]

TYPES: Mapping[str, AttributeType] = {
    "string": STRING,
    "integer": INTEGER,
    "number": NUMBER,
    "boolean": BOOLEAN,
    "date": DATE,
    "time": TIME,
    "datetime": DATETIME,
    "year": YEAR,
    "yearmonth": YEARMONTH,
    "duration": DURATION,
    "list": LIST,
    "array": ARRAY,
    "object": OBJECT,
    "any": ANY_VALUE,
}
