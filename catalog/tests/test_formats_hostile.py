"""CSV files written by others: DuckDB's hostile ones, and those of CSVW. Run with -s to see the numbers."""

import csv
import io
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from catalog import engine
from catalog.conformance import Destination, conform
from catalog.formats import CSVText
from catalog.formats.dialects import Dialect, detect_dialect, dialect_faults
from catalog.formats.grammar import BACKSLASH
from catalog.schema import Schema

SHARED = os.environ.get("EXEMPLAR_SHARED_DATA", "")
HOSTILE = Path(SHARED) / "21_csv_hostile"
CSVW = Path(SHARED) / "13_csvw"

pytestmark = pytest.mark.skipif(not SHARED, reason="EXEMPLAR_SHARED_DATA is not set")


def all_texts(source: CSVText) -> Schema:
    """An Object of texts for a file, whose columns are renamed by their place: no name is in the way then."""
    names = [f"column{place}" for place in range(max(len(source.names()), 1))]
    source.rename(names)
    return Schema.from_definition({"attributes": [{"name": name, "type": "string"} for name in names]})


def take(path: Path, given: Mapping[str, str]) -> tuple[Dialect, int, int, list[str]]:
    """Read a file as it is found; the dialect, how many rows it has and were written, and the codes of all errors."""
    with path.open("rb") as stream, TemporaryDirectory() as directory:
        dialect = detect_dialect(stream, given)
        source = CSVText(stream, Path(directory), dialect)
        conformed = conform(source, all_texts(source), Destination(Path(directory)))
        errors = conformed.report.errors if conformed.report else ()
        written = sum(part.row_count for part in conformed.parts)
    if not conformed.report:
        assert written == conformed.row_count, path
    return dialect, conformed.row_count, written, [error.code for error in errors]


def count_by_csv_module(path: Path, dialect: Dialect) -> int | None:
    """How many records Python's csv module finds behind the header, without blank lines; None if it finds none."""
    text = path.read_bytes().decode(dialect.encoding, errors="replace").removeprefix("\ufeff")
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        escapechar=BACKSLASH if dialect.escape == BACKSLASH else None,
    )
    rows = list(reader)
    width = len(next((row for row in rows if row), []))
    at = next((at for at, row in enumerate(rows) if row), 0)
    return sum(1 for row in rows[at + 1 :] if row or width == 1)


def all_files() -> Iterator[Path]:
    yield from (path for path in sorted((HOSTILE / "data" / "csv").rglob("*")) if path.is_file())


def test_no_hostile_file_crashes_the_reader_or_loses_a_row() -> None:
    verdicts: Counter[str] = Counter()
    different = []
    for path in all_files():
        dialect, row_count, written, codes = take(path, {})
        assert row_count == written or codes, path
        header_only = bool(codes) and row_count == 0
        verdicts["refused" if codes else "taken"] += 1
        counted = None if header_only else count_by_csv_module(path, dialect)
        if counted is not None:
            verdicts["counted"] += 1
            if counted != row_count:
                different.append((path.name, dialect, counted, row_count))
    print(
        f"\n{sum(1 for _ in all_files())} files: {dict(verdicts)}; the count differs in {len(different)}: {different}"
    )
    assert verdicts["taken"] + verdicts["refused"] == 929
    assert different == []


def test_csvs_of_csvw_are_read() -> None:
    verdicts: Counter[str] = Counter()
    for path in sorted(CSVW.rglob("*.csv")):
        dialect, row_count, _, codes = take(path, {})
        verdicts["refused" if codes else "taken"] += 1
        if row_count:
            assert count_by_csv_module(path, dialect) == row_count, path
    print(f"\n{dict(verdicts)}")


# --- expectations ---------------------------------------------------------------------------------------------------

