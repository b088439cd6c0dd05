"""The kernel's limit on how many processes a program may be at a time: a control group, where this user may make one.

Root is exempt from RLIMIT_NPROC, and others share its count with all else that they run. The child's own watch sees a
program that forks without end as well, but only if it gets to run beside it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

_ROOT = Path("/sys/fs/cgroup")
_ENTER = 'echo $$ 2>/dev/null > "$0"; exec "$@"'


def make_group(maximum: int) -> Path | None:
    """A new group of at most so many processes and threads; None where there can be none."""
    parent = _parent()
    if parent is None:
        return None
    _sweep(parent)
    group = parent / f"exemplar-{os.getpid()}-{uuid4().hex[:8]}"
    try:
        group.mkdir()
        (group / "pids.max").write_text(str(maximum))
    except OSError:
        remove_group(group)
        return None
    return group


def in_group(command: Sequence[str], group: Path) -> list[str]:
    """The command as a member of the group from its first moment."""
    return ["/bin/sh", "-c", _ENTER, str(group / "cgroup.procs"), *command]


def remove_group(group: Path) -> None:
    """Remove it, if nobody lives in it any more; else a later sweep does."""
    with contextlib.suppress(OSError):
        group.rmdir()


def _parent() -> Path | None:
    """Where groups are made: below this process's own with the first version of control groups, else below the root."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "pids":
                return _ROOT / "pids" / path.lstrip("/")
        if "pids" in (_ROOT / "cgroup.subtree_control").read_text().split():
            return _ROOT
    return None


def _sweep(parent: Path) -> None:
    """Remove the groups of processes that have ended."""
    for group in parent.glob("exemplar-*-*"):
        if not Path("/proc", group.name.split("-")[1]).exists():
            remove_group(group)
