"""A slow and obvious judge of a comparison: it goes through rows and cells one by one, as comparison.md says it.

It shares nothing with the engine: values are Python's, rows are told apart by their place, and what the engine found is
held against what may be found, pair by pair.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from catalog.comparison import ComparisonOptions, RowDiff, TableDiff
from catalog.comparison.diff import AttributeHistogram

Row = Sequence[Any]
Pair = tuple[int, int]

EQUAL, NEAR, CHANGED, NULL_ONLY_EXPECTED, NULL_ONLY_ACTUAL = AttributeHistogram().as_dict()
AGREEING = (EQUAL, NEAR)


@dataclass(frozen=True)
class Told:
    """What two tables of the same attributes are, and how they are compared. Cells are as Python knows them: an int,
    Decimal or float, a text, a bool, a date, time or datetime, bytes, None; of JSON, `Nested`."""

    names: Sequence[str]
    expected: Sequence[Row]
    actual: Sequence[Row]
    options: ComparisonOptions

    @property
    def compared(self) -> list[str]:
        return [name for name in self.names if name not in self.options.ignore]

    def cell(self, row: Row, name: str) -> Any:
        return row[self.names.index(name)]


@dataclass(frozen=True)
class Nested:
    """A value of JSON."""

    value: Any


# --- cells ----------------------------------------------------------------------------------------------------------


def is_same(expected: Any, actual: Any, normalize: bool = False) -> bool:
    """Whether two cells that are not null are equal."""
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, str) and isinstance(actual, str) and normalize:
        return unicodedata.normalize("NFC", expected) == unicodedata.normalize("NFC", actual)
    if isinstance(expected, Nested) and isinstance(actual, Nested):
        return is_same_json(expected.value, actual.value)
    if isinstance(expected, float) and isinstance(actual, float):
        return expected == actual or (math.isnan(expected) and math.isnan(actual))
    if isinstance(expected, float) or isinstance(actual, float):
        number, exact = (expected, actual) if isinstance(expected, float) else (actual, expected)
        return is_same_number(number, exact)
    return moment(expected) == moment(actual)


def is_same_number(number: float, exact: int | Decimal) -> bool:
    """An exact number equals the double that is nearest to it; a whole one only the double that is it."""
    if not math.isfinite(number):
        return False
    if exact == int(exact):
        return Fraction(number) == Fraction(exact)
    return not number.is_integer() and float(exact) == number


def is_same_json(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same_json(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same_json, one, other))
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is other
    return one == other


def moment(value: Any) -> Any:
    """A date as its midnight."""
    is_date = isinstance(value, date) and not isinstance(value, datetime)
    return datetime(value.year, value.month, value.day) if is_date else value


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def is_near(expected: Any, actual: Any, abs_tol: float, rel_tol: float) -> bool:
    """|actual - expected| <= max(abs_tol, rel_tol * |expected|), exact where both are."""
    if not (is_number(expected) and is_number(actual)) or not (abs_tol or rel_tol):
        return False
    if not (math.isfinite(expected) and math.isfinite(actual)):
        return False
    are_exact = not isinstance(expected, float) and not isinstance(actual, float)
    apart = abs(Fraction(actual) - Fraction(expected)) if are_exact else Fraction(abs(float(actual) - float(expected)))
    return apart <= max(Fraction(abs_tol), Fraction(rel_tol * abs(float(expected))))


CONDITIONS: Mapping[str, Callable[[Any, Any, Mapping[str, Any]], bool]] = {
    "$any": lambda cell, asked, condition: True,
    "$not_null": lambda cell, asked, condition: cell is not None,
    "$regex": lambda cell, asked, condition: isinstance(cell, str) and bool(re.fullmatch(asked, cell)),
    "$gt": lambda cell, asked, condition: is_ordered_with(cell, asked) and cell > asked,
    "$gte": lambda cell, asked, condition: is_ordered_with(cell, asked) and cell >= asked,
    "$lt": lambda cell, asked, condition: is_ordered_with(cell, asked) and cell < asked,
    "$lte": lambda cell, asked, condition: is_ordered_with(cell, asked) and cell <= asked,
    "$approx": lambda cell, asked, condition: (
        is_number(cell)
        and math.isfinite(cell)
        and abs(float(cell) - asked) <= max(condition.get("abs_tol", 0), condition.get("rel_tol", 0) * abs(asked))
    ),
    "abs_tol": lambda cell, asked, condition: True,
    "rel_tol": lambda cell, asked, condition: True,
}


def is_ordered_with(cell: Any, asked: Any) -> bool:
    if is_number(asked):
        return is_number(cell) and not math.isnan(cell)
    return isinstance(cell, str)


def matcher_of(told: Told, place: int, name: str) -> Mapping[str, Any] | None:
    """What the cell of the expected row is to be like; `place` from 0. A matcher of the row comes before one of all."""
    found = [each for each in told.options.matchers if each.attribute == name]
    for each in sorted(found, key=lambda each: each.row is None):
        if each.row is None or each.row == place + 1:
            return each.condition
        if isinstance(each.row, Mapping):
            row = told.expected[place]
            if all(told.cell(row, key) == value for key, value in each.row.items()):
                return each.condition
    return None


def status(told: Told, pair: Pair, name: str) -> str:
    """What became of a cell in a pair of rows."""
    options = told.options
    expected, actual = told.cell(told.expected[pair[0]], name), told.cell(told.actual[pair[1]], name)
    condition = matcher_of(told, pair[0], name)
    if condition is not None:
        if all(CONDITIONS[word](actual, asked, condition) for word, asked in condition.items()):
            return EQUAL
    elif expected is None and actual is None:
        return EQUAL if options.null_equal or name in options.key else CHANGED
    elif expected is not None and actual is not None and is_same(expected, actual, options.normalize_unicode):
        return EQUAL
    if condition is not None:
        return CHANGED
    if actual is None:
        return NULL_ONLY_ACTUAL
    if expected is None:
        return NULL_ONLY_EXPECTED
    tolerance = options.tolerance_of(name)
    return NEAR if is_near(expected, actual, tolerance.abs_tol, tolerance.rel_tol) else CHANGED


def changed_cells(told: Told, pair: Pair) -> list[str]:
    return [name for name in told.compared if status(told, pair, name) not in AGREEING]


# --- rows -----------------------------------------------------------------------------------------------------------


def judge(told: Told, diff: TableDiff) -> None:
    """Hold what the engine found against what may be found. All differing rows are to be listed."""
    rows = [row for row in diff.rows if row.row_class != "duplicate_key"]
    places = [_places(rows, side, len(table)) for side, table in enumerate((told.expected, told.actual))]
    pairs = [(row.expected_position - 1, row.actual_position - 1) for row in rows if _is_pair(row)]
    _judge_counts(told, diff, rows)
    for row in rows:
        _judge_row(told, row)
    matched = _maximum(told, places[0], places[1])
    assert len(places[0]) == len(places[1]) == len(matched) == diff.counts["matched"]
    moved = [pair for pair, row in zip(pairs, filter(_is_pair, rows), strict=True) if row.row_class == "moved"]
    whole = _maximum(told, range(len(told.expected)), range(len(told.actual)))
    is_exact = not any(told.options.tolerance_of(name) for name in told.compared) and not told.options.matchers
    if not told.options.ordered or is_exact:
        assert len(matched) + len(moved) == len(whole), "as many rows are equal as can be"
    changed = [pair for pair in pairs if pair not in moved]
    if told.options.key:
        _judge_keyed(told, diff, rows, changed)
    elif is_exact and told.options.null_equal and not told.options.ordered:
        _judge_paired(told, diff, [*matched, *moved], changed)
    _judge_histogram(told, diff, pairs, matched)
    _judge_order(told, matched, moved, changed)
    differing = diff.counts["changed"] + diff.counts["missing"] + diff.counts["moved"]
    is_wrong = differing or (told.options.mode == "exact" and diff.counts["unexpected"])
    assert diff.is_equal == (not is_wrong)


def _is_pair(row: RowDiff) -> bool:
    return row.row_class in ("changed", "moved")


def _places(rows: Sequence[RowDiff], side: int, count: int) -> list[int]:
    """The rows of a side that are not listed, which are those that match."""
    listed = [(row.actual_position if side else row.expected_position) for row in rows]
    found = [place - 1 for place in listed if place is not None]
    assert len(found) == len(set(found)), "no row is listed twice"
    return [place for place in range(count) if place not in found]


def _judge_counts(told: Told, diff: TableDiff, rows: Sequence[RowDiff]) -> None:
    counts = diff.counts
    for name in ("changed", "missing", "unexpected", "moved"):
        assert counts[name] == sum(row.row_class == name for row in rows)
    both = counts["matched"] + counts["changed"] + counts["moved"]
    assert (both + counts["missing"], both + counts["unexpected"]) == (len(told.expected), len(told.actual))


def _judge_row(told: Told, row: RowDiff) -> None:
    """What is listed of a row is true."""
    if row.row_class == "missing":
        assert (row.expected_position is None, row.actual_position) == (False, None)
    elif row.row_class == "unexpected":
        assert (row.expected_position, row.actual_position is None) == (None, False)
    else:
        pair = (row.expected_position - 1, row.actual_position - 1)
        different = changed_cells(told, pair)
        assert sorted(row.cells) == sorted(different)
        assert (row.row_class == "changed") == bool(different)
        assert _have_same_key(told, pair)
        for name, cell in row.cells.items():
            condition = matcher_of(told, pair[0], name)
            if condition is None:
                assert is_told(cell["expected"], told.cell(told.expected[pair[0]], name))
            else:
                assert cell["expected"] == condition
            assert is_told(cell["actual"], told.cell(told.actual[pair[1]], name))
    side = told.actual if row.row_class == "unexpected" else told.expected
    place = row.actual_position if row.row_class == "unexpected" else row.expected_position
    for name, value in {**row.key, **(row.row or {})}.items():
        assert is_told(value, told.cell(side[place - 1], name))


def is_told(value: Any, cell: Any) -> bool:
    """Whether a value of the report is the cell; JSON is told in its canonical form, which the cells' tests look at."""
    if value is None or cell is None:
        return value is cell
    return isinstance(cell, Nested) or is_same(value, cell)


