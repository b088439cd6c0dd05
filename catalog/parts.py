"""Parts on this machine: a bounded cache of Parquet files, and SQL that reads them. Pure: no Django.

The database is the truth; a cached file may be deleted at any moment, by anybody, and comes back when it is needed.
"""

import errno
import hashlib
import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from catalog.engine import quote_name, quote_text

PART_ROWS = 122_880
ROW_GROUP_ROWS = 20_480
# Version 2 of the format encodes differences: a third faster to write, and up to eight times smaller.
# Small row groups: a page or a point reads a sixth of a Part, for a file that is a thirtieth larger.
PART_OPTIONS = f"FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP_ROWS}"
SCANS_PER_CACHE = 64  # how often the cache is looked through while as much is stored as it holds
_filled_bytes: dict[Path, int] = {}  # what this process has stored in a cache since it was last looked through


class CorruptPartError(Exception):
    """The database's bytes of a Part don't have the digest that names them."""


@dataclass(frozen=True)
class PartCache:
    """Files named by their digest, in `directory`, of about `size_bytes` in all; the longest unused go first.

    Safe with any number of processes: a file appears whole (written aside, then renamed), and is checked by digest
    before it does. What one query needs is kept together, also where that alone is more than `size_bytes`.
    """

    directory: Path
    size_bytes: int

    def path(self, digest: str) -> Path:
        """Where a Part is, or would be."""
        return Path(f"{self.directory}/{digest[:2]}/{digest}.parquet")

    def missing(self, digests: Iterable[str]) -> list[str]:
        """The digests that must be fetched; the others are marked as used just now."""
        absent = []
        for digest in dict.fromkeys(digests):
            try:
                os.utime(self.path(digest))
            except OSError:
                absent.append(digest)
        return absent

    def fill(self, contents: Iterable[tuple[str, bytes]], needed: Collection[str] = ()) -> None:
        """Store Parts, given as digest and bytes; those that are `needed` stay when the cache is full.

        Raises CorruptPartError, and OSError where the disk refuses.
        """
        filled = False
        for digest, content in contents:
            if hashlib.sha256(content).hexdigest() != digest:
                raise CorruptPartError(f"Part {digest} is damaged in the database: its bytes have another digest.")
            self._store_in_room(digest, content, needed)
            filled = True
        if filled and self._may_be_full():
            self._evict({self.path(digest) for digest in needed}, self.size_bytes)

    def adopt(self, digest: str, path: Path) -> None:
        """Take in the file of a Part that was just stored: whoever reads it next need not fetch it.

        Where the disk refuses, they fetch it: what is stored is stored, whatever becomes of the cache.
        """
        with suppress(OSError):
            self._adopt(digest, path)

    def _adopt(self, digest: str, path: Path) -> None:
        target = self.path(digest)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        size_bytes = path.stat().st_size
        try:
            path.replace(target)
        except OSError:  # another file system
            self._store(digest, path.read_bytes())
        else:
            _filled_bytes[self.directory] = _filled_bytes.get(self.directory, self.size_bytes) + size_bytes
        if self._may_be_full():
            self._evict({target}, self.size_bytes)

    def _may_be_full(self) -> bool:
        """Whether it is time to look how much there is: to look at each file takes longer than to store one."""
        return _filled_bytes.get(self.directory, self.size_bytes) * SCANS_PER_CACHE >= self.size_bytes

    def _store_in_room(self, digest: str, content: bytes, needed: Collection[str]) -> None:
        """Store a Part; on a disk that is full before the cache is, all that is not needed makes room for it."""
        try:
            self._store(digest, content)
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            self._evict({self.path(each) for each in needed}, 0)
            self._store(digest, content)

    def _store(self, digest: str, content: bytes) -> None:
        path = self.path(digest)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, aside = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(aside).replace(path)
            _filled_bytes[self.directory] = _filled_bytes.get(self.directory, self.size_bytes) + len(content)
        except OSError:
            Path(aside).unlink(missing_ok=True)
            raise

    def _evict(self, needed: Collection[Path], size_bytes: int) -> None:
        """Delete the longest unused files, but for those that are needed, until there are no more than `size_bytes`."""
        files = []
        for path in self.directory.glob("??/*.parquet"):
            try:
                status = path.stat()
            except OSError:
                continue
            files.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in files)
        # So that it is looked again as soon as it may be full, and soon enough where other processes fill it too.
        _filled_bytes[self.directory] = 0
        for _, size, path in sorted(files):
            if total <= size_bytes:
                return
            if path not in needed:
                path.unlink(missing_ok=True)
                total -= size

    def mend(self, digests: Iterable[str]) -> bool:
        """Drop files whose bytes have another digest; whether any of these Parts was damaged or is gone.

        For when a query fails: it costs a reading of every byte, so nobody asks while all is well.
        """
        amiss = False
        for digest in digests:
            path = self.path(digest)
            try:
                with path.open("rb") as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() == digest:
                        continue
            except OSError:
                pass
            path.unlink(missing_ok=True)
            amiss = True
        return amiss

    def paths(self, digests: Sequence[str], fetch: Callable[[list[str]], Iterable[tuple[str, bytes]]]) -> list[Path]:
        """The files of these Parts, in order, fetched where they are missing."""
        absent = self.missing(digests)
        if absent:
            self.fill(fetch(absent), set(digests))
        return [self.path(digest) for digest in digests]


def rows_sql(paths: Sequence[Path], columns: Sequence[tuple[str, str]]) -> str:
    """A SELECT of `columns` (name, DuckDB type), `_id` and `_version` over Parts; typed and empty where there are none.

    The Parts of one TableVersion all have the columns of its ObjectVersion.
    """
    if not paths:
        nulls = "".join(f"CAST(NULL AS {kind}) AS {quote_name(name)}, " for name, kind in columns)
        return f"SELECT {nulls}CAST(NULL AS BIGINT) AS _id, CAST(NULL AS BIGINT) AS _version WHERE false"
    names = "".join(f"{quote_name(name)}, " for name, _ in columns)
    files = ", ".join(quote_text(str(path)) for path in paths)
    return f"SELECT {names}_id, _version FROM read_parquet([{files}])"


def tail_to_merge(row_counts: Sequence[int], added: int, part_rows: int = PART_ROWS) -> int:
    """How many Parts at the end to merge with `added` new rows, so that n single appends rewrite O(n log n) rows.

    A Part is merged while it is at most as large as what is merged into it, as in a binary counter, and the whole
    stays within `part_rows`, how many a Part has at most.
    """
    merged = 0
    for row_count in reversed(row_counts):
        if row_count > added or row_count + added > part_rows:
            break
        added += row_count
        merged += 1
    return merged
