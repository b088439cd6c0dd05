"""Diffs row by row: pages, files, and patches that are applied."""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.comparison import ComparisonOptions, Relation, compare
from catalog.comparison.matchers import Matcher
from catalog.comparison.paging import CursorError, Page, differences
from catalog.comparison.patching import ConflictError, HiddenError, PatchError, read_patch

OLD = "SELECT i AS id, 'n' || i AS name, i * 1.5 AS v FROM range(100) t(i)"
NEW = (
    f"SELECT id, name, CASE WHEN id % 10 = 0 THEN -v - 1 ELSE v END AS v FROM ({OLD}) WHERE id < 90 "
    "UNION ALL SELECT 200, 'x', 0"
)
KEYED = ComparisonOptions(key=("id",))


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def test_pages_follow_each_other_and_the_totals_are_true(connection):
    with differences(connection, OLD, NEW, KEYED) as found:
        assert found.diff.counts == compare(connection, OLD, NEW, KEYED).counts
        assert found.diff.rows_truncated
        listed, after = [], ""
        while True:
            rows, after = found.rows(Page(limit=4, after=after))
            listed += [(row.row_class, row.key["id"]) for row in rows]
            if not after:
                break
    whole = compare(connection, OLD, NEW, KEYED)
    assert listed == [(row.row_class, row.key["id"]) for row in whole.rows]
    assert len(listed) == 9 + 10 + 1


def test_a_page_may_be_of_a_class_or_an_attribute_and_begin_anywhere(connection):
    with differences(connection, OLD, NEW, KEYED) as found:
        assert [row.key["id"] for row in found.rows(Page(("unexpected",)))[0]] == [200]
        assert [row.key["id"] for row in found.rows(Page(attribute="v", offset=7))[0]] == [70, 80]
        assert found.rows(Page(attribute="name")) == ((), "")
        with pytest.raises(CursorError):
            found.rows(Page(after="[1]"))


@pytest.mark.parametrize("key", [(), ("id",)])
@pytest.mark.parametrize("ordered", [False, True])
def test_lines_are_the_rows_as_json(connection, key, ordered):
    with differences(connection, OLD, NEW, ComparisonOptions(key=key, ordered=ordered)) as found:
        lines = [json.loads(line) for block in found.lines(Page()) for line in block]
        rows = [json.loads(json.dumps(row.as_dict(), default=float)) for row in found.rows(Page())[0]]
    assert lines == rows


def test_a_file_holds_both_sides_of_each_row(connection, tmp_path: Path):
    with differences(connection, OLD, NEW, KEYED) as found:
        assert found.write(Page(("changed",)), tmp_path / "rows.parquet", "parquet") == 9
        assert found.write(Page(), tmp_path / "rows.csv", "csv") == 20
    rows = connection.execute(f"SELECT * FROM '{tmp_path}/rows.parquet' LIMIT 1").fetchall()
    assert [str(cell) for cell in rows[0]] == ["changed", "1", "1", "0", "n0", "0.0", "0", "n0", "-1.0"]
    assert (tmp_path / "rows.csv").read_text().startswith("class,expected_position,actual_position,expected: id,")


def test_equal_tables_have_no_rows_in_any_form(connection, tmp_path: Path):
    with differences(connection, OLD, OLD, KEYED) as found:
        assert found.rows(Page(limit=1)) == ((), "")
        assert list(found.lines(Page())) == []
        assert found.write(Page(), tmp_path / "none.csv", "csv") == 0


# --- patches --------------------------------------------------------------------------------------------------------

COLUMNS = (("id", "BIGINT"), ('na"me/~.', "VARCHAR"), ("v", "DOUBLE"), ("d", "DECIMAL(38,10)"), ("at", "TIMESTAMP"))
cells = st.tuples(
    st.sampled_from(["Oslo", "oslo", "", 'q"\\\n', "null", None]),
    st.sampled_from([0.0, 0.1, 1e300, math.nan, math.inf, -1.5, None]),
    st.sampled_from(["0.1", "1234567890123456789012345678.0000000001", None]),
    st.sampled_from(["2026-01-31 10:00:00.123456", "1999-12-31 00:00:00", None]),
)
keyed_rows = st.dictionaries(st.integers(-3, 3), cells, max_size=6).map(
    lambda rows: [(key, *values) for key, values in rows.items()]
)


