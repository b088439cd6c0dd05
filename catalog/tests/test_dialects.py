"""Which dialect a CSV is found to be in, and what becomes of bytes that are not in its encoding."""

import codecs
import io
import os
from pathlib import Path

import duckdb
import pytest

from catalog.conformance import Conformed, Destination, conform
from catalog.formats import CSVText
from catalog.formats.dialects import Dialect, detect_dialect, dialect_faults
from catalog.formats.encodings import SAMPLE_BYTES
from catalog.schema import Schema

SHARED = os.environ.get("EXEMPLAR_SHARED_DATA", "")
A_B = Schema.from_definition({"attributes": [{"name": name, "type": "string"} for name in ("a", "b")]})


def found(text: str | bytes, **given: str) -> tuple[str, str, str, str]:
    dialect = detect_dialect(io.BytesIO(text.encode() if isinstance(text, str) else text), given)
    return dialect.encoding, dialect.delimiter, dialect.quote, dialect.escape


def read(text: bytes, dialect: Dialect, directory: Path, schema: Schema = A_B) -> Conformed:
    return conform(CSVText(io.BytesIO(text), directory, dialect), schema, Destination(directory))


def rows(conformed: Conformed) -> list[tuple[str | None, ...]]:
    assert conformed.report is None, conformed.report
    files = [str(part.path) for part in conformed.parts]
    return duckdb.sql(f"SELECT * EXCLUDE (_id, _version) FROM read_parquet({files})").fetchall()


# --- delimiter and quote --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":", " ", "^", "~", "\x1f"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    text = "".join(delimiter.join(["name", "count", "price"][:3]) + "\n" if n == 0 else
                   delimiter.join([f"word{n}", str(n), f"{n}.5"]) + "\n" for n in range(5))  # fmt: skip
    assert found(text)[1:] == (delimiter, '"', '"')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a;b\n1,5;2,5\n3,5;4,5\n", (";", '"', '"')),  # decimal commas
        ("name,at\nx,12:30:00\ny,13:45:10\nz,14:00:00\n", (",", '"', '"')),
        ("a,b\n'x,1',2\n'y,2',3\n", (",", "'", "'")),
        ("a,b\nit's,1\nthat's,2\n", (",", '"', '"')),
        ('a,b\n"x \\"y\\", z",2\n"u",3\n', (",", '"', "\\")),
        ('a,b\n"x ""y"", z",2\n"C:\\",3\n', (",", '"', '"')),
        ('size\ttext\n5"\tnail\n"6\tscrew\n', ("\t", "", "")),
        ("notes\nhello world\none two\nmore words here\n", (",", '"', '"')),  # one column
        ('"#,#00"\n"1,234,567"\n', (",", '"', '"')),
        ("", (",", '"', '"')),
        ("a", (",", '"', '"')),
    ],
)
def test_delimiter_and_quote_are_those_under_which_records_are_alike(text: str, expected: tuple[str, str, str]) -> None:
    assert found(text)[1:] == expected


def test_what_is_given_wins() -> None:
    assert found("a;b\n1;2\n", delimiter=",", encoding="cp1252") == ("cp1252", ",", '"', '"')
    assert found("a,b\n1,2\n", quote="", escape="\\") == ("utf-8", ",", "", "\\")


def test_a_cell_that_is_longer_than_what_is_judged_does_not_mislead() -> None:
    assert found('a,b\n1,"' + "many, many; words\n" * 5000 + '"\n2,3\n')[1:] == (",", '"', '"')


def test_the_stream_is_rewound_and_only_a_sample_is_read() -> None:
    stream = io.BytesIO(b"a;b\n" + b"1;2\n" * SAMPLE_BYTES)
    detect_dialect(stream, {})
    assert stream.tell() == 0


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"encoding": "klingon"}, "encoding"),
        ({"encoding": "base64"}, "encoding"),
        ({"delimiter": "||"}, "delimiter"),
        ({"delimiter": "\n"}, "delimiter"),
        ({"delimiter": "x"}, "delimiter"),
        ({"quote": "§"}, "quote"),
        ({"quote": ",", "delimiter": ","}, "quote"),
        ({"escape": "!"}, "escape"),
    ],
)
def test_what_can_be_no_dialect_is_named(given: dict[str, str], name: str) -> None:
    assert [each for each, _ in dialect_faults(given)] == [name]


