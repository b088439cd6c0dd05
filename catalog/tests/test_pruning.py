"""Old versions go, what is pinned stays, and no writer loses a Part that it is about to use."""

import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from catalog import contents
from catalog.contents import append_rows, replace_rows, revert_table
from catalog.history.pruning import Pruned, Rule, prune
from catalog.models import Part, SetAside, Table, TableProfile, TableVersion, VersionPart
from catalog.profiles import version_profile
from catalog.reading import version_digests, version_paths
from catalog.tests.factories import TableFactory, json_rows
from catalog.writing import Write


@pytest.fixture
def table(db: None) -> Table:
    """Five versions, each of other rows."""
    table = TableFactory.create(rows=[{"id": 1}])
    for number in range(2, 6):
        replace_rows(table, json_rows([{"id": number}]))
    return table


def numbers(table: Table) -> list[int]:
    return list(table.versions.order_by("number").values_list("number", flat=True))


@pytest.mark.django_db
def test_the_newest_versions_stay_and_the_parts_of_the_others_go(table: Table) -> None:
    sizes = {part.digest: part.size_bytes for part in Part.objects.without_content()}
    kept = {digest for version in table.versions.filter(number__gte=4) for digest in version_digests(version)}
    found = prune(Table.objects.all(), Rule(2))
    assert numbers(table) == [4, 5]
    assert set(Part.objects.values_list("digest", flat=True)) == kept
    freed = sum(size for digest, size in sizes.items() if digest not in kept)
    assert found == Pruned(versions=3, parts=3, size_bytes=freed)
    assert prune(Table.objects.all(), Rule(2)) == Pruned()


@pytest.mark.django_db
def test_a_dry_run_says_the_same_and_leaves_everything(table: Table) -> None:
    before = (TableVersion.objects.count(), Part.objects.count(), VersionPart.objects.count())
    told = prune(Table.objects.all(), Rule(1), dry_run=True)
    assert (TableVersion.objects.count(), Part.objects.count(), VersionPart.objects.count()) == before
    assert told == prune(Table.objects.all(), Rule(1))
    assert told.versions == 4


@pytest.mark.django_db
def test_the_current_version_stays_whatever_is_asked(table: Table) -> None:
    prune(Table.objects.all(), Rule(0))
    assert numbers(table) == [5]


@pytest.mark.django_db
def test_a_part_that_another_version_has_stays(table: Table) -> None:
    revert_table(table, 1)
    found = prune(Table.objects.all(), Rule(1))
    assert (found.versions, found.parts) == (5, 4)
    assert version_paths(table.current)


@pytest.mark.django_db
def test_the_parts_of_deleted_tables_go(table: Table) -> None:
    other = TableFactory.create(rows=[{"id": 77}])
    table.delete()
    assert prune(Table.objects.none(), Rule(1)).parts == 5
    assert Part.objects.count() == other.current.version_parts.count() == 1


@pytest.mark.django_db
def test_profiles_and_rows_set_aside_go_with_their_version(table: Table) -> None:
    for number in (1, 5):
        version_profile(table.versions.get(number=number))
        SetAside.objects.create(table=table, version=number, format="csv", content=b"12345", row_count=1, error_count=1)
    found = prune(Table.objects.all(), Rule(1))
    assert (found.profiles, found.set_aside) == (1, 1)
    assert TableProfile.objects.get().version.number == SetAside.objects.get().version == 5


