"""gzip (RFC 1952), unpacked to a file under a limit. Pure: no Django."""

import zlib
from pathlib import Path
from typing import BinaryIO, Final

from catalog.sources import BLOCK_BYTES, Fault, MalformedError

GZIP: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 31  # zlib's word for "a gzip header and trailer, checked"


def unpack(stream: BinaryIO, path: Path, limit_bytes: int) -> None:
    """Write to `path` what a gzip stream holds, all its members after one another.

    Memory stays that of a block, however much a block unpacks to. Raises MalformedError if it holds more than
    `limit_bytes`, is cut off, or is damaged.
    """
    written, member, packed = 0, zlib.decompressobj(_GZIP_WINDOW), b""
    with path.open("wb") as file:
        while True:
            packed = packed or stream.read(BLOCK_BYTES)
            if not packed:
                break
            if member.eof:
                packed = packed.lstrip(b"\0")  # what tapes and some tools pad with
                if not packed:
                    continue
                if packed[0] != GZIP[0]:
                    raise _refusal("Something else follows the end of the gzip file")
                member = zlib.decompressobj(_GZIP_WINDOW)
            block = _inflate(member, packed)
            packed = member.unused_data if member.eof else member.unconsumed_tail
            written += len(block)
            if written > limit_bytes:
                raise _refusal(f"The gzip file unpacks to more than {in_words(limit_bytes)}, the limit")
            file.write(block)
    if not member.eof:
        raise _refusal("The gzip file is cut off: its end is missing")


def in_words(size_bytes: int) -> str:
    """A size for people: 4 GB, 512 kB."""
    for unit, name in ((1024**3, "GB"), (1024**2, "MB"), (1024, "kB")):
        if size_bytes >= unit:
            return f"{size_bytes / unit:.4g} {name}"
    return f"{size_bytes} bytes"


def _inflate(member: "zlib._Decompress", packed: bytes) -> bytes:
    try:
        return member.decompress(packed, BLOCK_BYTES)
    except zlib.error as error:
        raise _refusal("The gzip file is damaged") from error


def _refusal(message: str) -> MalformedError:
    return MalformedError(Fault(0, "malformed", message))
