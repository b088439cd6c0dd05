"""Temporary directories that go when their process ends, even if it is killed. Pure: no Django.

All those of a process stand in one directory, its home, on which it holds a lock (flock). The kernel lets go of the
lock however the process ends, and the next process that needs a temporary directory removes the homes that nobody
holds. Those who sweep old temporary files, as systemd does, leave a locked directory alone as well.

What stands in them may be a stranger's work: directories below each other by the thousand, or that nobody may read.
"""

import atexit
import fcntl
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

_PREFIX = "exemplar-process-"
_ATTEMPTS = 10
_DEPTH = 50
_homes: dict[str, tuple[Path, int]] = {}
_lock = threading.Lock()


@contextmanager
def directory(kind: str) -> Iterator[Path]:
    """A new private directory, which goes at the end of the block. kind: a word in its name, for people."""
    with tempfile.TemporaryDirectory(prefix=f"{kind}-", dir=home()) as name:
        yield Path(name)


def make_directory(kind: str, parent: Path | None = None) -> Path:
    """A new private directory, which goes when somebody removes it, or with the process. parent: see `home`."""
    return Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=home(parent)))


def restore(directory: Path) -> None:
    """Make a directory of `make_directory` again where somebody removed it, as those do who sweep what is old."""
    if not directory.is_dir():
        home(directory.parent.parent)
        directory.mkdir(mode=0o700, exist_ok=True)


def home(parent: Path | None = None) -> Path:
    """The directory of this process that all its temporary ones stand in, made where it isn't there.

    parent: where it stands, by default the system's directory for temporary files (TMPDIR). Costs a look at the file
    system; the first time in a process, what killed processes left is removed. Raises OSError where nothing can be made
    or locked.
    """
    place = os.path.realpath(parent or tempfile.gettempdir())
    with _lock:
        found = _homes.get(place)
        if found is None:
            _sweep(place)
        elif found[0].is_dir():
            return found[0]
        else:  # somebody removed it, while others know its name
            del _homes[place]
            os.close(found[1])
            with suppress(FileExistsError):
                found[0].mkdir(mode=0o700)
            held = _taken(found[0])
            found = None if held is None else (found[0], held)
        _homes[place] = found or _made(place)
        return _homes[place][0]


def remove_tree(path: str | Path) -> None:
    """Remove a directory with all that stands in it, however deep it goes and whatever its owner forbade.

    Nothing is followed out of it, even while somebody changes it. Raises OSError.
    """
    top = _opened(str(path), None)
    try:
        waiting = _empty(top, top, _DEPTH)
        while waiting:
            inner = _opened(waiting[-1], top)
            try:
                deeper = _empty(inner, top, _DEPTH)
            finally:
                os.close(inner)
            os.rmdir(waiting.pop(), dir_fd=top)
            waiting += deeper
    finally:
        os.close(top)
    Path(path).rmdir()


def _empty(directory: int, top: int, depth: int) -> list[str]:
    """Remove what is in a directory. What lies deeper is moved up to the top, and its names there are given: so no path
    grows too long, nor the stack."""
    moved = []
    for name in _without_files(directory):
        inner = _opened(name, directory)
        try:
            moved += _empty(inner, top, depth - 1) if depth else []
        finally:
            os.close(inner)
        if depth:
            os.rmdir(name, dir_fd=directory)
        else:
            moved.append(uuid4().hex)
            os.rename(name, moved[-1], src_dir_fd=directory, dst_dir_fd=top)
    return moved


def _opened(name: str, parent: int | None) -> int:
    """A descriptor of a directory that its owner may now read and write."""
    flags = os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        directory = os.open(name, os.O_RDONLY | flags, dir_fd=parent)
    except PermissionError:
        if not hasattr(os, "O_PATH"):  # only Linux opens what it may not read
            raise
        place = os.open(name, os.O_PATH | flags, dir_fd=parent)
        try:
            Path(f"/proc/self/fd/{place}").chmod(0o700)
        finally:
            os.close(place)
        return os.open(name, os.O_RDONLY | flags, dir_fd=parent)
    with suppress(PermissionError):
        os.fchmod(directory, 0o700)
    return directory


def _without_files(directory: int) -> list[str]:
    """The names of the directories in a directory, in which nothing else is left."""
    with os.scandir(directory) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in found:
        if not is_directory:
            os.unlink(name, dir_fd=directory)
    return [name for name, is_directory in found if is_directory]


def _made(place: str) -> tuple[Path, int]:
    """A new home, and the descriptor that holds its lock."""
    for _ in range(_ATTEMPTS):  # another process may sweep it away before it is locked
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        held = _taken(path)
        if held is not None:
            return path, held
        with suppress(OSError):
            path.rmdir()
    message = "can't be locked (flock); set TMPDIR to a directory on a local file system"
    raise OSError(f"The directory for temporary files, {place}, {message}.")


def _sweep(place: str) -> None:
    """Remove the homes of processes that are gone."""
    with suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if not entry.name.startswith(_PREFIX):
                continue
            held = _taken(Path(entry.path))
            if held is not None:
                with suppress(OSError):
                    remove_tree(entry.path)
                os.close(held)


def _taken(path: Path) -> int | None:
    """A descriptor with the lock on a directory of this user's; None if somebody holds it, or it is no such one."""
    try:
        held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    with suppress(OSError):
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        locked = os.fstat(held)
        # Whoever held it until now may have removed it.
        if locked.st_uid == os.geteuid() and os.path.samestat(locked, path.lstat()):
            return held
    os.close(held)
    return None


def _forget() -> None:
    """In a forked child: the homes are those of its parent, whose locks shall not live longer than it."""
    global _lock
    _lock = threading.Lock()
    for _, held in _homes.values():
        os.close(held)
    _homes.clear()


def _remove() -> None:
    for path, held in _homes.values():
        with suppress(OSError):
            remove_tree(path)
        os.close(held)
    _homes.clear()


os.register_at_fork(after_in_child=_forget)
atexit.register(_remove)
