"""What processes use of memory and disk, as the kernel tells, also where they hide it."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import resource
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from processes.runners.refusals import RefusedError

_SHARED = re.compile(rb"^RssShmem:\s+(\d+) kB", re.MULTILINE)
_SHARE_OF_SHARED = re.compile(rb"^Pss_Shmem:\s+(\d+) kB", re.MULTILINE)


def memory_bytes(processes: Iterable[int]) -> int:
    """What the processes hold in memory and nobody else does, and their shares of what they share without a file."""
    found = 0
    for process in processes:
        with contextlib.suppress(OSError, ValueError, IndexError):
            place = Path("/proc", str(process))
            resident, shared = (place / "statm").read_text().split()[1:3]
            found += (int(resident) - int(shared)) * resource.getpagesize()
            found += _shared_bytes(place) if int(shared) else 0
    return found


def _shared_bytes(place: Path) -> int:
    shared = _SHARED.search((place / "status").read_bytes())
    if not shared or shared[1] == b"0":
        return 0
    with contextlib.suppress(OSError):  # older kernels don't tell the share
        shared = _SHARE_OF_SHARED.search((place / "smaps_rollup").read_bytes()) or shared
    return int(shared[1]) * 1024


def unlinked_bytes(processes: Iterable[int]) -> int:
    """The size of files that processes hold open and that no directory has: removed ones, and those in memory."""
    found: dict[tuple[int, int], int] = {}
    for process in processes:
        with contextlib.suppress(OSError), os.scandir(f"/proc/{process}/fd") as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    held = entry.stat()
                    if stat.S_ISREG(held.st_mode) and held.st_nlink == 0:
                        found[held.st_dev, held.st_ino] = held.st_blocks * 512
    return sum(found.values())


def size_of(directory: Path, maximum_files: int) -> tuple[int, int]:
    """Bytes and number of the files below a directory, as far as they need to be counted.

    A directory that may not be read is opened. Raises RefusedError for one that lies deeper than a path can say.
    """
    size_bytes, files, waiting = 0, 0, [str(directory)]
    while waiting and files <= maximum_files:
        for entry in _entries(waiting.pop()):
            files += 1
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    size_bytes += entry.stat(follow_symlinks=False).st_blocks * 512
            if files > maximum_files:
                break
    return size_bytes, files


def _entries(directory: str) -> Iterator[os.DirEntry[str]]:
    try:
        with contextlib.suppress(PermissionError), os.scandir(directory) as entries:
            yield from entries
            return
        Path(directory).chmod(0o700)
        with os.scandir(directory) as entries:
            yield from entries
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            message = "The function makes directories below each other, deeper than a path can say."
            raise RefusedError("execution_error", message, kind="too_deep") from error