def table(connection: duckdb.DuckDBPyConnection, name: str, rows: Sequence[tuple[Any, ...]]) -> Relation:
    quoted = ", ".join('"' + column.replace('"', '""') + f'" {kind}' for column, kind in COLUMNS)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({quoted})")
    if rows:
        connection.executemany(f"INSERT INTO {name} VALUES (?, ?, ?, ?, ?)", rows)
    return Relation(f"SELECT * FROM {name}", COLUMNS)


def all_lines(
    connection: duckdb.DuckDBPyConnection, old: Relation, new: Relation, options: ComparisonOptions
) -> list[str]:
    with differences(connection, old, new, options) as found:
        return [line for block in found.lines(Page()) for line in block]


@pytest.mark.parametrize("key", [(), ("id",)])
@settings(max_examples=40, deadline=None)
@given(before=keyed_rows, after=keyed_rows)
def test_the_diff_applied_to_expected_gives_actual(connection, key, before, after):
    old, new = table(connection, "old_rows", before), table(connection, "new_rows", after)
    lines = all_lines(connection, old, new, ComparisonOptions(key=key))
    with read_patch(connection, old, lines) as patch:
        assert sum(patch.counts.values()) == len(lines)
        assert compare(connection, patch.result(), new, ComparisonOptions()).is_equal


