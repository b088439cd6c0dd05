"""Which attributes two relations have, which of these are compared, and how their cells read in SQL."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import uuid4

import duckdb

from catalog.comparison import cells
from catalog.comparison.diff import ShapeDiff, TypeMismatch
from catalog.comparison.matchers import matcher_sql
from catalog.comparison.options import ComparisonOptions, Tolerance

ID_COLUMN = "_id"
ID_TYPES = frozenset({"BIGINT", "INTEGER", "UINTEGER", "SMALLINT"})
BOOKKEEPING_COLUMNS = (ID_COLUMN, "_version")

EQUAL, WITHIN_TOLERANCE, CHANGED, NULL_ONLY_EXPECTED, NULL_ONLY_ACTUAL = range(5)


@dataclass(frozen=True)
class Column:
    """A column of a relation: its name, its place from 0, its DuckDB type."""

    name: str
    position: int
    type: str

    def cell(self, alias: str) -> str:
        """The column in SQL. Columns go by place, so no attribute name ever stands in a statement."""
        return f"{alias}.v{self.position}"

    def value(self, alias: str) -> str:
        """The column as it is fetched."""
        return cells.value_sql(self.type, self.cell(alias))


@dataclass(frozen=True)
class Relation:
    """Rows to compare: SQL text usable as `FROM (<text>)`, and what the caller knows of it.

    columns: (name, DuckDB type) of each, which saves asking for them. row_count saves counting.
    unique_key: attributes of which no two rows share the values. has_ids: whether `_id` and `_version` are the row's
    own bookkeeping, never compared; without, they are attributes like any other. is_id_key: `_id` is told and may be
    the key all the same, for two states of the same rows. digests: of the files that hold the rows; relations with the
    same ones hold the same rows in the same order.
    """

    sql: str
    columns: tuple[tuple[str, str], ...] | None = None
    row_count: int | None = None
    unique_key: tuple[str, ...] = ()
    has_ids: bool = True
    is_id_key: bool = False
    digests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Side:
    """One relation and its columns."""

    relation: Relation
    columns: tuple[Column, ...]

    @property
    def id_column(self) -> Column | None:
        """The column that holds the stable ids of rows."""
        if not self.relation.has_ids:
            return None
        return next((each for each in self.columns if each.name == ID_COLUMN and each.type in ID_TYPES), None)

    def attributes(self, ignored: Sequence[str]) -> list[Column]:
        """The columns that hold attributes, without those ignored."""
        dropped = {*ignored, *(BOOKKEEPING_COLUMNS if self.relation.has_ids else ())}
        if self.relation.is_id_key:
            dropped.discard(ID_COLUMN)
        return [column for column in self.columns if column.name not in dropped]

    def source(self, alias: str) -> str:
        """The relation in a FROM clause, its columns named by their place."""
        return f"({self.relation.sql}\n) AS {alias}({', '.join(f'v{column.position}' for column in self.columns)})"

    def rows(self) -> str:
        """A query of the rows as matching sees them: `r`, which tells them apart and gives their order (the `_id`, else
        the place from 1), and the columns by place."""
        cells = "".join(f", {column.cell('t')}" for column in self.columns)
        place = f"{self.id_column.cell('t')}::BIGINT" if self.id_column else "row_number() OVER ()"
        return f"SELECT {place} AS r{cells} FROM {self.source('t')}"


@dataclass(frozen=True)
class CellRule:
    """A matcher of an attribute's cells: of the expected rows `r` that are listed, or of all where that is None."""

    matcher: Mapping[str, Any]
    rows: tuple[int, ...] | None
    actual: Column

    def holds_for(self, expected_alias: str) -> str:
        """Condition: the expected row is one of them."""
        return "true" if self.rows is None else f"{expected_alias}.r IN ({', '.join(map(str, self.rows))})"

    def condition(self, actual_alias: str) -> str:
        """Condition: the actual cell is as the matcher asks. False where the matcher can't be asked of its type."""
        try:
            return matcher_sql(self.matcher, self.actual.cell(actual_alias), self.actual.type)
        except ValueError:
            return "false"


