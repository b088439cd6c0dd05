"""What Object rows have: the types that are proposed, and the evidence for them."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xlsxwriter import Workbook  # type: ignore[import-untyped]

from catalog import engine
from catalog.describing import SUGGESTIONS, Description, describe
from catalog.describing.naming import proposed_names
from catalog.formats import CSVText
from catalog.formats.opening import open_rows
from catalog.rules import check_definition
from catalog.schema import Schema
from catalog.sources import JSONLines, JSONRows, MalformedError
from catalog.validation import check_rows

Describe = Callable[[str], Description]


@pytest.fixture
def of_csv(tmp_path: Path) -> Describe:
    return lambda text: describe(CSVText(io.BytesIO(text.encode()), tmp_path))


def of_json(*rows: Any) -> Description:
    return describe(JSONRows([json.dumps(row) for row in rows]))


def column(*cells: str) -> str:
    """A CSV of one column beside a counter, so that an empty cell is no blank line."""
    return "n,value\n" + "".join(f"{number},{cell}\n" for number, cell in enumerate(cells))


def types(description: Description) -> dict[str, str]:
    return {attribute.name: attribute.type for attribute in description.attributes}


@pytest.mark.parametrize(
    ("cells", "kind", "more"),
    [
        (["1", "-2", "", "3"], "integer", {}),
        (["0", "1", "1"], "integer", {}),
        (["1.5", "2", "3.25"], "number", {}),
        (["1e3", "2"], "number", {}),
        (["1.50", "20.00", "3"], "number", {"precision": 18, "scale": 2}),
        (["12345678901234567.50", "1.25"], "number", {"precision": 38, "scale": 2}),
        (["true", "false", "True"], "boolean", {}),
        (["2026-01-31", "2025-12-01"], "date", {}),
        (["2026-02-30", "2025-12-01"], "string", {}),
        (["2026-01-31T12:00:00", "2025-12-01 08:30"], "datetime", {}),
        (["2026-01-31T12:00:00Z", "2025-12-01T08:30:00+02:00"], "datetime", {"timezone": True}),
        (["2026-01-31T12:00:00Z", "2025-12-01T08:30:00"], "string", {}),
        (["12:30:00", "00:00:01"], "time", {}),
        (["2026-01", "2025-12"], "yearmonth", {}),
        (["P1D", "PT5H"], "duration", {}),
        (["1999", "2024"], "integer", {}),
        (["01234", "98101"], "string", {}),
        (["+47", "+1"], "string", {}),
        (["1-684", "93"], "string", {}),
        (["123456789012345678901", "2"], "string", {}),
        (["0x10", "1"], "string", {}),
        (["[1]", "[2]"], "string", {}),
        (["", ""], "string", {}),
        (["a", "b"], "string", {}),
    ],
)
def test_the_type_of_a_column_of_text(of_csv: Describe, cells: list[str], kind: str, more: dict[str, Any]) -> None:
    found = of_csv(column(*cells)).attributes[1]
    assert (found.type, dict(found.settings)) == (kind, more)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None, 2], "integer"),
        ([1.0, 2], "integer"),
        ([1, 2.5], "number"),
        (["1", "2"], "string"),
        (["01", "x"], "string"),
        ([True, False], "boolean"),
        (["2026-01-31", "2025-12-01"], "date"),
        ([[1], []], "array"),
        ([{"a": 1}, {}], "object"),
        ([1, "a"], "any"),
        ([None, None], "string"),
        ([10**30, 1], "number"),
    ],
)
def test_the_type_of_a_member_of_json(values: list[Any], kind: str) -> None:
    description = of_json(*({"n": number, "value": value} for number, value in enumerate(values)))
    assert types(description)["value"] == kind


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (["1"] * 998 + ["", ""], "998 of 1000 values are integers; 2 are empty"),
        (["12345"] * 3 + ["01234"] * 37, "37 values have leading zeros: string"),
        (["1"] * 9 + ["x"], "9 of 10 values are integers; 1 is not, such as 'x': string"),
        (["1", "2", "NA"], "1 cell holds 'NA': missing"),
        (["", ""], "All 2 values are empty: string"),
        (["1.50", "2.25"], "All fractions have 2 places: exact decimal"),
        (["1.5", "2.25"], "Fractions have 1 to 2 places: double"),
    ],
)
def test_the_evidence_is_told_in_counts(of_csv: Describe, cells: list[str], sentence: str) -> None:
    assert sentence in of_csv(column(*cells)).attributes[1].evidence


def test_a_mark_of_missing_numbers_is_missing_everywhere(of_csv: Describe) -> None:
    description = of_csv("name,delay\nann,2\nNA,NA\nbob,3\n")
    assert types(description) == {"name": "string", "delay": "integer"}
    assert description.definition()["missingValues"] == ["", "NA"]


def test_a_code_that_looks_like_a_mark_stays_text_and_is_missing_nowhere(of_csv: Describe) -> None:
    description = of_csv("country,people\nNO,5\nNA,NA\nDE,80\n")
    assert types(description) == {"country": "string", "people": "string"}
    assert "missingValues" not in description.definition()
    assert "1 cell holds 'NA', a value of other attributes, so not missing" in description.attributes[1].evidence


def test_a_mark_in_text_alone_stays_text(of_csv: Describe) -> None:
    description = of_csv("id,name\n1,NA\n2,Oslo\n")
    assert "missingValues" not in description.definition()
    assert "1 cell holds 'NA', which stays text" in description.attributes[1].evidence


def test_what_all_rows_keep_is_suggested_with_a_count(of_csv: Describe) -> None:
    rows = "".join(f"{number},{'ab'[number % 2]},\n" for number in range(20))
    description = of_csv("order_id,status,note\n" + rows)
    found = [(each.kind, each.attributes, each.value, each.count) for each in description.suggestions]
    assert found == [
        ("required", ("order_id",), True, 20),
        ("unique", ("order_id",), True, 20),
        ("required", ("status",), True, 20),
        ("enum", ("status",), ["a", "b"], 2),
        ("primaryKey", ("order_id",), ["order_id"], 20),
    ]
    assert description.definition() == {
        "attributes": [
            {"name": "order_id", "type": "integer"},
            {"name": "status", "type": "string"},
            {"name": "note", "type": "string"},
        ]
    }
    accepted = description.definition(("primaryKey", "enum"))
    assert accepted["primaryKey"] == ["order_id"]
    assert accepted["attributes"][1]["constraints"] == {"enum": ["a", "b"]}


def test_values_that_are_equal_when_read_are_not_unique(of_csv: Describe) -> None:
    description = of_csv("at\n2026-01-01T00:00:00Z\n2026-01-01T01:00:00+01:00\n")
    assert "unique" not in [each.kind for each in description.suggestions]


def test_several_attributes_make_a_key_where_none_does_alone(of_csv: Describe) -> None:
    rows = "".join(f"{country},{year},x\n" for country in "ABC" for year in (2001, 2002))
    description = of_csv("country,year,what\n" + rows)
    assert [each.value for each in description.suggestions if each.kind == "primaryKey"] == [["country", "year"]]


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        (["ann@example.org", "bob@example.org"], "email"),
        (["https://example.org/a", "ftp://example.org"], "uri"),
        (["123e4567-e89b-12d3-a456-426614174000", ""], "uuid"),
        (["ann@example.org", "bob"], None),
    ],
)
def test_the_format_of_all_texts_is_suggested(of_csv: Describe, cells: list[str], name: str | None) -> None:
    found = [each.value for each in of_csv(column(*cells)).suggestions if each.kind == "format"]
    assert found == ([name] if name else [])


def test_an_id_is_the_first_of_several_keys(of_csv: Describe) -> None:
    description = of_csv("name,customerId\nann,7\nbob,8\n")
    assert [each.value for each in description.suggestions if each.kind == "primaryKey"] == [["customerId"], ["name"]]


def test_keys_are_followed_over_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.sources.SLICE_ROWS", 4)
    lines = "".join(f'{{"id": {number}, "again": {number % 9}}}\n' for number in range(10))
    description = describe(JSONLines(io.BytesIO(lines.encode()), tmp_path))
    assert [each.attributes for each in description.suggestions if each.kind == "unique"] == [("id",)]
    assert description.attributes[1].maximum == "8"


def test_no_more_rows_are_looked_at_than_the_limit_and_it_says_so(tmp_path: Path) -> None:
    text = "a\n" + "1\n" * 5 + "x\n"
    description = describe(CSVText(io.BytesIO(text.encode()), tmp_path), row_limit=5)
    assert (description.row_count, description.is_whole, types(description)) == (5, False, {"a": "integer"})
    assert description.notes == ("Only the first 5 rows were looked at; later ones may differ.",)


def test_rows_that_are_no_rows_are_left_out_and_counted(of_csv: Describe) -> None:
    description = of_csv("a,b\n1,2\n1\n3,4,5\n6,7\n")
    assert (description.row_count, description.unreadable_count) == (4, 2)
    assert types(description) == {"a": "integer", "b": "integer"}
    assert "2 of 4 rows can't be taken apart" in description.notes[0]


@pytest.mark.parametrize("text", ["", "\n"])
def test_nothing_is_refused_in_a_sentence(of_csv: Describe, text: str) -> None:
    with pytest.raises(MalformedError, match="nothing to describe"):
        of_csv(text)


def test_a_header_alone_gives_text(of_csv: Describe) -> None:
    description = of_csv("a,b\n")
    assert types(description) == {"a": "string", "b": "string"}
    assert description.attributes[0].evidence == ("There is no row: string",)


def test_members_come_in_the_order_in_which_they_are_met() -> None:
    assert list(types(of_json({"b": 1}, {"a": 1, "b": 2}, {"c": 1}))) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (["a", "", "a", "A"], ["a", "column_2", "a_2", "A_3"]),
        (["_id", " x ", "y\n"], ["id_1", "x", "y"]),
        (["a", "a", "a_2"], ["a", "a_3", "a_2"]),
        (["x" * 1001], ["x" * 1000]),
        (["\x01"], ["column_1"]),
        (['order by "x"; drop table', "🙂"], ['order by "x"; drop table', "🙂"]),
    ],
)
def test_names_that_can_be_none_are_replaced(columns: list[str], names: list[str]) -> None:
    proposed = proposed_names(columns)
    assert [name for name, _ in proposed] == names
    assert [reason is None for _, reason in proposed] == [a == b for a, b in zip(columns, names, strict=True)]


def test_a_blank_header_is_told_with_the_name_that_is_proposed(of_csv: Describe) -> None:
    description = of_csv("a,\n1,2\n")
    found = description.attributes[1]
    assert (found.name, found.column, found.type) == ("column_2", "", "integer")
    assert found.evidence[0] == "Column 2 has no name; proposed: 'column_2'"
    assert description.notes == ("1 column must be renamed in the file before it can be loaded.",)


def workbook(*rows: Sequence[Any]) -> io.BytesIO:
    stream = io.BytesIO()
    with Workbook(stream, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate(rows):
            sheet.write_row(place, 0, row)
    stream.seek(0)
    return stream


def test_a_sheet_is_described_by_its_cells(tmp_path: Path) -> None:
    stream = workbook(["id", "zip", "", "id"], [1, "01234", True, 1.5], [2, "98101", False, 2])
    description = describe(open_rows(stream, tmp_path, name="a.xlsx").source)
    assert types(description) == {"id": "integer", "zip": "string", "column_3": "boolean", "id_2": "number"}


def test_a_parquet_file_is_described_by_its_own_types(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    columns = "1 AS i, 1.5::DECIMAL(9, 2) AS d, now() AS t, [1] AS l, {'a': 1} AS s, 'x' AS v, 1.5::DOUBLE AS f"
    with engine.cursor() as connection:
        connection.execute(f"COPY (SELECT {columns}) TO '{path}' (FORMAT parquet)")
    with path.open("rb") as stream:
        description = describe(open_rows(stream, tmp_path).source)
        assert types(description) == {
            "i": "integer", "d": "number", "t": "datetime", "l": "array", "s": "object", "v": "string", "f": "number",
        }  # fmt: skip
        source = open_rows(stream, tmp_path).source
        assert check_rows(source, Schema.from_definition(description.definition(SUGGESTIONS))).errors == ()


def test_two_thousand_columns_are_described(of_csv: Describe) -> None:
    names = [f"c{number}" for number in range(2000)]
    rows = [[str(number * row) for number in range(2000)] for row in range(5)]
    text = "\n".join(",".join(line) for line in [names, *rows]) + "\n"
    assert set(types(of_csv(text)).values()) == {"integer"}


def test_too_many_columns_are_refused(of_csv: Describe) -> None:
    with pytest.raises(MalformedError, match="3001 columns; an object has at most 3000"):
        of_csv(",".join(f"c{number}" for number in range(3001)) + "\n")


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    line = json.dumps(dict.fromkeys((f"c{number}" for number in range(10_000)), 1)).encode()
    with pytest.raises(MalformedError, match="3001 columns; an object has at most 3000"):
        describe(JSONLines(io.BytesIO(line + b"\n"), tmp_path))


# --- what is proposed takes the rows that it was found in -----------------------------------------------------------

CELLS = st.one_of(
    st.sampled_from(
        ["", "NA", "0", "1", "01", "-0", "+5", "1.50", "1.5", "1e5", "1e400", "NaN", "-", " 1", "x", ".", "1,5"]
    ),
    st.sampled_from(["true", "False", "2026-01-31", "2026-02-30", "2026-01", "12:00:00", "null", "P1D", "\\N", 'a"b']),
    st.sampled_from(["2026-01-31T12:00:00", "2026-01-31T12:00:00Z", "9223372036854775807", "9223372036854775808"]),
    st.sampled_from(["0.12345678901234567890", "1111111111222222222233333333334444444444"]),
    st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=4),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)


@settings(max_examples=15, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=12))
def test_rows_of_text_conform_to_what_is_proposed_for_them(
    rows: Sequence[tuple[str, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("id", "b", "c"), *rows])
    directory = tmp_path_factory.mktemp("described")
    description = describe(CSVText(io.BytesIO(text.getvalue().encode()), directory))
    for number, accepted in enumerate([(), SUGGESTIONS]):
        definition = description.definition(accepted)
        assert check_definition(definition) == []
        again = directory / str(number)
        again.mkdir()
        source = CSVText(io.BytesIO(text.getvalue().encode()), again)
        assert check_rows(source, Schema.from_definition(definition)).errors == ()


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), CELLS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=3,
)


@settings(max_examples=15, deadline=None)
@given(rows=st.lists(st.dictionaries(st.sampled_from(["id", "b c", 'd"']), VALUES, min_size=1), min_size=1, max_size=8))
def test_rows_of_json_conform_to_what_is_proposed_for_them(rows: list[dict[str, Any]]) -> None:
    source = JSONRows([json.dumps(row) for row in rows])
    description = describe(source)
    for accepted in [(), SUGGESTIONS]:
        definition = description.definition(accepted)
        assert check_definition(definition) == []
        assert check_rows(source, Schema.from_definition(definition)).errors == ()
