"""Rows as streams: every format, compressed, with a trailer, broken off; and what is not sent at all."""

import asyncio
import gzip
import hashlib
import io
import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.test import AsyncRequestFactory
from rest_framework.test import APIClient

from catalog.formats import FORMATS
from catalog.models import Table
from catalog.tests.factories import TableFactory
from config.api.streams import compressed, stream_response
from config.bodies import BodyLimit

ENVELOPE = "application/x-ndjson;profile=envelope"


@pytest.fixture
def table(db: None) -> Table:
    return TableFactory.create(name="week 1", rows=[{"id": number, "name": "=1+1"} for number in range(1, 6)])


@pytest.fixture
def address(table: Table) -> str:
    return f"/api/v1/tables/{table.pk}/rows"


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_comes_by_suffix_and_by_accept(api: APIClient, address: str, name: str) -> None:
    answer = api.get(f"{address}.{name}?fields=id&id__gt=2")
    assert (answer.status_code, answer["ETag"]) == (200, '"1"')
    assert f"week 1{FORMATS[name].rows.suffix}" in answer["Content-Disposition"]
    body = b"".join(answer.streaming_content)
    if name != "json":
        media_type = FORMATS[name].rows.media_type
        again = api.get(f"{address}?fields=id&id__gt=2", headers={"Accept": media_type})
        assert again["Content-Type"].startswith(media_type)
        assert len(b"".join(again.streaming_content)) == pytest.approx(len(body), abs=64)
    if name == "csv":
        assert body == b"_id,id\n3,3\n4,4\n5,5\n"
    if name == "parquet":
        with io.BytesIO(body) as file:
            assert file.read(4) == b"PAR1"


def test_a_spreadsheet_gets_no_formula(api: APIClient, address: str) -> None:
    plain = b"".join(api.get(f"{address}.csv?fields=name&id=1").streaming_content)
    safe = b"".join(api.get(f"{address}.csv?fields=name&id=1&spreadsheet=1").streaming_content)
    assert (plain, safe) == (b"_id,name\n1,=1+1\n", b'_id,name\n1,"\'=1+1"\n')
    assert api.get(f"{address}.csv?spreadsheet=perhaps").status_code == 400


def test_the_trailer_tells_what_came_before_it(api: APIClient, address: str) -> None:
    answer = api.get(f"{address}?id__lt=4", headers={"Accept": ENVELOPE})
    *lines, trailer = b"".join(answer.streaming_content).splitlines(keepends=True)
    assert json.loads(trailer) == {"_end": True, "rows": 3, "sha256": hashlib.sha256(b"".join(lines)).hexdigest()}
    assert len(lines) == 3


@pytest.mark.parametrize(("accepted", "is_taken"), [("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False)])
def test_text_is_compressed_where_the_client_asks(api: APIClient, address: str, accepted: str, is_taken: bool) -> None:
    answer = api.get(f"{address}.ndjson", headers={"Accept-Encoding": accepted})
    body = b"".join(answer.streaming_content)
    assert (answer.get("Content-Encoding") == "gzip") == is_taken
    assert "Accept-Encoding" in answer["Vary"]
    assert answer["ETag"] == ('W/"1"' if is_taken else '"1"')  # other bytes bear no strong tag of these
    assert (gzip.decompress(body) if is_taken else body).count(b"\n") == 5


def test_nothing_waits_in_the_compressor() -> None:
    blocks = compressed(iter([b"first\n", b"second\n"]))
    assert gzip.GzipFile(fileobj=io.BytesIO(next(blocks))).read(6) == b"first\n"


@pytest.mark.parametrize("suffix", ["", "/1", ".ndjson", ".csv"])
def test_what_has_not_changed_is_not_sent_again(api: APIClient, address: str, suffix: str) -> None:
    for etag, status in (('"1"', 304), ('W/"1"', 304), ('"7", "1"', 304), ("*", 304), ('"2"', 200)):
        assert api.get(f"{address}{suffix}", headers={"If-None-Match": etag}).status_code == status, etag


def test_a_query_that_is_wrong_is_told_and_not_streamed(api: APIClient, address: str) -> None:
    for suffix in FORMATS:
        assert api.get(f"{address}.{suffix}?cty=1").status_code == 400
    assert api.get(f"{address}?format=exe").status_code == 400
    assert api.get(f"{address}.exe").status_code == 404


@pytest.mark.parametrize(
    "path", ["/rows", "/rows/1", "/rows.ndjson", "/rows?cty=1", "", "/versions", "/profile", "/diff?from=1", "/none"]
)
def test_every_answer_says_where_its_time_went(api: APIClient, address: str, path: str) -> None:
    spent = timings(api.get(address.removesuffix("/rows") + path))
    assert list(spent) == ["auth", "parse", "validate", "query", "serialize"]


def test_the_steps_of_a_write_are_told_apart(api: APIClient, address: str) -> None:
    spent = timings(api.post(address, [{"id": 77}]))
    assert all(spent[name] > 0 for name in ("parse", "validate", "query", "serialize")), spent


def timings(answer: Any) -> dict[str, float]:
    words = [word.split(";dur=") for word in answer["Server-Timing"].split(", ")]
    return {name: float(milliseconds) for name, milliseconds in words}


def test_a_client_that_goes_away_ends_the_work() -> None:
    made: list[int] = []

    def blocks() -> Iterator[bytes]:
        try:
            for number in range(1_000):
                made.append(number)
                yield b"x"
        finally:
            made.append(-1)

    async def read_three() -> None:
        request = AsyncRequestFactory().get("/")
        answer = await sync_to_async(stream_response)(request, blocks(), "text/plain", "x")
        body = aiter(answer.streaming_content)
        for _ in range(3):
            await anext(body)
        await body.aclose()

    asyncio.run(read_three())
    assert made[-1] == -1
    assert len(made) < 10


def test_an_answer_that_nobody_waits_for_any_more_is_closed() -> None:
    made: list[str] = []
    answers: list[Any] = []  # something may hold it still, as a cycle of references does

    def blocks() -> Iterator[bytes]:
        try:
            yield b"head"
            yield b"first rows"
            made.append("second")
        finally:
            made.append("closed")

    async def drop(scope: Any, receive: Any, send: Any) -> None:
        request = ASGIRequest(scope, io.BytesIO())
        answers.append(await sync_to_async(stream_response)(request, blocks(), "text/plain", "x"))

    async def nothing(*_: Any) -> Any:
        return None

    asyncio.run(BodyLimit(drop)(AsyncRequestFactory().get("/").scope, nothing, nothing))
    assert made == ["closed"]


def test_an_error_in_the_middle_breaks_the_stream_off() -> None:
    def blocks() -> Iterator[bytes]:
        yield b"first"
        raise duckdb.IOException("gone")

    async def read() -> list[bytes]:
        request = AsyncRequestFactory().get("/")
        answer = await sync_to_async(stream_response)(request, blocks(), "text/plain", "x")
        return [block async for block in answer.streaming_content]

    with pytest.raises(duckdb.IOException):
        asyncio.run(read())