@pytest.mark.django_db
def test_what_was_current_lately_stays_however_old_it_is(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    for number, days in ((1, 90), (2, 60), (3, 40), (4, 20), (5, 1)):
        # created_at is not among the columns that the trigger guards
        TableVersion.objects.filter(table=table, number=number).update(created_at=now - timedelta(days=days))
    prune(Table.objects.all(), Rule(1, older_than_days=30))
    assert numbers(table) == [3, 4, 5]  # version 3 was current until 20 days ago


@pytest.mark.django_db
def test_many_versions_go_in_steps(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.history.pruning.VERSIONS_AT_ONCE", 1)
    monkeypatch.setattr("catalog.history.pruning.PARTS_AT_ONCE", 1)
    told: list[Pruned] = []
    found = prune(Table.objects.all(), Rule(1), notice=told.append)
    assert (found.versions, found.parts, len(told)) == (4, 4, 8)


@pytest.mark.django_db(transaction=True)
def test_the_cached_file_of_a_part_that_went_goes_too(table: Table) -> None:
    paths: list[Path] = version_paths(table.versions.get(number=1))
    kept = version_paths(table.current)
    prune(Table.objects.all(), Rule(1))
    assert [path.exists() for path in (*paths, *kept)] == [False, True]


@pytest.mark.django_db
def test_nobody_goes_back_to_a_version_that_was_pruned_meanwhile(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    original = contents.write_version

    def late(*args: Any) -> TableVersion:
        prune(Table.objects.all(), Rule(1))
        return original(*args)

    monkeypatch.setattr(contents, "write_version", late)
    with pytest.raises(TableVersion.DoesNotExist):
        revert_table(table, 1)
    table.refresh_from_db()
    assert (table.version, table.row_count) == (5, 1)


# --- the race -------------------------------------------------------------------------------------------------------
# A writer doesn't store a Part that is there already. On PostgreSQL the pruner waits for writers, and they for it; on
# SQLite there is one transaction that writes at a time.

only_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="needs two transactions that write")
SIDE_BY_SIDE = """
import os, sys, threading
import django
from django.conf import settings
django.setup()
from django.core.management import call_command
from django.db import connections
settings.PARTS_CACHE_DIR = settings.BASE_DIR.__class__(sys.argv[1])
call_command("migrate", verbosity=0)
from catalog.tests.test_pruning import write_and_prune
print(write_and_prune())
"""


def write_and_prune() -> str:
    """A writer puts the same rows there and back, so that digests come and go, while a pruner keeps but one version."""
    table = TableFactory.create(rows=[{"id": 1}])
    faults: list[str] = []
    over = threading.Event()

    def repeat_prune() -> None:
        try:
            while not over.is_set():
                prune(Table.objects.all(), Rule(1))
        except Exception as error:  # noqa: BLE001
            faults.append(repr(error))
        finally:
            connections.close_all()

    pruner = threading.Thread(target=repeat_prune)
    pruner.start()
    try:
        for number in range(30):
            replace_rows(table, json_rows([{"id": number % 2}]), Write(message=str(number)))
            append_rows(table, json_rows([{"id": 5}]))
    finally:
        over.set()
        pruner.join(20)
    for path in version_paths(table.current):
        path.unlink()
    assert len(version_paths(table.current)) > 0
    return f"{table.version} versions, {faults}"


@pytest.mark.django_db(transaction=True)
@only_postgresql
def test_writers_and_a_pruner_side_by_side_lose_nothing() -> None:
    assert write_and_prune() == "61 versions, []"


def test_writers_and_a_pruner_side_by_side_lose_nothing_in_a_file_of_sqlite(tmp_path: Path) -> None:
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'site.sqlite3'}"}
    command = [sys.executable, "-c", SIDE_BY_SIDE, str(tmp_path / "parts")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == "61 versions, []", done.stderr[-2000:]


@pytest.mark.django_db(transaction=True)
@only_postgresql
def test_a_part_that_a_writer_found_stored_does_not_go_before_the_writer_commits(table: Table) -> None:
    """The writer stores nothing, for the unused Part is there; the pruner may not take it from under the writer."""
    [digest] = version_digests(table.versions.get(number=1))
    content = bytes(Part.objects.get(digest=digest).content)
    VersionPart.objects.filter(version__table=table, version__number=1).delete()
    TableVersion.objects.filter(table=table, number=1).delete()
    stored, pruned = threading.Event(), []

    def prune_now() -> None:
        stored.wait(10)
        pruned.append(prune(Table.objects.none(), Rule(1)))
        connections.close_all()

    pruner = threading.Thread(target=prune_now)
    pruner.start()
    with transaction.atomic():
        Part.objects.bulk_create(
            [Part(digest=digest, content=content, row_count=1, size_bytes=len(content), first_row_id=1, last_row_id=1)],
            ignore_conflicts=True,
        )
        stored.set()
        pruner.join(1)
        assert pruner.is_alive()  # it waits
        VersionPart.objects.create(version=table.current, part_id=digest, position=1)
    pruner.join(10)
    assert pruned == [Pruned()]
    assert Part.objects.filter(digest=digest).exists()


@pytest.mark.django_db(transaction=True)
@only_postgresql
def test_a_writer_that_comes_while_parts_go_stores_its_own(table: Table) -> None:
    [digest] = version_digests(table.versions.get(number=1))
    content = bytes(Part.objects.get(digest=digest).content)
    begun, written = threading.Event(), []

    def write_it_again() -> None:
        begun.wait(10)
        with transaction.atomic():
            part = Part(
                digest=digest, content=content, row_count=1, size_bytes=len(content), first_row_id=1, last_row_id=1
            )
            Part.objects.bulk_create([part], ignore_conflicts=True)
            VersionPart.objects.create(version=table.current, part_id=digest, position=1)
        written.append(digest)
        connections.close_all()

    writer = threading.Thread(target=write_it_again)
    writer.start()
    with transaction.atomic():
        prune(Table.objects.all(), Rule(1))
        begun.set()
        writer.join(1)
        assert writer.is_alive()
    writer.join(10)
    assert written == [digest]
    assert Part.objects.filter(digest=digest).exists()
