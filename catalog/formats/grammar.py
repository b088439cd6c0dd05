"""The grammar of a CSV in a dialect, as patterns over UTF-8 bytes. Pure: no Django.

It is RFC 4180 with two liberties that change no meaning: records may end in CR, LF or CRLF, in one file as they come,
and a quote inside an unquoted cell stands for itself. Where the escape is a backslash, the character behind one stands
for itself, inside quotes and outside, be it a line end; only a cell of nothing but `\\N` stays as it is.
"""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

BACKSLASH = "\\"
_ESCAPED = re.compile(rb"\\(\r\n|.)", re.DOTALL)
_NO_VALUE = rb"\N"  # what databases write for NULL in this dialect


@dataclass(frozen=True)
class Dialect:
    """How a CSV is written.

    quote: one character, or "" where nothing is quoted. escape: a backslash, or else a quote inside a quoted cell
    stands twice. notes: how it was found out, in sentences.
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    notes: tuple[str, ...] = ()

    @property
    def grammar(self) -> "Grammar":
        """The patterns of this dialect, compiled once."""
        return grammar_of(self.delimiter.encode(), self.quote.encode(), self.escape == BACKSLASH)


@dataclass(frozen=True)
class Grammar:
    """Patterns of a dialect, each to be tried where a record begins."""

    delimiter: bytes
    quote: bytes
    has_backslash: bool = False

    @property
    def canonical(self) -> "Grammar":
        """The same without backslashes: what `canonical_text` gives."""
        return grammar_of(self.delimiter, self.quote or b'"', False) if self.has_backslash else self

    # --- patterns

    @property
    def _outside(self) -> bytes:
        """What an unquoted cell is made of."""
        special = re.escape(self.delimiter) if len(self.delimiter) == 1 else b""
        if self.has_backslash:
            special += rb"\\"
        plain = rb"[^%s\r\n]" % special
        if len(self.delimiter) > 1:
            plain = rb"(?!%s)%s" % (re.escape(self.delimiter), plain)
        if self.has_backslash:
            return rb"(?:%s|\\(?:\r\n|.|\Z))*+" % plain
        return plain + b"*+" if len(self.delimiter) == 1 else rb"(?:%s)*+" % plain

    @property
    def _quoted(self) -> bytes:
        """A quoted cell, from quote to quote."""
        quote = re.escape(self.quote)
        if self.has_backslash:
            return rb"%s[^%s\\]*+(?:(?:\\.|%s%s)[^%s\\]*+)*+%s" % (quote, quote, quote, quote, quote, quote)
        return rb"%s[^%s]*+(?:%s%s[^%s]*+)*+%s" % (quote, quote, quote, quote, quote, quote)

    @property
    def _cell(self) -> bytes:
        """A cell, and what may wrongly follow its closing quote."""
        if not self.quote:
            return self._outside
        return rb"(?:%s%s|(?!%s)%s)" % (self._quoted, self._outside, re.escape(self.quote), self._outside)

    @property
    def _begins(self) -> bytes:
        """Where a cell begins; a quote there opens one."""
        if len(self.delimiter) == 1:
            return rb"(?<![^%s\r\n])" % re.escape(self.delimiter)
        return rb"(?:\A|(?<=[\r\n])|(?<=%s))" % re.escape(self.delimiter)

    @property
    def _cell_in_groups(self) -> bytes:
        if not self.quote:
            return rb"(?P<plain>%s)(?P<quoted>(?!))?(?P<behind>(?!))?" % self._outside
        quoted = rb"(?P<quoted>%s)(?P<behind>%s)" % (self._quoted, self._outside)
        return rb"(?:%s|(?!%s)(?P<plain>%s))" % (quoted, re.escape(self.quote), self._outside)

    @cached_property
    def cell(self) -> re.Pattern[bytes]:
        """One cell; its groups are `quoted` and what is `behind` it, or else `plain`."""
        return re.compile(self._cell_in_groups, re.DOTALL)

    @cached_property
    def _cell_with_end(self) -> re.Pattern[bytes]:
        return re.compile(rb"%s(?P<end>%s|\r\n?|\n)" % (self._cell_in_groups, re.escape(self.delimiter)), re.DOTALL)

    @cached_property
    def record(self) -> re.Pattern[bytes]:
        """One record with its line end; its group is the record without."""
        delimiter = re.escape(self.delimiter)
        return re.compile(rb"(%s(?:%s%s)*+)(?:\r\n?|\n)" % (self._cell, delimiter, self._cell), re.DOTALL)

    @cached_property
    def _records(self) -> re.Pattern[bytes]:
        return re.compile(rb"(?:%s)*+" % self.record.pattern.replace(b"(", b"(?:", 1), re.DOTALL)

    @cached_property
    def _complete(self) -> re.Pattern[bytes]:
        """As much of a text as has no open quote at its end."""
        quote = re.escape(self.quote)
        parts = (quote, self._begins, self._quoted, quote, self._begins, quote, quote)
        return re.compile(rb"[^%s]*+(?:%s%s[^%s]*+|(?!%s)%s[^%s]*+)*+" % parts, re.DOTALL)

    @cached_property
    def _strict(self) -> re.Pattern[bytes]:
        """A text whose quotes all open a cell, close it, or stand twice in one."""
        quote, delimiter = re.escape(self.quote), re.escape(self.delimiter)
        parts = (quote, self._begins, self._quoted, delimiter, quote)
        return re.compile(rb"[^%s]*+(?:%s%s(?=%s|[\r\n]|\Z)[^%s]*+)*+" % parts, re.DOTALL)

    @cached_property
    def _quoted_cell(self) -> re.Pattern[bytes]:
        """A quoted cell; to be looked for only where all quotes are strict, for a search by its first byte is quick."""
        return re.compile(self._quoted, re.DOTALL)

    @cached_property
    def _until_quoted_cell(self) -> re.Pattern[bytes]:
        """What stands before a quoted cell, in a group, and the cell."""
        quote = re.escape(self.quote)
        parts = (quote, self._begins, quote, quote, self._begins, self._quoted)
        return re.compile(rb"([^%s]*+(?:(?!%s)%s[^%s]*+)*+)(?:%s%s)?+" % parts, re.DOTALL)

    @cached_property
    def _broken_quoted_cell(self) -> re.Pattern[bytes]:
        """A quoted cell, or the ends of records."""
        return re.compile(rb"%s%s|\r\n?" % (self._begins, self._quoted), re.DOTALL)

    # --- what is asked of a text

    def has_quotes(self, text: bytes) -> bool:
        """Whether a text may hold a quoted cell."""
        return bool(self.quote) and self.quote in text

    def records_end(self, text: bytes) -> int:
        """The offset behind the last whole record of a text that begins with one; 0 if there is none."""
        if self.has_backslash and b"\\" in text:
            found = self._records.match(text)
            return found.end() if found else 0
        end = _last_line_end(text, len(text))
        if not self.has_quotes(text):
            return end
        while end:
            complete = self._complete.match(text, 0, end)
            reached = complete.end() if complete else 0
            if reached == end:
                return end
            end = _last_line_end(text, reached)
        return 0

    def is_strict(self, text: bytes) -> bool:
        """Whether all quotes of a text of whole records stand where the standard has them."""
        found = self._strict.match(text)
        return found is not None and found.end() == len(text)

    def row_count(self, text: bytes) -> int:
        """How many records a text of whole canonical records has."""
        if not self.has_quotes(text):
            return text.count(b"\n")
        return self._until_quoted_cell.sub(rb"\1", text).count(b"\n")

    def skeleton(self, text: bytes) -> bytes | None:
        """Of canonical records the delimiters and line ends outside quotes, and nothing else.

        None where some quote stands otherwise than in the standard, or the delimiter is more than a byte.
        """
        if len(self.delimiter) > 1 or (self.has_quotes(text) and not self.is_strict(text)):
            return None
        marks = text.translate(None, self._no_marks)
        if not self.has_quotes(marks):
            return marks
        # Where no three quotes stand together now, two hold nothing that counts.
        if self.quote * 3 not in marks:
            marks = marks.replace(self.quote * 2, b"")
        return self._quoted_cell.sub(b"", marks)

    @cached_property
    def _no_marks(self) -> bytes:
        marks = self.delimiter + self.quote + b"\n"
        return bytes(byte for byte in range(256) if byte not in marks)

    def canonical_text(self, text: bytes) -> bytes:
        """A text of whole records in the canonical grammar, each ended by LF."""
        if self.has_backslash and (b"\\" in text or (not self.quote and self.canonical.quote in text)):
            return self._cell_with_end.sub(self._canonical_cell, text)
        if b"\r" not in text:
            return text
        if not self.has_quotes(text):
            return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return self._broken_quoted_cell.sub(lambda found: b"\n" if found[0][:1] == b"\r" else found[0], text)

    def _canonical_cell(self, found: re.Match[bytes]) -> bytes:
        end = b"\n" if found["end"][:1] in b"\r\n" else found["end"]
        if found["plain"] is None:
            # What wrongly follows stays behind the quotes, but for its line ends, which would end the record there.
            behind = found["behind"]
            text = self.text_of(found["quoted"]) + b"\n" * behind.count(b"\n")
            return self.canonical.quoted(text) + behind.replace(b"\r", b"").replace(b"\n", b"") + end
        plain = found["plain"]
        text = self.text_of_plain(plain)
        has_special = text != plain or (not self.quote and self.canonical.quote in plain)
        return (self.canonical.quoted(text) if has_special else plain) + end

    def cells(self, text: bytes, position: int = 0) -> tuple[list[tuple[bytes, bool]], int, bool]:
        """The cells of the record at a position, each with whether it is quoted; where they end; is it well formed.

        A quote that is never closed takes the rest of the text.
        """
        found: list[tuple[bytes, bool]] = []
        is_sound = True
        while True:
            match = self.cell.match(text, position)
            if not match:
                return [*found, (text[position:], True)], len(text), False
            position = match.end()
            if match["plain"] is None:
                found.append((self.text_of(match["quoted"]), True))
                is_sound = is_sound and not match["behind"]
            else:
                found.append((self.text_of_plain(match["plain"]), False))
            if not text.startswith(self.delimiter, position):
                return found, position, is_sound
            position += len(self.delimiter)

    def text_of(self, cell: bytes) -> bytes:
        """The text of a quoted cell."""
        inner = cell[1:-1]
        if self.has_backslash:
            pattern = rb"\\(.)|" + re.escape(self.quote * 2)
            return re.sub(pattern, lambda found: found[1] or self.quote, inner, flags=re.DOTALL)
        return inner.replace(self.quote * 2, self.quote)

    def text_of_plain(self, cell: bytes) -> bytes:
        """The text of an unquoted cell."""
        return _ESCAPED.sub(rb"\1", cell) if self.has_backslash and cell != _NO_VALUE else cell

    def quoted(self, text: bytes) -> bytes:
        """A text as a quoted cell, in a grammar without backslashes."""
        return self.quote + text.replace(self.quote, self.quote * 2) + self.quote


@lru_cache(maxsize=256)
def grammar_of(delimiter: bytes, quote: bytes, has_backslash: bool) -> Grammar:
    """The grammar with these marks; its patterns are compiled once."""
    return Grammar(delimiter, quote, has_backslash)


def _last_line_end(text: bytes, end: int) -> int:
    return max(text.rfind(b"\n", 0, end), text.rfind(b"\r", 0, end)) + 1