def _have_same_key(told: Told, pair: Pair) -> bool:
    return all(status(told, pair, name) == EQUAL for name in told.options.key)


def _agrees(told: Told, pair: Pair) -> bool:
    return not changed_cells(told, pair)


def _maximum(told: Told, expected: Sequence[int], actual: Sequence[int]) -> list[Pair]:
    """As many pairs that agree as there can be."""
    partner: dict[int, int] = {}

    def find(row: int, tried: set[int]) -> bool:
        for other in actual:
            if other not in tried and _agrees(told, (row, other)):
                tried.add(other)
                if other not in partner or find(partner[other], tried):
                    partner[other] = row
                    return True
        return False

    for row in expected:
        find(row, set())
    return sorted((row, other) for other, row in partner.items())


def _buckets(told: Told, rows: Sequence[Row], kinds: list[Row]) -> Iterator[list[int]]:
    """The places of rows under each key."""
    for kind in kinds:
        yield [place for place, row in enumerate(rows) if _is_same_key(told, kind, row)]


def _is_same_key(told: Told, one: Row, other: Row) -> bool:
    cells = [(told.cell(one, name), told.cell(other, name)) for name in told.options.key]
    return all(
        left is right if left is None or right is None else is_same(left, right, told.options.normalize_unicode)
        for left, right in cells
    )