_READ = re.compile(
    r"(?:SELECT \* )?FROM (?:read_csv(?:_auto)?\()?'data/csv/(?P<path>[^']+)'(?P<options>(?:,[^()]*)?)\)?\s*"
    r"(?:limit 5|ORDER BY ALL)?;?",
    re.IGNORECASE,
)
_OPTION = re.compile(r"\s*(\w+)\s*=\s*('(?:[^']|'')*'|[\w.]+)\s*")
_OURS = {"delim": "delimiter", "sep": "delimiter", "quote": "quote", "escape": "escape", "encoding": "encoding"}
# These say how DuckDB goes about it, and what is so here anyway.
_NOTHING = {"auto_detect", "buffer_size", "sample_size", "parallel", "all_varchar", "max_line_size", "rejects_limit"}
_AS_HERE = {("header", "true"), ("header", "1"), ("strict_mode", "true"), ("null_padding", "false")}


def options_here(case: Mapping[str, Any]) -> tuple[Path, dict[str, str]] | None:
    """The file of an expectation and its options, if this reader has all of them."""
    found = _READ.fullmatch(case["sql"].strip())
    if not found or len(case["files"]) != 1:
        return None
    given = {}
    for part in filter(str.strip, found["options"].split(",")):
        option = _OPTION.fullmatch(part)
        if not option:
            return None
        name, value = option[1].lower(), option[2].strip("'")
        if name in _OURS:
            given[_OURS[name]] = value
        elif name not in _NOTHING and (name, value.lower()) not in _AS_HERE:
            return None
    return HOSTILE / "data" / "csv" / found["path"], given


def read_rows(path: Path, given: Mapping[str, str]) -> tuple[list[str], list[list[str]], list[str]]:
    """The header, the rows as texts, and the codes of errors."""
    with path.open("rb") as stream, TemporaryDirectory() as directory:
        source = CSVText(stream, Path(directory), detect_dialect(stream, given))
        names = source.names()
        conformed = conform(source, all_texts(source), Destination(Path(directory)))
        if conformed.report:
            return names, [], [error.code for error in conformed.report.errors]
        files = [str(part.path) for part in conformed.parts]
        with engine.cursor() as connection:
            select = f"SELECT * EXCLUDE (_id, _version) FROM read_parquet({files})"
            rows = connection.execute(select).fetchall() if files else []
    return names, [["NULL" if cell is None else str(cell) for cell in row] for row in rows], []


# Why an expectation differs here, by its place in the file.
_HEADERLESS = "the first record is the header here; DuckDB guessed that there is none"
_REASONS = {
    0: "white space between a closing quote and the delimiter is refused here, not dropped",
    19: "a file without a header is refused here",
    20: _HEADERLESS,
    45: "the error is about a setting of DuckDB",
    99: _HEADERLESS,
    103: "rows with too many cells are refused here; DuckDB leaves out those above the longest rows",
    117: _HEADERLESS,
    143: "the names of a header keep their white space here",
    145: _HEADERLESS,
    153: _HEADERLESS,
}


def test_the_expectations_whose_options_the_reader_has() -> None:
    cases = json.loads((HOSTILE / "expectations.json").read_text(encoding="utf-8"))
    right, wrong = [], []
    for number, case in enumerate(cases):
        found = options_here(case)
        if not found:
            continue
        path, given = found
        if list(dialect_faults(given)):
            is_right, seen = case["expect"] == "error", "options"
        else:
            names, rows, codes = read_rows(path, given)
            expected = [[str(cell) for cell in row] for row in case.get("rows", [])]
            wanted = [column["name"] for column in case.get("output_columns", [])]
            shown = rows[: len(expected)] if "limit" in case["sql"].lower() else rows
            is_right = bool(codes) if case["expect"] == "error" else (names, shown) == (wanted, expected)
            seen = str((names, rows[:3], codes[:3]))
        (right if is_right else wrong).append((number, case["sql"], case["expect"], str(case.get("rows"))[:150], seen))
    print(f"\n{len(cases)} expectations, {len(right) + len(wrong)} with options of ours, {len(right)} right")
    for each in wrong:
        print(*each[:1], _REASONS.get(each[0], "?"), *each[1:], sep=" | ")
    assert {each[0] for each in wrong} == set(_REASONS)
