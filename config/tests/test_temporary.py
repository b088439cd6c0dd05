"""Temporary directories: theirs is the life of their process, also where it is killed."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config import temporary

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import sys
from config import temporary
path = temporary.make_directory("write")
(path / "below").mkdir()
(path / "below" / "rows").write_text("rows")
(path / "link").symlink_to(sys.argv[1])
print(path, flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What this process takes for the system's directory of temporary files."""
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A directory of somebody's that nobody may empty."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("kept")
    return tmp_path / "kept"


@contextmanager
def writer(place: Path, kept: Path) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """Another process, and the temporary directory that it has made."""
    command = [sys.executable, "-c", WRITER, str(kept)]
    environment = {**os.environ, "TMPDIR": str(place)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_what_a_killed_process_left_is_removed_by_the_next(place: Path, kept: Path) -> None:
    with writer(place, kept) as (process, path):
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (path / "below" / "rows").exists()
    own = temporary.home()
    assert list(place.iterdir()) == [own]
    assert (kept / "file").read_text() == "kept"


def test_what_a_living_process_has_is_left_alone(place: Path, kept: Path) -> None:
    with writer(place, kept) as (_, path):
        temporary.home()
        assert (path / "below" / "rows").read_text() == "rows"


def test_a_process_that_ends_takes_all_along(place: Path, kept: Path) -> None:
    with writer(place, kept) as (process, path):
        assert path.parent.parent == place
        process.communicate("\n")
        assert process.returncode == 0
        assert list(place.iterdir()) == []
    assert (kept / "file").read_text() == "kept"


def test_nothing_is_removed_but_abandoned_homes(place: Path, kept: Path) -> None:
    (place / "exemplar-process-link").symlink_to(kept)
    (place / "exemplar-process-file").write_text("kept")
    (place / "exemplar-write-older").mkdir()
    (place / "exemplar-process-abandoned" / "below").mkdir(parents=True)
    own = temporary.home()
    names = {path.name for path in place.iterdir() if path != own}
    assert names == {"exemplar-process-link", "exemplar-process-file", "exemplar-write-older"}
    assert (kept / "file").read_text() == "kept"


def test_a_directory_is_private_and_goes_with_its_block(place: Path) -> None:
    with temporary.directory("check") as path:
        assert path.name.startswith("check-")
        assert path.parent == temporary.home()
        assert [each.stat().st_mode & 0o777 for each in (path, path.parent)] == [0o700, 0o700]
    assert list(temporary.home().iterdir()) == []


def test_a_home_that_somebody_removed_is_made_again_in_its_place(place: Path) -> None:
    path = temporary.make_directory("write")
    shutil.rmtree(path.parent)
    temporary.restore(path)
    assert [each.stat().st_mode & 0o777 for each in (path, path.parent)] == [0o700, 0o700]
    assert temporary.home() == path.parent
    shutil.rmtree(path.parent)
    assert temporary.make_directory("write").parent == path.parent


def test_a_forked_child_has_a_home_of_its_own(place: Path) -> None:
    parent = temporary.home()
    child = os.fork()
    if not child:
        os._exit(0 if temporary.home() != parent else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert temporary.home() == parent
    assert parent.is_dir()


def test_a_place_that_is_not_there_is_an_error(place: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        temporary.make_directory("write", place / "nowhere")


def deepen(path: Path, times: int) -> None:
    """Directories below each other, deeper than a path can say and than Python calls itself."""
    here = Path.cwd()
    os.chdir(path)
    try:
        for _ in range(times):
            Path("d" * 20).mkdir()
            os.chdir("d" * 20)
        Path("file").write_text("x")
    finally:
        os.chdir(here)


def test_what_is_deep_and_what_nobody_may_read_is_removed_and_nothing_behind_a_link(tmp_path: Path, kept: Path) -> None:
    path = tmp_path / "path"
    (path / "a" / "closed" / "b").mkdir(parents=True)
    (path / "a" / "closed" / "b" / "link").symlink_to(kept)
    (path / "link").symlink_to(kept)
    os.mkfifo(path / "pipe")
    deepen(path, 1100)
    deepen(path / "a", 1100)
    for closed in (path / "a" / "closed" / "b", path / "a" / "closed", path / "a"):
        closed.chmod(0)
    temporary.remove_tree(path)
    assert not path.exists()
    assert (kept / "file").read_text() == "kept"


def test_what_is_no_directory_is_not_removed(tmp_path: Path, kept: Path) -> None:
    (tmp_path / "link").symlink_to(kept)
    with pytest.raises(OSError, match="link"):
        temporary.remove_tree(tmp_path / "link")
    assert (kept / "file").exists()


def test_the_depth_of_what_a_killed_process_left_stops_no_other(place: Path, kept: Path) -> None:
    with writer(place, kept) as (process, path):
        deepen(path, 1100)
        process.kill()
        process.wait()
    with temporary.directory("call"):
        assert not path.parent.exists()
