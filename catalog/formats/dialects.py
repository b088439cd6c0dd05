"""Which dialect a CSV is in: found out from a sample of it, or given. Pure: no Django.

Of all pairs of delimiter and quote the one wins under which the sample's records are most alike and their cells look
most like values: the measure of van den Burg, Nazábal and Sutton, *Wrangling messy CSV files by detecting row and type
patterns* (2019).
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO

from catalog.formats.encodings import SAMPLE_BYTES, decoded_sample, detect_encoding, encoding_name
from catalog.formats.grammar import BACKSLASH, Dialect

__all__ = ["Dialect", "detect_dialect", "dialect_faults"]

JUDGED_BYTES = 32 * 1024
JUDGED_ROWS = 500
# The first of equals wins.
DELIMITERS = (",", ";", "\t", "|", "\x1f", "^", "~")
# These also occur inside values: they count only where the first record has no other, and there are some records.
WEAK_DELIMITERS = (":", " ")
WEAK_RECORDS = 3
_NO_QUOTES = "\r\n\0" + BACKSLASH
_NO_DELIMITERS = _NO_QUOTES + "\"'"


def dialect_faults(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is wrong with the parts of a dialect that somebody gives: the part and a sentence."""
    encoding, delimiter, quote, escape = (given.get(name) for name in ("encoding", "delimiter", "quote", "escape"))
    if encoding is not None and encoding_name(encoding) is None:
        yield "encoding", f"{encoding!r} is no encoding of text; utf-8, utf-16, cp1252 and latin-1 are the usual ones"
    if delimiter is not None and (len(delimiter) != 1 or delimiter.isalnum() or delimiter in _NO_DELIMITERS):
        yield "delimiter", "The delimiter is one character: no letter, no digit, no quote, no line end and no backslash"
    if quote and (len(quote) > 1 or not quote.isascii() or quote.isalnum() or quote in _NO_QUOTES):
        yield "quote", "The quote is one ASCII character, no letter and no digit, or empty where nothing is quoted"
    if quote and quote == delimiter:
        yield "quote", "The quote and the delimiter must differ"
    if escape is not None and escape not in {"", BACKSLASH, quote or '"'}:
        yield "escape", "The escape is a backslash, or the quote itself"


def detect_dialect(stream: BinaryIO, given: Mapping[str, str]) -> Dialect:
    """The dialect of a seekable stream, which is rewound; what is given wins and is not looked for.

    given: encoding, delimiter, quote, escape, as far as they are known. Looks at no more than SAMPLE_BYTES.
    """
    stream.seek(0)
    sample = stream.read(SAMPLE_BYTES)
    stream.seek(0)
    notes: list[str] = []
    encoding = encoding_name(given["encoding"]) if "encoding" in given else None
    if encoding is None:
        encoding, note = detect_encoding(sample, len(sample) < SAMPLE_BYTES)
        notes.append(note)
    text = _judged(decoded_sample(sample, encoding), len(sample) < SAMPLE_BYTES)
    candidates = [each for each in _candidates(text, given) if each.quote != each.delimiter]
    if not candidates:  # the only delimiter that the text has is what quotes it
        other = next(mark for mark in DELIMITERS if mark != given["quote"])
        candidates = list(_candidates(text, {**given, "delimiter": other}))
    best = candidates[0] if len(candidates) == 1 else max(candidates, key=lambda each: _score(text, each))
    return replace(best, encoding=encoding, notes=tuple(notes))


def _judged(text: bytes, is_whole: bool) -> bytes:
    """What of a sample is judged: its first records, in whole lines as far as it has any."""
    if is_whole and len(text) <= JUDGED_BYTES:
        return text
    end = max(text.rfind(b"\n", 0, JUDGED_BYTES), text.rfind(b"\r", 0, JUDGED_BYTES)) + 1
    return text[: end or JUDGED_BYTES]


