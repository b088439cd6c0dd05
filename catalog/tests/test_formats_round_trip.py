"""What is written reads back as the same rows: every format, every type, any values."""

import io
import json
import string
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from catalog import engine
from catalog.conformance import Conformed, Destination, conform
from catalog.formats import FORMATS
from catalog.formats.opening import ReadingOptions, open_rows
from catalog.formats.writing import Answer, PartReader, Query
from catalog.schema import Schema
from catalog.sources import JSONRows

SCHEMA = Schema.from_definition(
    {
        "attributes": [
            {"name": 'te,xt "1"', "type": "string"},
            {"name": "whole", "type": "integer"},
            {"name": "grouped", "type": "integer", "groupChar": ","},
            {"name": "double", "type": "number"},
            {"name": "exact", "type": "number", "precision": 38, "scale": 10},
            {"name": "comma", "type": "number", "precision": 9, "scale": 2, "decimalChar": ","},
            {"name": "flag", "type": "boolean"},
            {"name": "said", "type": "boolean", "trueValues": ["yes"], "falseValues": ["no"]},
            {"name": "day", "type": "date"},
            {"name": "german", "type": "date", "format": "%d.%m.%Y"},
            {"name": "clock", "type": "time"},
            {"name": "moment", "type": "datetime"},
            {"name": "instant", "type": "datetime", "timezone": True},
            {"name": "year", "type": "year"},
            {"name": "month", "type": "yearmonth"},
            {"name": "numbers", "type": "list", "itemType": "integer"},
            {"name": "words", "type": "list", "delimiter": ";"},
            {"name": "array", "type": "array"},
            {"name": "object", "type": "object"},
            {"name": "any", "type": "any"},
        ],
        "missingValues": ["", "NA"],
    }
)
EXACT_ONLY = ("ndjson", "json", "parquet")
CONTROL = "".join(map(chr, range(1, 32)))
# Every character that some format minds, and some that none should.
TEXT = st.text(
    st.one_of(
        st.sampled_from(string.printable + CONTROL + "éß\u2028\ufeff\U0001f600_x=+-@"),
        st.characters(codec="utf-8", exclude_characters="\0"),
    ),
    max_size=12,
)
DATES = st.dates(date(1, 1, 1), date(9999, 12, 31))
MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=5,
)
SCALED = st.integers(-(10**38) + 1, 10**38 - 1)


def decimal(number: int, scale: int) -> str:
    digits = str(abs(number)).zfill(scale + 1)
    return f"{'-' * (number < 0)}{digits[:-scale]}.{digits[-scale:]}"


def cell(attribute_name: str) -> st.SearchStrategy[Any]:
    doubles = st.floats(allow_nan=False, allow_infinity=False)
    return {
        'te,xt "1"': TEXT,
        "whole": st.integers(-(2**63), 2**63 - 1),
        "grouped": st.integers(-(2**63), 2**63 - 1),
        "double": doubles,
        "exact": SCALED.map(lambda number: decimal(number, 10)),
        "comma": st.integers(-(10**9) + 1, 10**9 - 1).map(lambda number: decimal(number, 2)),
        "flag": st.booleans(),
        "said": st.booleans(),
        "day": DATES.map(date.isoformat),
        "german": DATES.map(date.isoformat),
        "clock": st.times(max_value=time(23, 59, 59, 999999)).map(time.isoformat),
        "moment": MOMENTS.map(datetime.isoformat),
        "instant": MOMENTS.map(lambda moment: moment.isoformat() + "Z"),
        "year": st.integers(1000, 2100),
        "month": DATES.map(lambda day: day.isoformat()[:7]),
        "numbers": st.lists(st.integers(-(2**60), 2**60), max_size=3),
        "words": st.lists(TEXT, max_size=3),
        "array": st.lists(JSON, max_size=3),
        "object": st.dictionaries(TEXT, JSON, max_size=3),
        "any": JSON,
    }[attribute_name]


ROWS = st.lists(st.fixed_dictionaries({name: st.none() | cell(name) for name in SCHEMA.names}), min_size=1, max_size=8)


def part_readers(conformed: Conformed) -> Iterator[PartReader]:
    for part in conformed.parts:
        relation = f"SELECT * FROM read_parquet({engine.quote_text(str(part.path))}) ORDER BY _id"

        def read(query: Query[Answer], relation: str = relation) -> Answer:
            with engine.cursor() as connection:
                return query(connection, relation, {})

        yield read


def lines_of(conformed: Conformed) -> list[str]:
    assert conformed.report is None, conformed.report.errors[:3]
    written = b"".join(FORMATS["ndjson"].rows.blocks(part_readers(conformed), SCHEMA.attributes))
    return written.decode().split("\n")


def as_held(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The row as far as the format can tell it from another: what is documented that it can't is left out."""
    found = dict(row)
    if name in EXACT_ONLY:
        return found
    if not isinstance(row["any"], str) or row["any"] == "":
        found["any"] = None  # text doesn't tell 5 from "5"
    if name == "csv":
        return found
    for column in ('te,xt "1"', "words", "any"):
        text = "".join(row[column] or "") if column == "words" else str(row[column])
        unusual = name == "ods" and any(ord(mark) < 32 and mark not in "\t\n\r" for mark in text)
        if row[column] in ("", "NA", [], [""], ["NA"]) or unusual or "\ufffe" in text or "\uffff" in text:
            found[column] = None  # a workbook has no empty text, and ODS no control characters
    return found


NOTHING = dict.fromkeys(SCHEMA.names)


@pytest.mark.parametrize("name", list(FORMATS))
@example(rows=[{**NOTHING, "double": -0.0}])
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=ROWS)
def test_rows_of_every_type_are_read_back_as_they_were(name: str, rows: list[dict[str, Any]]) -> None:
    texts = [json.dumps(as_held(row, name)) for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before", Path(folder) / "after"
        before.mkdir()
        after.mkdir()
        stored = conform(JSONRows(texts), SCHEMA, Destination(before))
        expected = lines_of(stored)
        content = b"".join(FORMATS[name].rows.blocks(part_readers(stored), SCHEMA.attributes, SCHEMA.missing_values))
        options = ReadingOptions(name, "utf-8", ",", '"', '"') if name == "csv" else ReadingOptions(name)
        opened = open_rows(io.BytesIO(content), after, options=options)
        found = lines_of(conform(opened.source, SCHEMA, Destination(after)))
        trailing = [line for line in found if line]
        assert trailing == [line for line in expected if line][: len(trailing)]
        assert len(trailing) == len(rows) or set(expected[len(trailing) : -1]) == {expected[-2]}
