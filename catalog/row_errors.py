"""Errors of rows as data: the same for one row and for a million, in every face (attributes.md, Errors). Pure."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from catalog.attributes import Attribute
from config.problems import pointer

ERRORS_LISTED = 1_000
SHOWN_CHARACTERS = 200


@dataclass(frozen=True)
class RowError:
    """One thing that is wrong with one row (attributes.md, Errors). `row` counts from 1; 0 is the header.

    line: where the row begins in the input, from 1, if that is not plain from its number (CSV).
    """

    row: int
    attribute: str
    code: str
    message: str
    value: Any = None
    constraint: Any = None
    line: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """The error as in the contract; `value` and `constraint` stand where they mean something."""
        found: dict[str, Any] = {
            "row": self.row,
            "attribute": self.attribute,
            "code": self.code,
            "message": self.message,
        }
        if self.line is not None:
            found["line"] = self.line
        if self.value is not None:
            found["value"] = self.value
        if self.constraint is not None:
            found["constraint"] = self.constraint
        found["pointer"] = pointer("rows", self.row, self.attribute) if self.attribute else pointer("rows", self.row)
        return found


@dataclass(frozen=True)
class Report:
    """What is wrong with rows: the true total, and the first errors."""

    errors: tuple[RowError, ...]
    error_count: int
    row_count: int

    @property
    def is_truncated(self) -> bool:
        return self.error_count > len(self.errors)

    @property
    def title(self) -> str:
        """ "3 errors in 1000 rows"."""
        errors = "1 error" if self.error_count == 1 else f"{self.error_count} errors"
        return f"{errors} in {self.row_count} row{'s' * (self.row_count != 1)}"


def shorten(value: Any) -> Any:
    return value[:SHOWN_CHARACTERS] if isinstance(value, str) else value


def shown(cell: str | None) -> str:
    """A cell as a message shows it."""
    if cell is None:
        return "null"
    return cell if len(cell) <= SHOWN_CHARACTERS else cell[:SHOWN_CHARACTERS] + "…"


def parsed_cell(cell: str | None) -> Any:
    """A raw cell as the JSON value it was, or as its text; a long value inside a list or an object as its text too."""
    if cell and len(cell) > SHOWN_CHARACTERS * 2:
        return shorten(cell)
    try:
        return shorten(json.loads(cell or "null", parse_float=Decimal, parse_constant=str))
    except (ValueError, RecursionError):
        return shorten(cell)


def json_value(attribute: Attribute, cell: str | None) -> Any:
    """A typed cell, given as text, as a JSON value."""
    if attribute.type in {"integer", "number", "boolean", "year"} or attribute.kind.is_json:
        return parsed_cell(cell)
    return shorten(cell)