@dataclass(frozen=True)
class ComparedAttribute:
    """An attribute of both sides whose cells are compared."""

    name: str
    expected: Column
    actual: Column
    tolerance: Tolerance
    null_equal: bool = True
    normalize_unicode: bool = False
    rules: tuple[CellRule, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether equal cells have one form, which may be hashed and sorted on."""
        return not self.tolerance and self.null_equal and not self.rules

    @cached_property
    def _canonical(self) -> tuple[cells.Canonical, cells.Canonical]:
        canonical = cells.canonical_pair(self.expected.type, self.actual.type)
        if canonical is None:
            raise ValueError(f"{self.name}: {self.expected.type} and {self.actual.type} can't be compared")
        if self.normalize_unicode and cells.type_word(self.expected.type) == "string":
            return cells.normalized(canonical[0]), cells.normalized(canonical[1])
        return canonical

    def expected_cell(self, alias: str) -> str:
        """The expected cell in the form in which equal values are equal."""
        return self._canonical[0](self.expected.cell(alias))

    def actual_cell(self, alias: str) -> str:
        """The actual cell in the same form."""
        return self._canonical[1](self.actual.cell(alias))

    def canonical_cell(self, side: str, alias: str) -> str:
        """The cell of the side called "expected" or "actual" in the same form."""
        return self.expected_cell(alias) if side == "expected" else self.actual_cell(alias)

    def raw_cell(self, side: str, alias: str) -> str:
        """The cell of the side called "expected" or "actual" as it came."""
        return self.expected.cell(alias) if side == "expected" else self.actual.cell(alias)

    def is_equal(self, expected_alias: str = "e", actual_alias: str = "a") -> str:
        """Condition: exactly equal, null equal to null, or as the row's matcher asks. Never null."""
        expected, actual = self.expected_cell(expected_alias), self.actual_cell(actual_alias)
        equal = (
            f"{expected} IS NOT DISTINCT FROM {actual}"
            if self.null_equal
            else f"coalesce({expected} = {actual}, false)"
        )
        if not self.rules:
            return equal
        branches = " ".join(
            f"WHEN {rule.holds_for(expected_alias)} THEN {rule.condition(actual_alias)}" for rule in self.rules
        )
        return f"(CASE {branches} ELSE {equal} END)"

    def _has_rule(self, expected_alias: str) -> str:
        return " OR ".join(rule.holds_for(expected_alias) for rule in self.rules) or "false"

    def is_near(self, expected_alias: str = "e", actual_alias: str = "a") -> str:
        """Condition: equal within the tolerance, but perhaps not exactly. Only for attributes that have one."""
        near = cells.within_tolerance(
            self.expected.type,
            self.actual.type,
            self.expected.cell(expected_alias),
            self.actual.cell(actual_alias),
            float(self.tolerance.abs_tol),
            float(self.tolerance.rel_tol),
        )
        return f"(NOT ({self._has_rule(expected_alias)}) AND {near})" if self.rules else near

    def agrees(self, expected_alias: str = "e", actual_alias: str = "a") -> str:
        """Condition: equal, exactly or within the tolerance."""
        equal = self.is_equal(expected_alias, actual_alias)
        return f"({equal} OR {self.is_near(expected_alias, actual_alias)})" if self.tolerance else f"({equal})"

    def status(self) -> str:
        """One of EQUAL .. NULL_ONLY_ACTUAL for the cells of the rows `e` and `a`."""
        near = f"WHEN {self.is_near()} THEN {WITHIN_TOLERANCE} " if self.tolerance else ""
        ruled = f"WHEN {self._has_rule('e')} THEN {CHANGED} " if self.rules else ""
        e, a = self.expected.cell("e"), self.actual.cell("a")
        if not self.null_equal:
            ruled += f"WHEN {e} IS NULL AND {a} IS NULL THEN {CHANGED} "
        return (
            f"(CASE WHEN {self.is_equal()} THEN {EQUAL} {ruled}WHEN {a} IS NULL THEN {NULL_ONLY_ACTUAL} "
            f"WHEN {e} IS NULL THEN {NULL_ONLY_EXPECTED} {near}ELSE {CHANGED} END)::UTINYINT"
        )


@dataclass(frozen=True)
class Layout:
    """What is compared with what.

    key: the attributes that identify a row, all of them among `attributes`; empty when rows are a multiset.
    """

    expected: Side
    actual: Side
    shape: ShapeDiff
    attributes: tuple[ComparedAttribute, ...]
    key: tuple[ComparedAttribute, ...]
    notes: tuple[str, ...]

    @property
    def sides(self) -> tuple[Side, Side]:
        """The expected one and the actual one."""
        return self.expected, self.actual

    @property
    def has_known_keys(self) -> bool:
        """Whether no key stands twice on a side, as far as the caller says so."""
        return bool(self.key) and all(self.is_known_unique(side) for side in self.sides)

    def is_known_unique(self, side: Side) -> bool:
        """Whether no key stands twice on this side, as far as the caller says so.

        A key of another type than its partner's may become one value out of two: 0.1 and a decimal near to it.
        """
        unique = set(side.relation.unique_key)
        is_as_it_came = all(each.expected.type == each.actual.type and not each.normalize_unicode for each in self.key)
        return bool(unique) and is_as_it_came and unique <= {attribute.name for attribute in self.key}

    @property
    def exact_attributes(self) -> tuple[ComparedAttribute, ...]:
        """Those whose equal cells have one form, which alone may be hashed."""
        return tuple(attribute for attribute in self.attributes if attribute.is_exact)

    @property
    def tolerant_attributes(self) -> tuple[ComparedAttribute, ...]:
        """The others: with a tolerance, with matchers, or with nulls that equal nothing."""
        return tuple(attribute for attribute in self.attributes if not attribute.is_exact)

    @property
    def has_one_form(self) -> bool:
        """Whether rows that are identical are equal, which isn't so where null isn't null or a cell has a matcher."""
        return all(attribute.null_equal and not attribute.rules for attribute in self.attributes)


def count_rows(connection: duckdb.DuckDBPyConnection, side: Side) -> int:
    """How many rows a side has; where it isn't known, a statement."""
    if side.relation.row_count is not None:
        return side.relation.row_count
    row = connection.execute(f"SELECT count(*) FROM ({side.relation.sql}\n)").fetchone()
    return int(row[0]) if row else 0


def read_layout(
    connection: duckdb.DuckDBPyConnection, expected: Relation, actual: Relation, options: ComparisonOptions
) -> Layout:
    """The layout of two relations. At most one statement, which reads no rows."""
    if expected.columns is not None and actual.columns is not None:
        return _layout(_side(expected, expected.columns), _side(actual, actual.columns), options)
    separator = uuid4().hex  # no attribute's name
    connection.execute(f'SELECT e.*, 0 AS "{separator}", a.* FROM ({expected.sql}\n) e, ({actual.sql}\n) a LIMIT 0')
    described = [(str(item[0]), str(item[1])) for item in connection.description or []]
    end = [name for name, _ in described].index(separator)
    return _layout(_side(expected, described[:end]), _side(actual, described[end + 1 :]), options)


def _side(relation: Relation, described: Sequence[tuple[str, str]]) -> Side:
    columns = (Column(name, position, type_) for position, (name, type_) in enumerate(described))
    return Side(relation, tuple(columns))


def _layout(expected: Side, actual: Side, options: ComparisonOptions) -> Layout:
    missing, unexpected, mismatches, attributes = [], [], [], []
    unmatched = {column.name: column for column in reversed(actual.attributes(options.ignore))}
    for column in expected.attributes(options.ignore):
        other = unmatched.pop(column.name, None)
        if other is None:
            missing.append(column.name)
        elif cells.canonical_pair(column.type, other.type) is None:
            mismatches.append(TypeMismatch(column.name, cells.type_word(column.type), cells.type_word(other.type)))
        else:
            attributes.append(_attribute(column, other, options))
    paired = {attribute.actual.position for attribute in attributes}
    mismatched = {mismatch.attribute for mismatch in mismatches}
    for column in actual.attributes(options.ignore):
        if column.position not in paired and column.name not in mismatched:
            unexpected.append(column.name)
    by_name = {attribute.name: attribute for attribute in attributes}
    key_is_whole = all(name in by_name for name in options.key)
    return Layout(
        expected=expected,
        actual=actual,
        shape=ShapeDiff(tuple(missing), tuple(unexpected), tuple(mismatches)),
        attributes=tuple(attributes),
        key=tuple(by_name[name] for name in options.key) if key_is_whole else (),
        notes=tuple(_notes(by_name, options)),
    )


def _attribute(expected: Column, actual: Column, options: ComparisonOptions) -> ComparedAttribute:
    is_numeric = cells.is_numeric_pair(expected.type, actual.type)
    tolerance = options.tolerance_of(expected.name) if is_numeric else Tolerance()
    is_key = expected.name in options.key
    return ComparedAttribute(
        expected.name, expected, actual, tolerance, options.null_equal or is_key, options.normalize_unicode
    )


def _notes(by_name: Mapping[str, ComparedAttribute], options: ComparisonOptions) -> Iterator[str]:
    absent = [name for name in options.key if name not in by_name]
    if absent:
        yield f"the key attributes {', '.join(absent)} can't be compared, so rows were matched without a key"
    for name, tolerance in options.per_attribute.items():
        if tolerance and name in by_name and not by_name[name].tolerance:
            word = cells.type_word(by_name[name].expected.type)
            yield f"the tolerance of {name} has no effect: it is {word}, not a number"