def _judge_keyed(told: Told, diff: TableDiff, rows: Sequence[RowDiff], changed: Sequence[Pair]) -> None:
    """A key that stands once on a side and once on the other is a pair; others are paired where they share a cell."""
    kinds: list[Row] = []
    for row in [*told.expected, *told.actual]:
        if not any(_is_same_key(told, kind, row) for kind in kinds):
            kinds.append(row)
    repeated = 0
    missing = [row.expected_position - 1 for row in rows if row.row_class == "missing"]
    unexpected = [row.actual_position - 1 for row in rows if row.row_class == "unexpected"]
    sides = (_buckets(told, told.expected, kinds), _buckets(told, told.actual, kinds))
    others = [name for name in told.compared if name not in told.options.key]
    for left, right in zip(*sides, strict=True):
        if len(left) > 1 or len(right) > 1:
            repeated += 1
            free = [(row, other) for row in left for other in right if row in missing and other in unexpected]
            assert not [pair for pair in free if _shared(told, pair, others)], "no more could be paired"
            mine = [pair for pair in changed if pair[0] in left]
            assert all(_shared(told, pair, others) for pair in mine)
        elif left and right:
            assert left[0] not in missing
            assert right[0] not in unexpected
    assert diff.counts["duplicate_key"] == repeated == sum(row.row_class == "duplicate_key" for row in diff.rows)


