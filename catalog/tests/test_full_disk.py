"""A disk of the cache that is full: writes are stored, reads say what is wrong, and both go on when there is room."""

import subprocess
from collections.abc import Iterator
from hashlib import sha512
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from catalog.models import Table
from catalog.tests.factories import TableFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "exemplar", place], capture_output=True)
    if made.returncode:
        pytest.skip(f"No disk of its own can be made for this test here: {made.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture
def filled(small_disk: Path, settings: Settings) -> Path:
    """What fills the disk of the cache; without it, there is room."""
    settings.PARTS_CACHE_DIR = small_disk / "parts"
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(4096))
    return ballast


@pytest.fixture
def table(parts_cache: Path) -> Table:
    """Its Parts are in no cache yet that a test looks at."""
    return TableFactory.create(rows=[{"id": number, "name": f"n{number}"} for number in range(1, 4)])


@pytest.fixture
def rows(table: Table) -> str:
    return f"/api/v1/tables/{table.pk}/rows"


def test_a_write_is_stored_and_answered_where_the_cache_has_no_room(
    table: Table, rows: str, filled: Path, api: APIClient
) -> None:
    appended = api.post(rows, [{"id": 4, "name": "n4"}], headers={"Prefer": "return=representation"})
    assert appended.status_code == 201, appended.content
    created = api.post("/api/v1/tables", {"object": table.object_id, "name": "other", "rows": [{"id": 1, "name": "x"}]})
    assert created.status_code == 201, created.content
    assert created.json()["row_count"] == 1
    assert (created.json()["rows"], created.json()["rows_truncated"]) == ([], True)
    filled.unlink()
    assert len(api.get(f"/api/v1/tables/{created.json()['id']}").json()["rows"]) == 1
    assert [row["id"] for row in api.get(rows).json()["results"]] == [1, 2, 3, 4]


def test_a_read_says_that_there_is_no_room_until_there_is(rows: str, filled: Path, api: APIClient) -> None:
    for address in (
        rows,
        f"{rows}.csv",
        f"{rows}.csv?ordering=-id",
        f"{rows}.parquet",
        rows.removesuffix("/rows") + "/profile",
    ):
        answer = api.get(address)
        assert (answer.status_code, answer.json()["code"]) == (507, "no_room"), address
        assert answer["Retry-After"]
    filled.unlink()
    assert api.get(rows).status_code == 200


def test_a_page_says_that_there_is_no_room_until_there_is(
    table: Table, filled: Path, client: Client, settings: Settings
) -> None:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    for address in ("", "/profile", "/rows.csv"):
        answer = client.get(f"/tables/{table.pk}{address}")
        assert answer.status_code == 507, address
        assert b"no room on the server" in answer.content
    filled.unlink()
    assert client.get(f"/tables/{table.pk}").status_code == 200


def test_a_cache_larger_than_its_disk_makes_room_for_what_is_needed(
    small_disk: Path, settings: Settings, api: APIClient, parts_cache: Path
) -> None:
    def told(table: Table) -> Any:
        return api.get(f"/api/v1/tables/{table.pk}/rows?limit=1").json()["results"][0]["id"]

    many = [TableFactory.create(rows=_incompressible(seed)) for seed in range(4)]
    settings.PARTS_CACHE_DIR = small_disk / "parts"
    assert [told(table) for table in many] == [0, 0, 0, 0]


def _incompressible(seed: int) -> list[dict[str, Any]]:
    return [{"id": number, "name": sha512(b"%d %d" % (seed, number)).hexdigest()} for number in range(300)]
