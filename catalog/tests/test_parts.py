"""The cache of Parts on this machine, without a database."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pytest

from catalog.parts import PART_ROWS, CorruptPartError, PartCache, rows_sql, tail_to_merge

ROOT = Path(__file__).resolve().parents[2]
CONTENTS = [bytes([number]) * 1000 for number in range(10)]
DIGESTS = [hashlib.sha256(content).hexdigest() for content in CONTENTS]
BY_DIGEST = dict(zip(DIGESTS, CONTENTS, strict=True))


def fetch(digests: Iterable[str]) -> Iterable[tuple[str, bytes]]:
    return [(digest, BY_DIGEST[digest]) for digest in digests]


def files(directory: Path) -> set[str]:
    return {path.stem for path in directory.rglob("*.parquet")}


def used_at(cache: PartCache, digest: str, seconds_ago: float) -> None:
    moment = time.time() - seconds_ago
    os.utime(cache.path(digest), (moment, moment))


def test_a_part_is_fetched_once_and_comes_in_the_order_asked_for(tmp_path):
    cache = PartCache(tmp_path / "new" / "cache", 10**6)
    fetched: list[str] = []

    def counted(digests: list[str]) -> Iterable[tuple[str, bytes]]:
        fetched.extend(digests)
        return fetch(digests)

    for wanted in (DIGESTS[:2], [DIGESTS[2], DIGESTS[0], DIGESTS[2]]):
        assert [path.read_bytes() for path in cache.paths(wanted, counted)] == [BY_DIGEST[each] for each in wanted]
    assert fetched == DIGESTS[:3]


def test_the_longest_unused_go_when_the_cache_is_full(tmp_path):
    cache = PartCache(tmp_path, 3_500)
    cache.paths(DIGESTS[:3], fetch)
    for age, digest in enumerate(DIGESTS[:3], start=1):
        used_at(cache, digest, 100 * age)
    cache.paths([DIGESTS[2]], fetch)  # used just now
    cache.paths([DIGESTS[3]], fetch)
    assert files(tmp_path) == {DIGESTS[0], DIGESTS[2], DIGESTS[3]}


def test_what_one_query_needs_is_kept_together_even_if_it_is_more_than_the_cache_holds(tmp_path):
    cache = PartCache(tmp_path, 2_000)
    cache.paths([DIGESTS[9]], fetch)
    assert all(path.exists() for path in cache.paths(DIGESTS[:5], fetch))
    assert files(tmp_path) == set(DIGESTS[:5])
    cache.paths([DIGESTS[6]], fetch)
    assert DIGESTS[6] in files(tmp_path)
    assert len(files(tmp_path)) == 2


def test_bytes_with_another_digest_are_refused_and_not_stored(tmp_path):
    cache = PartCache(tmp_path, 10**6)
    with pytest.raises(CorruptPartError, match=DIGESTS[1]):
        cache.fill([(DIGESTS[0], CONTENTS[0]), (DIGESTS[1], b"something else")])
    assert files(tmp_path) == {DIGESTS[0]}


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(CONTENTS[0][:-1])])
def test_a_file_that_is_gone_or_damaged_is_mended(tmp_path, harm):
    cache = PartCache(tmp_path, 10**6)
    paths = cache.paths(DIGESTS[:2], fetch)
    assert cache.mend(DIGESTS[:2]) is False
    harm(paths[0])
    assert cache.mend(DIGESTS[:2]) is True
    assert [path.read_bytes() for path in cache.paths(DIGESTS[:2], fetch)] == CONTENTS[:2]


def test_nothing_is_left_behind_when_the_disk_refuses(tmp_path):
    cache = PartCache(tmp_path / "file", 10**6)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        cache.paths(DIGESTS[:1], fetch)
    assert not list(tmp_path.rglob("*.part"))


FILLER = """
import sys, hashlib
from pathlib import Path
from catalog.parts import PartCache
contents = {hashlib.sha256(bytes([n]) * 1000).hexdigest(): bytes([n]) * 1000 for n in range(10)}
cache = PartCache(Path(sys.argv[1]), 4_000)
for turn in range(200):
    wanted = list(contents)[turn % 8 : turn % 8 + 3]
    cache.paths(wanted, lambda digests: [(digest, contents[digest]) for digest in digests])
"""


def test_two_processes_may_fill_and_empty_one_cache_at_once(tmp_path):
    fillers = [subprocess.Popen([sys.executable, "-c", FILLER, str(tmp_path)], cwd=ROOT) for _ in range(2)]
    whole = 0
    while any(filler.poll() is None for filler in fillers):
        for path in tmp_path.glob("??/*.parquet"):
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue
            assert hashlib.sha256(content).hexdigest() == path.stem, "a file appears whole or not at all"
            whole += 1
    assert whole
    assert [filler.returncode for filler in fillers] == [0, 0]


def test_parts_without_rows_have_typed_columns(tmp_path):
    relation = duckdb.sql(rows_sql([], [('a"b', "DECIMAL(12,2)"), ("t", "TIMESTAMP WITH TIME ZONE")]))
    assert relation.columns == ['a"b', "t", "_id", "_version"]
    assert str(relation.types[0]) == "DECIMAL(12,2)"
    assert relation.fetchall() == []


@pytest.mark.parametrize(
    ("row_counts", "added", "merged"),
    [
        ([], 1, 0),
        ([1], 1, 1),
        ([2], 1, 0),
        ([4, 2, 1], 1, 3),
        ([8, 4, 2], 1, 0),
        ([PART_ROWS, 5], 10, 1),
        ([PART_ROWS - 1], PART_ROWS - 1, 0),
        ([PART_ROWS], PART_ROWS, 0),
        ([3], PART_ROWS, 0),
        ([1, 1], PART_ROWS * 3, 0),
    ],
)
def test_small_parts_at_the_end_are_merged_as_in_a_binary_counter(row_counts, added, merged):
    assert tail_to_merge(row_counts, added) == merged


def test_many_single_appends_rewrite_few_rows():
    row_counts: list[int] = []
    rewritten = 0
    for _ in range(4096):
        merged = tail_to_merge(row_counts, 1)
        whole = 1 + sum(row_counts[len(row_counts) - merged :])
        row_counts[len(row_counts) - merged :] = [whole]
        rewritten += whole
    assert sum(row_counts) == 4096
    assert len(row_counts) <= 13
    assert rewritten <= 4096 * 13


def test_parts_are_merged_within_what_a_part_has_at_most() -> None:
    assert tail_to_merge([8, 4, 2], 2, part_rows=16) == 3
    assert tail_to_merge([8, 4, 2], 2, part_rows=15) == 2
