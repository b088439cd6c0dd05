"""Tables made at random for the comparison: every type with the values that are often confused, on both sides alike."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

import duckdb
from hypothesis import strategies as st

from catalog.comparison import ComparisonOptions, Relation, TableDiff, Tolerance, compare
from catalog.comparison.matchers import Matcher
from catalog.tests.comparison_oracle import Nested, Told, is_number

LONG: Final = "long " * 2_000
DATE, DATETIME = date(2024, 2, 29), datetime(2024, 2, 29)
ZONED: Final = "TIMESTAMP WITH TIME ZONE"
INSTANT: Final = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)

POOLS: Final[dict[str, Sequence[Any]]] = {
    "BIGINT": [0, 1, 2, -1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)],
    "INTEGER": [0, 1, 2, -1],
    "DOUBLE": [0.0, -0.0, 1.0, 2.0, 0.1, 0.3, 0.1 + 0.2, 1.5, 5e-324, 1e300, 2.0**53, math.nan, math.inf, -math.inf],
    "DECIMAL(12,2)": [Decimal(text) for text in ("0.00", "0.10", "0.30", "0.31", "1.00", "-1.50", "9999999999.99")],
    "DECIMAL(38,10)": [
        Decimal(text)
        for text in ("0", "1", "0.1", "-0.3", "1234567890123456789012345678", "1234567890123456789012345678.0000000001")
    ],
    "VARCHAR": [
        *("", " ", "a", "A", "a ", "1", "1.0", "007", "NA", "null", "true", "2024-02-29", "PT1H", "P1D", "aGk="),
        *("caf\u00e9", "cafe\u0301", "zero\u200bwidth", "tab\t", 'q"\\\n', LONG, LONG + "!", '{"$any": true}'),
    ],
    "BOOLEAN": [True, False],
    "DATE": [DATE, date(2024, 3, 1), date(1, 1, 1), date(9999, 12, 31)],
    "TIME": [time(0), time(23, 59, 59, 999999), time(12, 30)],
    "TIMESTAMP": [DATETIME, DATETIME + timedelta(microseconds=1), datetime(2024, 3, 1), datetime(1, 1, 1)],
    ZONED: [
        *(INSTANT, INSTANT.astimezone(timezone(timedelta(hours=2))), INSTANT + timedelta(hours=2)),
        datetime(2024, 2, 29, 12, 30, tzinfo=timezone(timedelta(hours=2))),
    ],
    "JSON": [
        Nested(json.loads(text, parse_float=Decimal))
        for text in (
            *('{"a": 1, "b": [1, 2]}', '{"b": [1.0, 2], "a": 1}', '{"a": 1, "b": [2, 1]}', '"1"', "1", "1.0", "true"),
            *("[]", "{}", '""', '[null, ""]', '["caf\u00e9"]', '["cafe\u0301"]', '{"a": null}', "12345678901234567890"),
            *(
                "0.1234567890123456789012345678901",
                "0.1234567890123456789012345678902",
                "1e20",
                "100000000000000000000",
            ),
        )
    ],
    "BLOB": [b"", b"\0", b"a", b"A"],
}
COUSINS: Final = {
    "BIGINT": ["INTEGER", "DOUBLE", "DECIMAL(12,2)", "DECIMAL(38,10)"],
    "INTEGER": ["BIGINT", "DOUBLE", "DECIMAL(12,2)"],
    "DOUBLE": ["BIGINT", "DECIMAL(12,2)", "DECIMAL(38,10)"],
    "DECIMAL(12,2)": ["DOUBLE", "BIGINT", "DECIMAL(38,10)"],
    "DECIMAL(38,10)": ["DOUBLE", "BIGINT", "DECIMAL(12,2)"],
    "DATE": ["TIMESTAMP"],
    "TIMESTAMP": ["DATE"],
}
CONDITIONS: Final = [
    *({"$any": True}, {"$not_null": True}, {"$gt": 0}, {"$gte": 0, "$lte": 1}, {"$approx": 1, "abs_tol": 0.5}),
    *({"$regex": "[a-z]*"}, {"$gte": "a", "$lt": "b"}, {"$approx": 2, "rel_tol": 0.5}),
]
ROWS_MOST: Final = 5


@dataclass(frozen=True)
class Tables:
    """What is compared, with the types of its columns on either side."""

    told: Told
    types: tuple[Sequence[str], Sequence[str]]


@st.composite
def tables(draw: st.DrawFn) -> Tables:
    """Two tables of up to five rows, the second by itself or the first with some changes, and options."""
    names = ["id", *["second", "a b", 'v"."', "🦆"][: draw(st.integers(1, 4))]]
    left = [draw(st.sampled_from(list(POOLS))) for _ in names]
    right = [
        draw(st.sampled_from([kind, kind, *COUSINS.get(kind, [])])) if draw(st.booleans()) else kind for kind in left
    ]
    pools = [[draw(_cells(kind)) for _ in range(3)] for kind in left]
    others = [
        [draw(_cells(kind)) for _ in range(3)] if kind != like else pool
        for kind, like, pool in zip(right, left, pools, strict=True)
    ]
    expected = draw(st.lists(_row(pools), max_size=ROWS_MOST))
    if left == right and draw(st.booleans()):
        actual = draw(_changed(expected, pools))
    else:
        actual = draw(st.lists(_row(others), max_size=ROWS_MOST))
    told = Told(names, expected, actual, draw(_options(names, left)))
    if draw(st.booleans()):
        told = replace(told, options=replace(told.options, matchers=draw(_matchers(told, left))))
    return Tables(told, (left, right))


def _cells(kind: str) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), *[st.sampled_from(POOLS[kind])] * 4)


def _row(pools: Sequence[Sequence[Any]]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(*map(st.sampled_from, pools))


@st.composite
def _changed(draw: st.DrawFn, rows: Sequence[tuple[Any, ...]], pools: Sequence[Sequence[Any]]) -> list[Any]:
    """The rows in another order, or the same, with a few that went, came, or have another cell."""
    changed = list(draw(st.permutations(rows))) if draw(st.booleans()) else list(rows)
    for _ in range(draw(st.integers(0, 2))):
        what = draw(st.sampled_from(["drop", "add", "copy", "cell"]))
        place = draw(st.integers(0, max(len(changed) - 1, 0)))
        if what == "add" or not changed:
            changed.insert(place, draw(_row(pools)))
        elif what == "drop":
            changed.pop(place)
        elif what == "copy":
            changed.insert(place, changed[place])
        else:
            column = draw(st.integers(0, len(pools) - 1))
            cell = draw(st.sampled_from(pools[column]))
            changed[place] = (*changed[place][:column], cell, *changed[place][column + 1 :])
    return changed


@st.composite
def _options(draw: st.DrawFn, names: Sequence[str], kinds: Sequence[str]) -> ComparisonOptions:
    key = tuple(names[: draw(st.sampled_from([0, 0, 1, 1, 2]))])
    rest = [name for name in names if name not in key]
    ignore = (rest[-1],) if len(rest) > 1 and draw(st.booleans()) else ()
    rest = [name for name in rest if name not in ignore]
    tolerances = st.sampled_from([0.0, 0.0, 0.01, 1.0])
    own = {name: Tolerance(draw(tolerances), draw(tolerances)) for name in rest[:1] if draw(st.booleans())}
    return ComparisonOptions(
        key=key,
        ignore=ignore,
        mode=draw(st.sampled_from(["exact", "exact", "subset"])),
        ordered=draw(st.booleans()),
        abs_tol=draw(tolerances),
        rel_tol=draw(tolerances),
        per_attribute=own,
        null_equal=draw(st.sampled_from([True, True, False])),
        normalize_unicode=draw(st.booleans()),
        limit=10_000,
    )


@st.composite
def _matchers(draw: st.DrawFn, told: Told, kinds: Sequence[str]) -> tuple[Matcher, ...]:
    """One of all rows, and one of a row for the same attribute or another."""
    free = [name for name in told.compared if name not in told.options.key]
    if not free:
        return ()
    conditions = st.sampled_from(CONDITIONS)
    found = [Matcher(draw(st.sampled_from(free)), draw(conditions)) for _ in range(draw(st.integers(0, 1)))]
    if told.expected and draw(st.booleans()):
        place = draw(st.integers(1, len(told.expected)))
        row: Any = place
        cell = told.expected[place - 1][0]
        if draw(st.booleans()) and (cell is None or (isinstance(cell, str | int) and not isinstance(cell, bool))):
            row = {told.names[0]: cell}
        found.append(Matcher(draw(st.sampled_from(free)), draw(conditions), row))
    return tuple(found)


# --- in DuckDB ------------------------------------------------------------------------------------------------------


def load(
    connection: duckdb.DuckDBPyConnection, name: str, names: Sequence[str], kinds: Sequence[str], rows: Sequence[Any]
) -> Relation:
    """A temporary table of the rows, and all that is known of it."""
    columns = tuple(zip(names, kinds, strict=True))
    quoted = ", ".join('"' + column.replace('"', '""') + f'" {kind}' for column, kind in columns)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({quoted})")
    if rows:
        marks = ", ".join(f"CAST(? AS {kind})" for kind in kinds)
        connection.executemany(f"INSERT INTO {name} VALUES ({marks})", [[_bound(cell) for cell in row] for row in rows])
    return Relation(f"SELECT * FROM {name}", columns)


def _bound(cell: Any) -> Any:
    if isinstance(cell, Nested):
        return json_text(cell.value)
    return str(cell) if isinstance(cell, Decimal) else cell


def json_text(value: Any) -> str:
    """JSON with all digits, members as they stand."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {json_text(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(json_text, value)) + "]"
    return str(value) if is_number(value) else json.dumps(value)


def compared(connection: duckdb.DuckDBPyConnection, given: Tables) -> TableDiff:
    """What the engine finds."""
    told = given.told
    sides = [
        load(connection, name, told.names, kinds, rows)
        for name, kinds, rows in zip(
            ("expected_rows", "actual_rows"), given.types, (told.expected, told.actual), strict=True
        )
    ]
    return compare(connection, sides[0], sides[1], told.options)
