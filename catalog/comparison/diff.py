"""The result of a comparison: frozen values, and their JSON form."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

ROW_CLASSES = ("matched", "changed", "missing", "unexpected", "moved", "duplicate_key")


@dataclass(frozen=True)
class TypeMismatch:
    """An attribute whose types on the two sides have no values in common."""

    attribute: str
    expected: str
    actual: str

    def as_dict(self) -> dict[str, str]:
        """The JSON form."""
        return {"attribute": self.attribute, "expected": self.expected, "actual": self.actual}


@dataclass(frozen=True)
class ShapeDiff:
    """How the attributes of two tables differ. Their order never counts."""

    missing_attributes: tuple[str, ...] = ()
    unexpected_attributes: tuple[str, ...] = ()
    type_mismatches: tuple[TypeMismatch, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "missing_attributes": list(self.missing_attributes),
            "unexpected_attributes": list(self.unexpected_attributes),
            "type_mismatches": [mismatch.as_dict() for mismatch in self.type_mismatches],
        }


@dataclass(frozen=True)
class RowDiff:
    """One listed row.

    row_class: one of ROW_CLASSES but "matched".
    key: key attribute -> value; empty when rows were matched without a key.
    cells: of a changed row, attribute -> {"expected": value, "actual": value}, only those that differ.
    row: attribute -> value, the whole row: of missing, unexpected and moved rows, and of changed rows without a key
        (the expected side's row, so that a reader can recognise it).
    expected_id, actual_id: `_id` on either side, where the side has one.
    expected_position, actual_position: the place of the row on either side, from 1.
    """

    row_class: str
    key: Mapping[str, Any] = field(default_factory=dict)
    cells: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    row: Mapping[str, Any] | None = None
    expected_id: int | None = None
    actual_id: int | None = None
    expected_position: int | None = None
    actual_position: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """The JSON form; what does not apply to the row's class is left out."""
        answer: dict[str, Any] = {"class": self.row_class, "key": dict(self.key)}
        if self.cells:
            answer["cells"] = {name: dict(cell) for name, cell in self.cells.items()}
        if self.row is not None:
            answer["row"] = dict(self.row)
        for name in ("expected_id", "actual_id", "expected_position", "actual_position"):
            if getattr(self, name) is not None:
                answer[name] = getattr(self, name)
        return answer


@dataclass(frozen=True)
class AttributeHistogram:
    """What became of one attribute's cells in all rows that stand on both sides; the five add up to these rows."""

    equal: int = 0
    equal_within_tolerance: int = 0
    changed: int = 0
    null_only_expected: int = 0
    null_only_actual: int = 0

    def as_dict(self) -> dict[str, int]:
        """The JSON form."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


@dataclass(frozen=True)
class TableDiff:
    """How an actual table differs from an expected one.

    counts: row class -> true total. Every row of a side is in one of matched, changed, moved and missing (or
        unexpected); duplicate_key counts keys that stand more than once on a side: their rows are counted there too.
    rows: listed rows, at most the asked limit per class; rows_truncated: there are more.
    attributes: attribute -> AttributeHistogram, of those compared.
    notes: sentences on what a reader must know to judge the rest.
    """

    counts: Mapping[str, int]
    rows: tuple[RowDiff, ...] = ()
    rows_truncated: bool = False
    shape: ShapeDiff = ShapeDiff()
    attributes: Mapping[str, AttributeHistogram] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    mode: str = "exact"

    @property
    def is_equal(self) -> bool:
        """Whether actual is as expected; in mode subset it may have more rows and attributes."""
        return not self._differences()

    @property
    def summary(self) -> str:
        """One sentence that says whether and how actual differs from expected."""
        differences = self._differences()
        if differences:
            return f"actual differs from expected: {', '.join(differences)}"
        row_count = self.counts["matched"]
        if self.counts["unexpected"]:
            return f"actual contains expected: {_count(row_count, 'row')}, and {self.counts['unexpected']} more"
        return f"actual equals expected: {_count(row_count, 'row')}"

    def as_dict(self) -> dict[str, Any]:
        """The JSON form, with the names of the REST contract; cell values stay Python values."""
        return {
            "is_equal": self.is_equal,
            "summary": self.summary,
            "counts": dict(self.counts),
            "rows": [row.as_dict() for row in self.rows],
            "rows_truncated": self.rows_truncated,
            "shape": self.shape.as_dict(),
            "attributes": {name: histogram.as_dict() for name, histogram in self.attributes.items()},
            "notes": list(self.notes),
        }

    def _differences(self) -> list[str]:
        is_subset = self.mode == "subset"
        row_classes = ("changed", "missing", "moved") if is_subset else ("changed", "missing", "unexpected", "moved")
        differences = [f"{self.counts[name]} {name}" for name in row_classes if self.counts[name]]
        if self.shape.missing_attributes:
            differences.append(_count(len(self.shape.missing_attributes), "missing attribute"))
        if self.shape.unexpected_attributes and not is_subset:
            differences.append(_count(len(self.shape.unexpected_attributes), "unexpected attribute"))
        if self.shape.type_mismatches:
            count = len(self.shape.type_mismatches)
            differences.append(f"{count} type mismatch" if count == 1 else f"{count} type mismatches")
        return differences


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
