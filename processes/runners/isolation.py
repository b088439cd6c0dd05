"""What keeps a child in: limits on its process, death with its parent, and bubblewrap's namespaces where they work."""

from __future__ import annotations

import contextlib
import ctypes
import resource
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import duckdb

from catalog import engine, idle, parts, types
from config import exact_json, problems, storable, temporary
from processes.runners.contract import MEBIBYTE, Limits, Permissions

BUBBLEWRAP = "bwrap"
NONE = "none"
AUTO = "auto"

PROJECT_ROOT = Path(__file__).resolve().parents[2]
PROCESS_MARGIN_BYTES = 256 * MEBIBYTE
"""What a child holds beside DuckDB's memory: interpreter, libraries and stacks (53 MiB when idle), and slack."""

_OPEN_FILES = 1024
_PROBE_SECONDS = 20
_probing = threading.Lock()
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
PROGRAM_PATH = "/usr/local/bin:/usr/bin:/bin"
"""Where commands are looked up, and they look up others."""

_PROGRAM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/alternatives")
_NETWORK_FILES = (
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
)
_SYSTEM_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")


class IsolationUnavailableError(Exception):
    """Bubblewrap was demanded, and doesn't work on this host."""


def choose_isolation(wanted: str) -> str:
    """``bwrap`` or ``none``: what is in force when ``auto``, ``bwrap`` or ``none`` is wanted."""
    if wanted not in (AUTO, BUBBLEWRAP, NONE):
        raise ValueError(f"isolation is {AUTO!r}, {BUBBLEWRAP!r} or {NONE!r}, not {wanted!r}")
    if wanted == NONE:
        return NONE
    if _bubblewrap_works():
        return BUBBLEWRAP
    if wanted == BUBBLEWRAP:
        raise IsolationUnavailableError("bubblewrap (bwrap) is not installed, or may not make namespaces here.")
    return NONE


@dataclass(frozen=True)
class Surroundings:
    """What a kind of child may see besides Python, its code and its directory: files to read, and the network."""

    readable: tuple[str, ...] = ()
    has_network: bool = False


BARE = Surroundings()


def surroundings(role: str, permissions: Permissions) -> Surroundings:
    """What a child of this role (a kind of implementation) may see."""
    if role == "python":
        return Surroundings(permissions.python_path)
    if role == "command":
        programs = tuple(program for program in permissions.command_programs if program.startswith("/"))
        real = tuple(str(Path(program).resolve()) for program in programs)
        return Surroundings((*_PROGRAM_FOLDERS, *programs, *real))
    if role == "http":
        return Surroundings(_NETWORK_FILES, has_network=True)
    return BARE


def wrap(command: Sequence[str], directory: Path, around: Surroundings = BARE) -> list[str]:
    """The command inside bubblewrap: no network, no other process, no files but Python, its code and its directory."""
    arguments = [BUBBLEWRAP, "--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--dev", "/dev"]
    arguments += ["--share-net"] if around.has_network else []
    arguments += ["--proc", "/proc"]  # without it glibc aborts where an allocation fails, instead of failing it
    for path in (*_SYSTEM_LIBRARIES, *around.readable):
        arguments += ["--ro-bind-try", path, path]
    for path in _python_paths():
        arguments += ["--ro-bind", path, path]
    arguments += ["--bind", str(directory / "work"), str(directory / "work")]
    arguments += ["--ro-bind", str(directory / "inputs"), str(directory / "inputs")]
    # Else /dev/shm would be memory that nobody counts, and a place where one case leaves things to the next.
    arguments += ["--remount-ro", "/dev", "--remount-ro", "/"]
    return [*arguments, "--chdir", str(PROJECT_ROOT), "--", *command]


def make_work_directories(directory: Path) -> None:
    """What a child finds in its directory: inputs that it reads, and the place for all that it writes."""
    (directory / "inputs").mkdir()
    (directory / "work").mkdir()


def limit_process(limits: Limits) -> None:
    """Bound what this process may take; in the child, before any user's text is read.

    The kernel counts file size for each file: spill and outputs are bounded together by DuckDB's temp limit and the
    check of each output, and here each alone. RLIMIT_DATA counts memory that is written to, unlike RLIMIT_AS, which
    also counts what is merely reserved.
    """
    sizes = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_DATA: limits.memory_bytes + PROCESS_MARGIN_BYTES,
        resource.RLIMIT_FSIZE: max(limits.output_bytes, limits.temp_bytes),
        resource.RLIMIT_NOFILE: _OPEN_FILES,
    }
    for kind, size in sizes.items():
        _lower_limit(kind, size)


def forbid_new_processes() -> None:
    """No more processes or threads from here on. Root is exempt, so it is one layer and not the only one."""
    _lower_limit(resource.RLIMIT_NPROC, 0)


def die_with_parent() -> None:
    """Ask Linux to kill this process when the thread that started it ends, and to never grant it privileges."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _lower_limit(kind: int, size: int) -> None:
    _soft, hard = resource.getrlimit(kind)
    lowered = size if hard == resource.RLIM_INFINITY else min(size, hard)
    with contextlib.suppress(OSError, ValueError):  # some systems know a limit and don't let it be set
        resource.setrlimit(kind, (lowered, lowered))


def _bubblewrap_works() -> bool:
    """Try it for real, once, while other threads wait for what comes of it."""
    with _probing:
        return _try_bubblewrap()


@lru_cache(maxsize=1)
def _try_bubblewrap() -> bool:
    """Containers and kernels forbid namespaces in many ways."""
    if sys.platform != "linux" or shutil.which(BUBBLEWRAP) is None:
        return False
    directory = temporary.make_directory("probe")
    try:
        make_work_directories(directory)
        command = wrap([sys.executable, "-c", "import duckdb, processes.runners.messages"], directory)
        finished = subprocess.run(command, env={}, capture_output=True, timeout=_PROBE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    finally:
        with contextlib.suppress(OSError):
            temporary.remove_tree(directory)
    return finished.returncode == 0


def _python_paths() -> list[str]:
    """The interpreter, its libraries, DuckDB, and the modules that the child imports from this project."""
    roots = {
        Path(sys.prefix),
        Path(sys.base_prefix),
        Path(sys.executable).resolve().parents[1],
        Path(sysconfig.get_paths()["stdlib"]),
        Path(duckdb.__file__).parents[1],
        PROJECT_ROOT / "processes",
        Path(str(types.__file__)).parent,
    }
    for module in (engine, idle, parts, problems, storable, exact_json, temporary):
        file = Path(str(module.__file__))
        roots |= {file, file.with_name("__init__.py")}
    return sorted(str(root) for root in roots)