def _shared(told: Told, pair: Pair, names: Sequence[str]) -> int:
    return sum(status(told, pair, name) in AGREEING for name in names)


def _judge_paired(told: Told, diff: TableDiff, matched: Sequence[Pair], changed: Sequence[Pair]) -> None:
    """Without a key: the rest is paired by most shared cells, and a tie is left unpaired."""
    lefts, rights = ({pair[side] for pair in matched} for side in (0, 1))
    kinds = [
        _kinds(told, [place for place in range(len(rows)) if place not in used], rows)
        for rows, used in ((told.expected, lefts), (told.actual, rights))
    ]
    scores = {
        (left, right): _shared(told, (kinds[0][left][0], kinds[1][right][0]), told.compared)
        for left in range(len(kinds[0]))
        for right in range(len(kinds[1]))
    }
    found: list[tuple[int, int]] = []
    while scores and (score := max(scores.values())):
        best = [pair for pair, each in scores.items() if each == score]
        found += [
            pair
            for pair in best
            if sum(pair[0] == other[0] for other in best) == 1 and sum(pair[1] == other[1] for other in best) == 1
        ]
        used = [{pair[side] for pair in best} for side in (0, 1)]
        scores = {pair: each for pair, each in scores.items() if pair[0] not in used[0] and pair[1] not in used[1]}
    number = sum(min(len(kinds[0][left]), len(kinds[1][right])) for left, right in found)
    assert diff.counts["changed"] == len(changed) == number
    for left, right in found:
        these = [
            pair
            for pair in changed
            if _is_one_kind(told, told.expected, pair[0], kinds[0][left][0])
            and _is_one_kind(told, told.actual, pair[1], kinds[1][right][0])
        ]
        assert len(these) == min(len(kinds[0][left]), len(kinds[1][right]))


def _is_one_kind(told: Told, rows: Sequence[Row], place: int, other: int) -> bool:
    cells = [(told.cell(rows[place], name), told.cell(rows[other], name)) for name in told.compared]
    return all(
        one is two if one is None or two is None else is_same(one, two, told.options.normalize_unicode)
        for one, two in cells
    )


def _kinds(told: Told, places: Sequence[int], rows: Sequence[Row]) -> list[list[int]]:
    found: list[list[int]] = []
    for place in places:
        kind = next((each for each in found if _is_one_kind(told, rows, place, each[0])), None)
        if kind is None:
            found.append([place])
        else:
            kind.append(place)
    return found


def _judge_histogram(told: Told, diff: TableDiff, pairs: Sequence[Pair], matched: Sequence[Pair]) -> None:
    assert set(diff.attributes) == set(told.compared)
    for name, histogram in diff.attributes.items():
        assert sum(histogram.as_dict().values()) == len(pairs) + len(matched)
        for word in (CHANGED, NULL_ONLY_EXPECTED, NULL_ONLY_ACTUAL):
            assert histogram.as_dict()[word] == sum(status(told, pair, name) == word for pair in pairs)


def _judge_order(told: Told, matched: Sequence[Pair], moved: Sequence[Pair], changed: Sequence[Pair]) -> None:
    if not told.options.ordered:
        assert not moved
        return
    if not changed:
        assert len(moved) == len(matched) + len(moved) - _longest(told)
    else:
        assert len(matched) <= _longest(told)


def _longest(told: Told) -> int:
    """How many rows agree in the same order on both sides, at most."""
    lengths = [[0] * (len(told.actual) + 1) for _ in range(len(told.expected) + 1)]
    for left in range(len(told.expected)):
        for right in range(len(told.actual)):
            longer = lengths[left][right] + 1 if _agrees(told, (left, right)) else 0
            lengths[left + 1][right + 1] = max(longer, lengths[left][right + 1], lengths[left + 1][right])
    return lengths[-1][-1]
