"""The types that a column may turn out to have. Pure: no Django."""

from dataclasses import dataclass
from typing import Final

from catalog.attributes import TYPES, Attribute


@dataclass(frozen=True)
class Candidate:
    """A type that is tried on the cells; `words` calls its values in a sentence: "998 values are integers"."""

    key: str
    attribute: Attribute
    words: str


_ALL: Final = (
    Candidate("integer", Attribute("", "integer"), "integers"),
    Candidate("number", Attribute("", "number"), "numbers"),
    Candidate("boolean", Attribute("", "boolean"), "true or false"),
    Candidate("date", Attribute("", "date"), "dates"),
    Candidate("datetime", Attribute("", "datetime"), "dates with a time"),
    Candidate("instant", Attribute("", "datetime", timezone=True), "dates with a time and its offset"),
    Candidate("time", Attribute("", "time"), "times"),
    Candidate("yearmonth", Attribute("", "yearmonth"), "months of a year"),
    Candidate("duration", Attribute("", "duration"), "durations"),
)
_OF_JSON: Final = (
    Candidate("array", Attribute("", "array"), "arrays"),
    Candidate("object", Attribute("", "object"), "objects"),
    Candidate("string", Attribute("", "string"), "text"),
)

MARKS: Final = (
    *("NA", "N/A", "n/a", "na", "#N/A", "NULL", "null", "Null", "None", "none", "NaN", "nan", "nil"),
    *("-", "--", "?", ".", "..", "\\N", "missing"),
)
"""Texts that stand for a missing value in many files."""


def candidates(is_text: bool) -> tuple[Candidate, ...]:
    """The types that are tried, the narrower before the wider; a year is an integer, a list is a text."""
    wanted = _ALL if is_text else (*_ALL, *_OF_JSON)
    return tuple(each for each in wanted if each.attribute.type in TYPES)
