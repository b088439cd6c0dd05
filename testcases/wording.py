"""Verdicts and diffs as pages show them. Pure: no Django."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from catalog.comparison.unseen import unseen_difference

SHOWN_CHARACTERS = 300
CLASS_WORDS: Mapping[str, str] = {
    "changed": "changed",
    "missing": "missing",
    "unexpected": "unexpected",
    "moved": "moved",
    "duplicate_key": "duplicate key",
}
BLAME: Mapping[str, str] = {
    "mismatch": "The function ran, and what it gives conforms to its object, but it is not what is expected. Either "
    "the function or the expected table is wrong.",
    "invalid_output": "The function: what it gives does not conform to its object.",
    "execution_error": "The function: it could not be run to its end.",
    "timeout": "The function: it took longer than it may.",
    "invalid_input": "The test case: a table that is given does not conform to its object.",
    "invalid_expected": "The test case: what it expects can't be judged.",
    "port_missing": "The test case: no table is bound to a required port.",
    "expected_error_not_raised": "The function: it ended well where the test case expects an error.",
    "unexpected_error": "The function: it ended with another error than the test case expects.",
    "cancelled": "Nobody: the run was cancelled before this case.",
    "disabled": "Nobody: the test case is disabled.",
    "no_implementation": "The function: it has no such implementation.",
}

EXECUTION_WORDS: Mapping[str, str] = {
    "invalid_definition": "The implementation is not written as its kind wants it.",
    "invalid_configuration": "The configuration lacks what the implementation needs.",
    "not_allowed": "The settings of this installation do not allow what the implementation wants.",
    "execution_error": "The function ended with an error.",
    "timeout": "The function took longer than it may, and was stopped.",
    "out_of_memory": "The function wanted more memory than it may have, and was stopped.",
    "output_too_large": "The function gave more than it may.",
    "crashed": "The process that ran the function ended without an answer.",
    "duplicate_column": "The function gave a table with two columns of one name.",
    "invalid_output": "What the function gave can't be read as a table.",
    "missing_output": "The function gave no table for an output.",
    "unsupported_type": "The function gave a column of a type that no table has.",
}


@dataclass(frozen=True)
class Cell:
    """A value as text; `kind` is "null", "empty", "number", "text", or "same" for a cell that a diff doesn't list."""

    text: str
    kind: str
    is_cut: bool = False


@dataclass(frozen=True)
class DiffCell:
    """A cell of a listed row: one value, or the expected and the actual one."""

    value: Cell | None = None
    expected: Cell | None = None
    actual: Cell | None = None
    unseen: str = ""  # how texts differ that look the same

    @property
    def is_changed(self) -> bool:
        return self.expected is not None


@dataclass(frozen=True)
class DiffRow:
    """A listed row: its class in words, where it stands on either side, and its cells."""

    row_class: str
    words: str
    place: str
    cells: list[DiffCell]


@dataclass(frozen=True)
class HistogramRow:
    """What became of an attribute's cells in the rows that stand on both sides."""

    name: str
    equal: int
    within_tolerance: int
    changed: int
    null_only_expected: int
    null_only_actual: int

    @property
    def percent_changed(self) -> int:
        """The share of cells that differ, rounded up so that one in a million shows."""
        differing = self.changed + self.null_only_expected + self.null_only_actual
        total = self.equal + self.within_tolerance + differing
        return -(-100 * differing // total) if total else 0


@dataclass(frozen=True)
class DiffView:
    """One output's diff for a page; `counts` are (class, words, total)."""

    name: str
    row_count: int
    is_compared: bool
    is_equal: bool
    summary: str
    counts: list[tuple[str, str, int]]
    columns: list[str]
    rows: list[DiffRow]
    is_cut: bool
    shape: list[str]
    histogram: list[HistogramRow]
    notes: list[str]


def cell(value: Any) -> Cell:
    """A JSON value as a page shows it."""
    if value is None:
        return Cell("null", "null")
    if value == "":
        return Cell("empty text", "empty")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return Cell(text[:SHOWN_CHARACTERS], "number" if is_number else "text", len(text) > SHOWN_CHARACTERS)


def diff_view(name: str, row_count: int, diff: Mapping[str, Any] | None, order: Sequence[str]) -> DiffView:
    """The TableDiff of an output, as JSON, for a page; `order` is that of the Object's attributes."""
    if diff is None:
        summary = "Nothing was expected of this output."
        return DiffView(name, row_count, False, True, summary, [], [], [], False, [], [], [])
    columns = _columns(diff, order)
    counts = diff["counts"]
    return DiffView(
        name=name,
        row_count=row_count,
        is_compared=True,
        is_equal=diff["is_equal"],
        summary=diff["summary"],
        counts=[("passed", "matched", counts["matched"])]
        + [(row_class, words, counts[row_class]) for row_class, words in CLASS_WORDS.items()],
        columns=columns,
        rows=[_row(row, columns) for row in diff["rows"]],
        is_cut=diff["rows_truncated"],
        shape=list(_shape(diff["shape"])),
        histogram=[
            HistogramRow(
                each,
                found["equal"],
                found["equal_within_tolerance"],
                found["changed"],
                found["null_only_expected"],
                found["null_only_actual"],
            )
            for each, found in diff["attributes"].items()
        ],
        notes=diff["notes"],
    )


def _columns(diff: Mapping[str, Any], order: Sequence[str]) -> list[str]:
    """The attributes that listed rows show, in the order of the Object, others behind."""
    shown: dict[str, None] = {}
    for row in diff["rows"]:
        shown |= dict.fromkeys([*row["key"], *row.get("cells", {}), *(row.get("row") or {})])
    return [name for name in order if name in shown] + [name for name in shown if name not in order]


def _row(row: Mapping[str, Any], columns: Sequence[str]) -> DiffRow:
    changed = row.get("cells", {})
    known = {**row["key"], **(row.get("row") or {})}
    cells = []
    for name in columns:
        if name in changed:
            expected, actual = changed[name]["expected"], changed[name]["actual"]
            unseen = unseen_difference(expected, actual)
            cells.append(DiffCell(expected=cell(expected), actual=cell(actual), unseen=unseen))
        elif name in known:
            cells.append(DiffCell(cell(known[name])))
        else:
            cells.append(DiffCell(Cell("as expected", "same")))
    return DiffRow(row["class"], CLASS_WORDS[row["class"]], _place(row), cells)


def _place(row: Mapping[str, Any]) -> str:
    """The number of a row; where it differs between the sides, the expected one and the actual one."""
    expected, actual = row.get("expected_position"), row.get("actual_position")
    if expected is not None and actual is not None:
        return f"{expected} → {actual}" if expected != actual else str(actual)
    found = expected if actual is None else actual
    return "" if found is None else str(found)


def _shape(shape: Mapping[str, Any]) -> Iterator[str]:
    for name in shape["missing_attributes"]:
        yield f"The attribute {name} is missing."
    for name in shape["unexpected_attributes"]:
        yield f"The attribute {name} is unexpected."
    for each in shape["type_mismatches"]:
        yield f"The attribute {each['attribute']} is {each['actual']}; expected is {each['expected']}."
