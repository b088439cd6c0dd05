"""Errors of rows as data: the same for one row and for a million, in every face (attributes.md, Errors). Pure."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from catalog.attributes import Attribute
from config.problems import pointer

ERRORS_LISTED = 1_000
KINDS_COUNTED: Final = 5_000  # more than an Object has attributes; a JSON row may bring any names
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
class ErrorKind:
    """The errors of one code in one attribute: how many there are, and the first of them."""

    attribute: str
    code: str
    count: int
    first: RowError

    def as_dict(self) -> dict[str, Any]:
        """The kind as in the answer."""
        return {"attribute": self.attribute, "code": self.code, "count": self.count, "first": self.first.as_dict()}


@dataclass(frozen=True)
class Tally:
    """How many errors there are, by attribute and code. Bounded: what comes after so many kinds is counted by code."""

    kinds: Mapping[tuple[str, str], ErrorKind] = field(default_factory=dict)

    @classmethod
    def of(cls, errors: Iterable[RowError]) -> "Tally":
        """A tally of these errors."""
        return cls.of_kinds(ErrorKind(error.attribute, error.code, 1, error) for error in errors)

    @classmethod
    def of_kinds(cls, kinds: Iterable[ErrorKind]) -> "Tally":
        """A tally of kinds, of which some may be the same."""
        found: dict[tuple[str, str], ErrorKind] = {}
        for kind in kinds:
            place = (kind.attribute, kind.code)
            if place not in found and len(found) >= KINDS_COUNTED:
                place = ("", kind.code)
            before = found.get(place)
            first = kind.first if before is None or kind.first.row < before.first.row else before.first
            found[place] = ErrorKind(*place, kind.count + (before.count if before else 0), first)
        return cls(found)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally.of_kinds([*self.kinds.values(), *other.kinds.values()])

    def without(self, errors: Iterable[RowError]) -> "Tally":
        """The same without some of the errors."""
        less = Tally.of(errors).kinds
        left = {place: kind.count - (less[place].count if place in less else 0) for place, kind in self.kinds.items()}
        return Tally({place: replace(self.kinds[place], count=count) for place, count in left.items() if count})

    def __bool__(self) -> bool:
        return bool(self.kinds)

    @property
    def total(self) -> int:
        """How many errors there are in all."""
        return sum(kind.count for kind in self.kinds.values())


NO_ERRORS: Final = Tally()


@dataclass(frozen=True)
class Report:
    """What is wrong with rows: the true total, and the first errors.

    tally: of all errors, where not all are listed.
    """

    errors: tuple[RowError, ...]
    error_count: int
    row_count: int
    tally: Tally = NO_ERRORS

    @property
    def kinds(self) -> list[ErrorKind]:
        """All errors by attribute and code, the most frequent first."""
        tally = self.tally or Tally.of(self.errors)
        return sorted(tally.kinds.values(), key=lambda kind: -kind.count)

    def told_otherwise(self, tell: Callable[[RowError], RowError]) -> "Report":
        """The same report with every error that it shows told in another way."""
        kinds = {place: replace(kind, first=tell(kind.first)) for place, kind in self.tally.kinds.items()}
        return replace(self, errors=tuple(map(tell, self.errors)), tally=Tally(kinds))

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