def test_nested_values_and_instants_are_patched_as_they_are(connection):
    columns = (("j", "JSON"), ("moment", "TIMESTAMPTZ"), ("is_open", "BOOLEAN"), ("day", "DATE"))
    described = tuple((name, kind.replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")) for name, kind in columns)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE told ({', '.join(' '.join(each) for each in columns)})")
    connection.execute(
        """INSERT INTO told VALUES ('"text"', '2026-01-31 10:00:00+02', true, '2026-01-31'),
        ('{"a": "\\u00e9", "b": [1.50, null]}', NULL, false, NULL), ('{"$any": true}', NULL, NULL, NULL)"""
    )
    old, none = Relation("SELECT * FROM told", described), Relation("SELECT * FROM told LIMIT 0", described)
    changed = Relation(
        """SELECT '"other"'::JSON AS j, moment + INTERVAL 1 DAY AS moment, NOT is_open AS is_open, day FROM told""",
        described,
    )
    for before, after in ((old, none), (none, old), (old, changed), (changed, old)):
        with read_patch(connection, before, all_lines(connection, before, after, ComparisonOptions())) as patch:
            assert compare(connection, patch.result(), after, ComparisonOptions()).is_equal


@pytest.mark.parametrize("fits", [True, False])
def test_json_is_as_the_patch_found_it_whatever_the_order_of_its_members(connection, fits):
    text = '{"b": [1.0, 2], "a": 0.12345678901234567890123}'
    line = {"class": "changed", "expected_position": 1, "cells": {"j": {"expected": 0, "actual": {"c": 1}}}}
    written = json.dumps(line).replace('"expected": 0', '"expected": {"a":0.12345678901234567890123,"b":[1,2]}')
    old = Relation(f"SELECT '{text if fits else text.replace('123}', '124}')}'::JSON AS j", (("j", "JSON"),))
    if fits:
        with read_patch(connection, old, [written]) as patch:
            assert connection.execute(patch.result()).fetchall() == [('{"c":1}',)]
    else:
        with pytest.raises(ConflictError), read_patch(connection, old, [written]):
            pass


@pytest.mark.parametrize("literal", [False, True])
def test_lines_have_the_matchers_that_rows_have_and_make_no_patch(connection, literal):
    text = """'{"$regex": "b+"}'""" if literal else "'b'"
    old = Relation(f"SELECT 1 AS id, {text} AS name", (("id", "INTEGER"), ("name", "VARCHAR")))
    matchers = () if literal else (Matcher("name", {"$regex": "b+"}),)
    options = ComparisonOptions(key=("id",), matchers=matchers, literal_matchers=literal)
    with differences(connection, old, "SELECT 1 AS id, 'c' AS name", options) as found:
        [line] = [json.loads(line) for block in found.lines(Page()) for line in block]
        [row], _ = found.rows(Page())
    assert line == json.loads(json.dumps(row.as_dict()))
    assert line["cells"] == {"name": {"expected": {"$regex": "b+"}, "actual": "c"}}
    with pytest.raises(PatchError, match="made with matchers"), read_patch(connection, old, [json.dumps(line)]):
        pass


def test_a_patch_does_not_fit_rows_that_are_others_by_now(connection):
    old = table(connection, "old_rows", [(n, "a", 1.0, "1", None) for n in range(5)])
    new = table(connection, "new_rows", [(n, "b" if n < 2 else "a", 1.0, "1", None) for n in range(4)])
    lines = all_lines(connection, old, new, KEYED)
    connection.execute('UPDATE old_rows SET "na""me/~." = \'c\' WHERE id = 1')
    with (
        pytest.raises(ConflictError, match="row 2 is not as the patch found it") as caught,
        read_patch(connection, old, lines),
    ):
        pass
    assert caught.value.count == 1
    connection.execute("DELETE FROM old_rows WHERE id > 2")
    with pytest.raises(ConflictError, match="row 5 is not there"), read_patch(connection, old, lines):
        pass
    assert connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'patch%'").fetchone() == (0,)


def test_a_patch_between_versions_has_other_words_and_tells_the_rows_that_are_written(connection):
    connection.execute("CREATE OR REPLACE TEMP TABLE kept AS SELECT i + 1 AS _id, 'n' || i AS name FROM range(4) t(i)")
    relation = Relation("SELECT * FROM kept", (("_id", "BIGINT"), ("name", "VARCHAR")))
    lines = [
        '{"class": "added", "_id": 9, "row": {"name": "new"}}',
        '{"class": "removed", "_id": 2, "row": {"name": "n1"}}',
        '{"class": "changed", "_id": 4, "cells": {"name": {"old": "n3", "new": "other"}}}',
    ]
    with read_patch(connection, relation, lines) as patch:
        assert connection.execute(patch.written()).fetchall() == [(None, "new"), (4, "other")]
        assert connection.execute(patch.removed()).fetchall() == [(2,)]
        assert [name for (name,) in connection.execute(patch.result()).fetchall()] == ["n0", "n2", "other", "new"]
        assert patch.told == {"name"}


def test_whether_a_patch_fits_is_not_told_to_who_may_not_see_the_values(connection):
    old = table(connection, "old_rows", [(1, "a", 1.0, "1", None)])
    line = '{"class": "missing", "expected_position": 1, "row": {"v": 2}}'
    with pytest.raises(HiddenError, match="'v'"), read_patch(connection, old, [line], frozenset({"v"})):
        pass
    with read_patch(connection, old, ['{"class": "unexpected", "row": {"v": 2}}'], frozenset({"v"})):
        pass


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "no JSON"),
        ("[]", "no class"),
        ('{"class": "gone"}', "one of changed"),
        ('{"class": "changed", "expected_position": 1}', "no cells"),
        ('{"class": "missing", "row": {"id": 1}}', "no expected_position"),
        ('{"class": "unexpected", "row": {"idd": 1}}', "'id'"),
        ('{"class": "changed", "expected_position": 1, "cells": {"id": {"actual": 1}}}', "expected and actual"),
        ('{"class": "unexpected", "row": {"id": "seven"}}', "'seven' is no integer, as 'id' is"),
        ('{"class": "unexpected", "row": {"id": 1.5}}', "'1.5' is no integer"),
        ('{"class": "missing", "expected_position": 1, "row": {"at": "2026-02-30"}}', "'2026-02-30' is no datetime"),
        ('{"class": "unexpected", "row": {"d": 0.12345678901}}', "is no number of the type DECIMAL(38,10)"),
        (
            '{"class": "changed", "expected_position": 1, "cells": {"v": {"expected": 1, "actual": "big"}}}',
            "'big' is no number, as 'v' is",
        ),
        (
            '{"class": "changed", "expected_position": 1, "cells": {"v": {"expected": {"$gt": 1}, "actual": 1}}}',
            "made with matchers can't be applied",
        ),
    ],
)
def test_a_patch_that_can_not_be_read_says_where(connection, line, words):
    with (
        pytest.raises(PatchError, match="Line 2") as caught,
        read_patch(connection, table(connection, "t", []), ["", line]),
    ):
        pass
    assert words in str(caught.value)
