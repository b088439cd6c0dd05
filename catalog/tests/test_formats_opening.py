"""Which format a file has: what is said, what it holds, and what is refused."""

import gzip
import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from catalog.conformance import Conformed, Destination, conform
from catalog.formats.opening import Opened, ReadingOptionError, ReadingOptions, open_rows, read_options
from catalog.schema import Schema
from catalog.sources import MalformedError

SCHEMA = Schema.from_definition({"attributes": [{"name": "id", "type": "integer"}, {"name": "name", "type": "string"}]})
CSV = b"id,name\n1,ann\n"
ZIP = io.BytesIO()
with zipfile.ZipFile(ZIP, "w") as archive:
    archive.writestr("rows.csv", CSV)


def opened(content: bytes, directory: Path, **given: Any) -> Opened:
    return open_rows(io.BytesIO(content), directory, **given)


def loaded(content: bytes, directory: Path, **given: Any) -> Conformed:
    return conform(opened(content, directory, **given).source, SCHEMA, Destination(directory))


@pytest.mark.parametrize(
    ("content", "given", "name"),
    [
        (CSV, {}, "csv"),
        (b"", {}, "csv"),
        (b'\xef\xbb\xbf [{"id": 1, "name": "ann"}]', {}, "json"),
        (b'{"rows": [{"id": 1, "name": "ann"}]}', {}, "json"),
        (b'{"id": 1, "name": "ann"}\n', {}, "ndjson"),
        (b'{"id": 1, "name": "ann"}\n', {"name": "a.JSONL"}, "ndjson"),
        (CSV, {"name": "a.csv", "media_type": "application/octet-stream"}, "csv"),
        (CSV, {"media_type": "text/csv; charset=utf-8"}, "csv"),
        (CSV, {"name": "a.json", "options": ReadingOptions(format="csv")}, "csv"),
        (b"id\tname\n1\tann\n", {"name": "a.tsv"}, "csv"),
        (b"id;name\n1;ann\n", {"name": "a.txt"}, "csv"),
    ],
)
def test_the_format_is_said_or_found_out(tmp_path: Path, content: bytes, given: dict[str, Any], name: str) -> None:
    found = opened(content, tmp_path, **given)
    assert (found.format.name, found.found["format"]) == (name, name)
    if content:
        conformed = conform(found.source, SCHEMA, Destination(tmp_path))
        assert (conformed.row_count, conformed.report) == (1, None)


def test_what_was_found_out_of_a_csv_can_be_overridden(tmp_path: Path) -> None:
    found = opened("id;name\n1;é\n".encode("cp1252"), tmp_path, name="a.csv").found
    assert (found["encoding"], found["delimiter"], found["quote"]) == ("cp1252", ";", '"')
    given = read_options({"delimiter": "tab", "encoding": "utf-8", "page": "1", "sheet": ""})
    assert given == ReadingOptions(delimiter="\t", encoding="utf-8")
    assert opened(b"id\tname\n1\t;;\n", tmp_path, options=given).found["delimiter"] == "\t"


def test_all_options_that_cannot_be_meant_are_told_together() -> None:
    with pytest.raises(ReadingOptionError) as caught:
        read_options({"format": "xml", "encoding": "klingon", "delimiter": "ab", "quote": "é"})
    assert [problem.path for problem in caught.value.problems] == ["format", "encoding", "delimiter", "quote"]


@pytest.mark.parametrize(
    ("content", "given", "message"),
    [
        (ZIP.getvalue(), {"name": "a.csv"}, "The name 'a.csv' says CSV, but the file holds a ZIP archive"),
        (ZIP.getvalue(), {"name": "a.zip"}, "The file is a ZIP archive, but holds no XLSX or ODS workbook"),
        (ZIP.getvalue(), {"name": "a.xlsx"}, "The file is a ZIP archive, but holds no XLSX or ODS workbook"),
        (CSV, {"name": "a.xlsx"}, "The name 'a.xlsx' says XLSX, but the file doesn't begin like it"),
        (CSV, {"name": "a.parquet"}, "The name 'a.parquet' says Parquet, but the file doesn't begin like it"),
        (b"PAR1", {"media_type": "text/csv"}, "The media type text/csv says CSV, but the file holds Parquet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", {}, "without a password"),
        (b"PARE", {}, "The file holds encrypted Parquet"),
        (gzip.compress(gzip.compress(CSV, mtime=0), mtime=0), {}, "The file holds gzip within gzip"),
        (b"[]", {"options": ReadingOptions(sheet="2")}, "sheet is given, but JSON has none"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(
    tmp_path: Path, content: bytes, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(MalformedError, match=message):
        opened(content, tmp_path, **given)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv", "", "a.gz"])
def test_gzip_is_seen_by_its_first_bytes(tmp_path: Path, name: str) -> None:
    found = opened(gzip.compress(CSV, mtime=0), tmp_path, name=name, media_type="application/gzip")
    assert (found.found["format"], found.found["gzip"]) == ("csv", True)
    assert conform(found.source, SCHEMA, Destination(tmp_path)).row_count == 1


def test_gzip_may_have_many_members_and_padding(tmp_path: Path) -> None:
    content = (
        gzip.compress(CSV, mtime=0) + gzip.compress(b"", mtime=0) + gzip.compress(b"2,bob\n", mtime=0) + b"\0" * 512
    )
    assert loaded(content, tmp_path).row_count == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(CSV, mtime=0)[:-1], "cut off"),
        (gzip.compress(CSV, mtime=0)[:5], "cut off"),
        (gzip.compress(CSV, mtime=0) + b"x", "Something else follows"),
        (gzip.compress(CSV, mtime=0) + b"\x1fx", "damaged"),
        (gzip.compress(CSV, mtime=0)[:-8] + b"\0" * 8, "damaged"),
    ],
)
def test_damaged_gzip_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        opened(content, tmp_path)


def test_a_gzip_bomb_ends_at_the_limit(tmp_path: Path) -> None:
    deflate = zlib.compressobj(9, wbits=31)
    bomb = b"".join([*(deflate.compress(bytes(1024**2)) for _ in range(64)), deflate.flush()])
    assert len(bomb) < 70_000
    with pytest.raises(MalformedError, match="unpacks to more than 10 MB, the limit"):
        opened(bomb, tmp_path, limit_bytes=10 * 1024**2)
    assert sum(file.stat().st_size for file in tmp_path.rglob("unpacked")) <= 10 * 1024**2