def _candidates(text: bytes, given: Mapping[str, str]) -> Iterator[Dialect]:
    """The dialects that a text may be in, the likeliest first."""
    for delimiter in [given["delimiter"]] if "delimiter" in given else _delimiters(text):
        for quote in [given["quote"]] if "quote" in given else _quotes(text, delimiter):
            if "escape" in given:
                yield Dialect(delimiter=delimiter, quote=quote, escape=given["escape"] or quote)
                continue
            yield Dialect(delimiter=delimiter, quote=quote, escape=quote)
            if quote and (BACKSLASH + quote).encode() in text:
                yield Dialect(delimiter=delimiter, quote=quote, escape=BACKSLASH)


def _delimiters(text: bytes) -> Sequence[str]:
    """The delimiters of the first record, which is the header, or else of the text."""
    first = re.split(rb"[\r\n]", text.lstrip(b"\r\n"), maxsplit=1)[0]
    for place in (first, text):
        found = [each for each in DELIMITERS if each.encode() in place]
        if found:
            return found
    is_long = len(re.findall(rb"[^\r\n]+", text)) >= WEAK_RECORDS
    return [each for each in WEAK_DELIMITERS if is_long and each.encode() in first] or [","]


def _quotes(text: bytes, delimiter: str) -> Iterator[str]:
    """The quotes that stand where a cell begins, the usual one first, and also if there is none."""
    yield '"'
    if re.search(rb"(?:^|[\r\n]|" + re.escape(delimiter.encode()) + rb")'", text):
        yield "'"
    if b'"' in text and not all(is_sound for _, is_sound in _rows(text, Dialect(delimiter=delimiter))):
        yield ""


def _score(text: bytes, dialect: Dialect) -> float:
    """How much alike the records are, times how much the cells look like values."""
    rows = []
    sound = 0
    for cells, is_sound in _rows(text, dialect):
        rows.append(cells)
        sound += is_sound
    if not rows:
        return 0.0
    lengths = Counter(map(len, rows))
    alike = sum(count * max(1e-3, length - 1) / length for length, count in lengths.items()) / len(lengths)
    return alike * sound / len(rows) * _value_share(rows)


def _rows(text: bytes, dialect: Dialect) -> Iterator[tuple[list[tuple[bytes, bool]], bool]]:
    """The first records of a text, but for blank ones."""
    position, count = 0, 0
    while position < len(text) and count < JUDGED_ROWS:
        cells, position, is_sound = dialect.grammar.cells(text, position)
        while text[position : position + 1] in {b"\r", b"\n"}:
            position += 1
        # A long cell may have been cut off with the sample.
        is_cut_off = position == len(text) > JUDGED_BYTES / 2 and count > 0 and not is_sound
        if cells != [(b"", False)] and not is_cut_off:
            count += 1
            yield cells, is_sound


_VALUE = re.compile(
    rb"""\s*(?:
    [+-]?(?:\d{1,3}(?:[,.' ]\d{3})+|\d+)(?:[.,]\d+)?(?:e[+-]?\d+)?\s?%?  # numbers
    | [+-]?\.\d+ | [$\xc2\xa3\xe2\x82\xac-]{1,4}\s?[\d.,]+
    | \d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s?(?:Z|[+-]\d{2}:?\d{2})?)?  # dates
    | \d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?
    | n/?a | nan | null | - | true | false
    | [\w.+-]+@[\w-]+(?:\.[\w-]+)+ | (?:https?|ftp)://\S+ | [\w-]+(?:\.[\w-]+){1,4}
    | (?:[\w\x80-\xff]+(?:[ '&()._/-]{1,3}[\w\x80-\xff]+)*[.)!?]?)  # words
    )?\s*""",
    re.VERBOSE | re.IGNORECASE,
)


def _value_share(rows: Sequence[list[tuple[bytes, bool]]]) -> float:
    """The share of cells that look like a value: a number, a date, an address, words; a quoted cell is meant so."""
    total = found = 0
    for row in rows:
        total += len(row)
        found += sum(1 for cell, is_quoted in row if is_quoted or (len(cell) < 2000 and _VALUE.fullmatch(cell)))
    return max(found / total, 1e-6)