@pytest.mark.skipif(not SHARED, reason="EXEMPLAR_SHARED_DATA is not set")
@pytest.mark.parametrize("folder", ["13_csvw", "14_csv_spectrum", "16_datahub_datasets", "17_large_tables"])
def test_the_commas_of_real_files_are_found(folder: str) -> None:
    paths = sorted((Path(SHARED) / folder).rglob("*.csv"))
    dialects = [detect_dialect(io.BytesIO(path.read_bytes()), {}) for path in paths]
    different = {str(path): each for path, each in zip(paths, dialects, strict=True) if each.delimiter != ","}
    assert paths
    assert different == {}


# --- encodings ------------------------------------------------------------------------------------------------------

TEXT = "a;b\nGrüße;Müller\nŁódź;東京\n"


@pytest.mark.parametrize(
    ("encoded", "encoding"),
    [
        (TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8"),
        (TEXT.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
    ],
)
def test_unicode_is_found_and_read(tmp_path: Path, encoded: bytes, encoding: str) -> None:
    dialect = detect_dialect(io.BytesIO(encoded), {})
    assert (dialect.encoding, dialect.delimiter) == (encoding, ";")
    assert rows(read(encoded, dialect, tmp_path)) == [("Grüße", "Müller"), ("Łódź", "東京")]


def test_what_is_not_utf_8_is_taken_for_cp1252_and_said_to_be_a_guess(tmp_path: Path) -> None:
    text = "a,b\nGrüße,5 €\n".encode("cp1252")
    dialect = detect_dialect(io.BytesIO(text), {})
    assert dialect.encoding == "cp1252"
    assert "guess" in dialect.notes[0]
    assert rows(read(text, dialect, tmp_path)) == [("Grüße", "5 €")]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp932", "東京都;大阪\nこんにちは;世界\n"),
        ("gb18030", "北京市;上海\n你好;世界\n"),
        ("cp949", "서울;부산\n안녕;하세요\n"),
    ],
)
def test_other_scripts_are_found_where_there_is_enough_text(encoding: str, text: str) -> None:
    assert found(("a;b\n" + text * 20).encode(encoding))[0] == encoding


def test_a_few_bad_bytes_in_utf_8_are_errors_and_no_other_encoding(tmp_path: Path) -> None:
    text = "a,b\nGrüße,Müller\n".encode() + b"1,\xff\n" + "Straße,Füße\n".encode()
    dialect = detect_dialect(io.BytesIO(text), {})
    assert dialect.encoding == "utf-8"
    [error] = conform_errors(read(text, dialect, tmp_path))
    assert error == (2, 3, "encoding", "The row is not valid UTF-8 (byte 0xff)")


def conform_errors(conformed: Conformed) -> list[tuple[int, int | None, str, str]]:
    assert conformed.report is not None
    return [(error.row, error.line, error.code, error.message) for error in conformed.report.errors]


@pytest.mark.parametrize(
    ("encoding", "text", "message"),
    [
        ("cp1252", b"a,b\n1,2\n3,\x81\n", "The row is not valid cp1252 (byte 0x81)"),
        ("utf-8", "a,b\n1,2\n3,ü\n".encode("cp1252"), "The row is not valid UTF-8 (byte 0xfc)"),
        ("shift_jis", b"a,b\n1,2\n3,\xc3\xa9\xfd\xfe\n", "The row is not valid shift_jis (byte 0xfd)"),
        ("utf-16-le", "a,b\n1,2\n3,".encode("utf-16-le") + b"\x00\xd8\n\x00", "utf-16-le"),
        ("utf-16-le", "a,b\n1,2\n3,4".encode("utf-16-le") + b"\x41", "utf-16-le"),
    ],
)
def test_a_wrong_encoding_is_an_error_with_row_line_and_byte(
    tmp_path: Path, encoding: str, text: bytes, message: str
) -> None:
    [(row, line, code, said)] = conform_errors(read(text, Dialect(encoding=encoding), tmp_path))
    assert (row, line, code) == (2, 3, "encoding")
    assert message in said


def test_a_header_in_another_encoding_is_an_encoding_error(tmp_path: Path) -> None:
    errors = conform_errors(read("a,b\n1,2\n".encode("utf-16"), Dialect(), tmp_path))
    assert errors == [(0, 1, "encoding", "The header is not valid UTF-8 (byte 0xff)")]


def test_a_large_file_in_another_encoding_is_read_block_by_block(tmp_path: Path) -> None:
    text = ("a,b\n" + "Grüße,Müller\n" * 200_000).encode("utf-16-le")
    conformed = read(text, Dialect(encoding="utf-16-le"), tmp_path)
    assert conformed.row_count == 200_000
    assert set(rows(conformed)) == {("Grüße", "Müller")}
