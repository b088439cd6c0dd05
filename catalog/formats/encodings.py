"""Encodings of text files: which one a file is in, and its bytes as UTF-8, block by block. Pure: no Django.

UTF-8 is never doubted where a sample of the file decodes as it. Elsewhere an encoding is a guess, and said to be one.
"""

import codecs
import re
from typing import BinaryIO

from charset_normalizer import from_bytes

SAMPLE_BYTES = 256 * 1024
GUESS_BYTES = 64 * 1024
SCRIPT_RUN = 3  # so many letters beyond ASCII side by side are no Western word
BAD_BYTE = b"\xff"  # in no text in UTF-8; stands before the two hexadecimal digits of a byte that can't be decoded

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Codecs that are no encodings of text, or hold commands rather than characters.
_REFUSED = frozenset(["idna", "mbcs", "oem", "palmos", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"])
# Encodings of scripts in which letters beyond ASCII stand side by side, as they hardly ever do in cp1252.
_OTHER_SCRIPTS = ["cp1251", "koi8_r", "iso8859_7", "cp1255", "cp1256", "cp874", "gb18030", "big5", "cp932", "euc_jp"]
_OTHER_SCRIPTS += ["cp949"]
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_UTF_8_RUN = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


def encoding_name(name: str) -> str | None:
    """The usual name of an encoding, or None if there is no such encoding of text."""
    try:
        codec = codecs.lookup(name)
        codecs.getincrementaldecoder(name)
    except (LookupError, ValueError):
        return None
    if not codec._is_text_encoding or codec.name.replace("_", "-") in _REFUSED:
        return None
    return {"utf-8-sig": "utf-8", "ascii": "utf-8", "iso8859-1": "latin-1"}.get(codec.name, codec.name)


def detect_encoding(sample: bytes, is_whole: bool) -> tuple[str, str]:
    """The encoding of a file that begins with a sample, and how it was found out."""
    for mark, name in _MARKS.items():
        if sample.startswith(mark):
            return name, f"The encoding is {name}: the file begins with its byte order mark."
    if _decodes(sample, "utf-8", is_whole) and not _wide_encoding(sample):
        return "utf-8", "The encoding is utf-8: the whole sample is valid."
    wide = _wide_encoding(sample)
    if wide and _decodes(sample, wide, is_whole):
        return wide, f"The encoding is {wide}: every other byte is NUL, as in text of two bytes a character."
    valid = _UTF_8_RUN.findall(sample)
    broken = sum(map(len, _HIGH_RUN.findall(sample))) - sum(map(len, valid))
    if broken <= 2 * len(valid):
        return "utf-8", "The encoding is utf-8 with errors: most of what is beyond ASCII is valid."
    return _guessed_encoding(sample, is_whole)


def _wide_encoding(sample: bytes) -> str | None:
    """UTF-16 without its mark, in a script whose characters are mostly below 256."""
    even, odd = sample[0:4096:2], sample[1:4096:2]
    if len(odd) < 2:
        return None
    if odd.count(0) > 0.6 * len(odd) and even.count(0) < 0.1 * len(even):
        return "utf-16-le"
    if even.count(0) > 0.6 * len(even) and odd.count(0) < 0.1 * len(odd):
        return "utf-16-be"
    return None


def _guessed_encoding(sample: bytes, is_whole: bool) -> tuple[str, str]:
    """cp1252, or what charset-normalizer finds where letters beyond ASCII stand side by side."""
    runs = _HIGH_RUN.findall(sample[:GUESS_BYTES])
    if sum(len(run) for run in runs if len(run) >= SCRIPT_RUN) > sum(map(len, runs)) / 2:
        found = from_bytes(sample[:GUESS_BYTES], cp_isolation=_OTHER_SCRIPTS, enable_fallback=False).best()
        name = encoding_name(found.encoding) if found else None
        if name and _decodes(sample, name, is_whole):
            return name, f"The encoding is a guess, {name}: the sample is not valid UTF-8 and reads best so."
    name = "cp1252" if _decodes(sample, "cp1252", is_whole) else "latin-1"
    return name, f"The encoding is a guess, {name}: the sample is not valid UTF-8."


def _decodes(sample: bytes, encoding: str, is_whole: bool) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(sample, final=is_whole)
    except UnicodeDecodeError:
        return False
    return True


def decoded_sample(sample: bytes, encoding: str) -> bytes:
    """A sample as UTF-8, without a byte order mark; what can't be decoded is replaced."""
    return codecs.getincrementaldecoder(encoding)("replace").decode(sample).removeprefix("\ufeff").encode()


class Utf8Stream:
    """A seekable stream of text in any encoding, read as UTF-8 without a byte order mark.

    UTF-8 itself is passed on as it is. Elsewhere a byte that can't be decoded becomes BAD_BYTE and its two digits.
    """

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._encoding = encoding
        self._decoder = _decoder(encoding)
        self._rest = b""
        self._is_first = True
        stream.seek(0)

    def read(self, size: int) -> bytes:
        """At most about `size` bytes; none at the end."""
        if self._decoder is None:
            block = self._stream.read(size)
            if self._is_first:
                while block and len(block) < len(codecs.BOM_UTF8) and (more := self._stream.read(1)):
                    block += more
                block = block.removeprefix(codecs.BOM_UTF8)
                if not block:
                    block = self._stream.read(size)
            self._is_first = False
            return block
        while len(self._rest) < size:
            block = self._stream.read(size)
            text = self._decoder.decode(block, final=not block)
            if self._is_first and text:
                text, self._is_first = text.removeprefix("\ufeff"), False
            self._rest += text.encode("utf-8", "surrogateescape")
            if not block:
                break
        found, self._rest = self._rest[:size], self._rest[size:]
        return found


def _decoder(encoding: str) -> codecs.IncrementalDecoder | None:
    return None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)("exemplar-bad-byte")


def _bad_byte(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    # The surrogate becomes BAD_BYTE when the text is encoded.
    return f"\udcff{error.object[error.start]:02x}", error.start + 1 if error.end == error.start + 1 else error.end


codecs.register_error("exemplar-bad-byte", _bad_byte)
