"""Records: the rows of all Tables of an Object, by its name."""

import json
import threading
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from catalog.models import Application, ObjectSchema, Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory

NDJSON = "application/x-ndjson"
ATTRIBUTES = [{"name": "id", "type": "integer"}, {"name": "city", "type": "string"}]


@pytest.fixture
def shape(db: None) -> ObjectSchema:
    application = Application.objects.get(name="app")
    return ObjectSchemaFactory.create(application=application, name="sales", attributes=ATTRIBUTES)


@pytest.fixture
def tables(shape: ObjectSchema) -> list[Table]:
    """Three Tables; the first two hold the same row, so they share a Part."""
    same = [{"id": 1, "city": "Oslo"}]
    return [
        TableFactory.create(object=shape, name="a", rows=same),
        TableFactory.create(object=shape, name="b", rows=same),
        TableFactory.create(object=shape, name="c", rows=[{"id": 3, "city": None}, {"id": 2, "city": "Lima"}]),
    ]


def seen(answer: Any) -> list[tuple[str, int]]:
    assert answer.status_code == 200, answer.content
    return [(row["_table"], row["_id"]) for row in answer.json()["results"]]


def test_a_query_comes_as_a_document_and_goes_on_by_its_cursor(api: APIClient, tables: list[Table]) -> None:
    document = {"where": {"attribute": "id", "op": "gte", "value": 2}, "ordering": ["-id"], "limit": 1}
    answer = api.post("/api/v1/records/sales/query", document)
    assert seen(answer) == [(tables[2].pk, 1)]
    assert 'rel="next"' in answer["Link"]
    assert seen(api.post(answer.json()["next"], document)) == [(tables[2].pk, 2)]
    assert seen(api.generic("QUERY", "/api/v1/records/sales", json.dumps(document), "application/json")) == [
        (tables[2].pk, 1)
    ]
    assert api.post("/api/v1/records/sales/query", {"since": 1}).json()["code"] == "not_allowed"
    assert api.post("/api/v1/records/sales/query", {"wher": 1}).json()["code"] == "unknown_member"
    assert api.post("/api/v1/records/sales/query?limit=1", {}).json()["code"] == "unknown_parameter"


def identities(tables: list[Table]) -> list[tuple[str, int]]:
    return [(tables[0].pk, 1), (tables[1].pk, 1), (tables[2].pk, 1), (tables[2].pk, 2)]


def test_records_are_the_rows_of_all_tables(api: APIClient, tables: list[Table]) -> None:
    answer = api.get("/api/v1/records/sales")
    assert seen(answer) == identities(tables)
    assert answer.json()["results"][3] == {"_table": tables[2].pk, "_id": 2, "id": 2, "city": "Lima"}
    assert answer.json()["count"] == 4
    lines = b"".join(api.get("/api/v1/records/sales/stream").streaming_content).splitlines()
    assert [json.loads(line) for line in lines] == answer.json()["results"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("city=Oslo", [0, 1]),
        ("ordering=-id", [2, 3, 0, 1]),
        ("ordering=city", [3, 0, 1, 2]),
        ("city__is_null", [2]),
        ("ordering=-_table", [2, 3, 1, 0]),
    ],
)
def test_records_are_found_ordered_and_paged(
    api: APIClient, tables: list[Table], query: str, expected: list[int]
) -> None:
    whole = [identities(tables)[place] for place in expected]
    assert seen(api.get(f"/api/v1/records/sales?{query}")) == whole
    answer = api.get(f"/api/v1/records/sales?{query}&limit=1")
    forwards = seen(answer)
    while answer.json()["next"]:
        answer = api.get(answer.json()["next"])
        forwards += seen(answer)
    assert forwards == whole
    while answer.json()["previous"]:
        answer = api.get(answer.json()["previous"])
        forwards = [*seen(answer), *forwards]
    assert forwards == [*whole[:-1], *whole]
    assert api.get(f"/api/v1/records/sales/count?{query.partition('&')[0]}").status_code in {200, 400}


def test_records_are_counted(api: APIClient, tables: list[Table]) -> None:
    assert api.get("/api/v1/records/sales/count").json() == {"count": 4, "count_truncated": False}
    assert api.get("/api/v1/records/sales/count?city=Oslo").json()["count"] == 2


def test_a_record_is_read_by_its_id(api: APIClient, tables: list[Table]) -> None:
    answer = api.get(f"/api/v1/records/sales/{tables[2].pk}:2")
    assert answer.json() == {"_table": tables[2].pk, "_id": 2, "id": 2, "city": "Lima"}
    assert api.get(f"/api/v1/records/sales/{tables[2].pk}:2?fields=city").json()["city"] == "Lima"
    other = TableFactory.create(rows=[{"id": 1}])
    for record_id in (f"{tables[2].pk}:3", f"{other.pk}:1", f"{'0' * 26}:1"):
        assert api.get(f"/api/v1/records/sales/{record_id}").status_code == 404
    assert api.get("/api/v1/records/sales/x:1").status_code == 404


def test_what_has_not_changed_is_not_sent_again(api: APIClient, tables: list[Table]) -> None:
    etag = api.get("/api/v1/records/sales")["ETag"]
    assert api.get("/api/v1/records/sales", headers={"If-None-Match": etag}).status_code == 304
    api.post("/api/v1/records/sales?table=c", {"id": 9})
    assert api.get("/api/v1/records/sales", headers={"If-None-Match": etag}).status_code == 200


def test_the_table_of_the_objects_name_is_made_on_first_use(api: APIClient, shape: ObjectSchema) -> None:
    assert api.post("/api/v1/records/sales", {"id": "x"}).status_code == 400
    assert not shape.tables.exists()
    assert api.post("/api/v1/records/sales?dry_run=1", {"id": 1}).status_code == 200
    assert not shape.tables.exists()
    answer = api.post("/api/v1/records/sales", {"id": 1, "city": "Oslo"})
    assert answer.status_code == 201
    table = shape.tables.get(name="sales")
    assert answer.json() == {"_table": table.pk, "_id": 1, "id": 1, "city": "Oslo"}
    assert api.get(answer["Location"]).json() == answer.json()
    assert api.post("/api/v1/records/sales/bulk", [{"id": 2}, {"id": 3}]).status_code == 201
    body = b'{"id": 4}\n{"id": 5}\n'
    assert api.post("/api/v1/records/sales/bulk", body, content_type=NDJSON).json()["added"] == 2
    assert shape.tables.get(name="sales").row_count == 5


def test_records_come_by_a_body_that_names_the_object(api: APIClient, shape: ObjectSchema) -> None:
    assert api.post("/api/v1/records", {"schema_name": "sales", "data": {"id": 1}}).status_code == 201
    many = {"schema_name": "sales", "records": [{"id": 2}, {"id": 3}]}
    assert api.post("/api/v1/records/bulk", many).json()["added"] == 2
    assert api.get("/api/v1/records/sales/count").json()["count"] == 3


@pytest.mark.parametrize(
    ("address", "body", "status"),
    [
        ("records", [], 400),
        ("records", {"data": {}}, 400),
        ("records", {"schema_name": "sales"}, 400),
        ("records", {"schema_name": 7, "data": {}}, 400),
        ("records", {"schema_name": "sales", "data": []}, 400),
        ("records", {"schema_name": "sales", "data": {}, "x": 1}, 400),
        ("records", {"schema_name": "sail", "data": {}}, 404),
        ("records/bulk", {"schema_name": "sales", "records": {}}, 400),
        ("records/bulk", {"schema_name": "sales", "records": [{"id": 1}, {"id": "x"}]}, 400),
        ("records/sales", [], 400),
        ("records/sales", {"id": 1.5}, 400),
        ("records/sales", {"no": 1}, 400),
        ("records/sales?table=x", {"id": 1}, 400),
        ("records/sales?tabel=x", {"id": 1}, 400),
        ("records/sail", {"id": 1}, 404),
        ("records/sales/bulk", {"id": 1}, 400),
    ],
)
def test_what_is_no_record_is_refused(
    api: APIClient, shape: ObjectSchema, address: str, body: Any, status: int
) -> None:
    answer = api.post(f"/api/v1/{address}", body)
    assert answer.status_code == status, answer.content
    assert answer.json()["detail"]
    assert not shape.tables.exists()


@pytest.mark.parametrize("query", ["cty=Oslo", "since=1", "id__like=1", "limit=0", "after=x", "application=demo&x=1"])
def test_a_query_that_is_not_meant_so_is_refused(api: APIClient, tables: list[Table], query: str) -> None:
    assert api.get(f"/api/v1/records/sales?{query}").status_code in {400, 404}


def test_a_name_is_looked_up_in_app_and_else_where_it_is_unique(api: APIClient, tables: list[Table]) -> None:
    demo, test = (Application.objects.get(name=name) for name in ("demo", "test"))
    elsewhere = ObjectSchemaFactory.create(application=demo, name="sales", attributes=ATTRIBUTES)
    TableFactory.create(object=elsewhere, rows=[{"id": 7}])
    assert api.get("/api/v1/records/sales").json()["count"] == 4
    assert api.get("/api/v1/records/sales?application=demo").json()["count"] == 1
    assert api.get("/api/v1/records/sales?application=test").status_code == 404
    for application in (demo, test):
        ObjectSchemaFactory.create(application=application, name="offers", attributes=ATTRIBUTES)
    answer = api.get("/api/v1/records/offers")
    assert (answer.status_code, answer.json()["choices"]) == (409, ["demo", "test"])
    assert api.get("/api/v1/records/offers?application=test").json()["count"] == 0
    ObjectSchemaFactory.create(application=test, name="only here", attributes=ATTRIBUTES)
    assert api.get("/api/v1/records/only%20here").json()["results"] == []


def test_schemas_tell_attributes_operators_and_counts(api: APIClient, tables: list[Table]) -> None:
    found = {each["name"]: each for each in api.get("/api/v1/schemas").json()["results"]}["sales"]
    assert (found["row_count"], found["table_count"]) == (4, 3)
    assert "like" in found["attributes"][1]["operators"] and "like" not in found["attributes"][0]["operators"]


@pytest.mark.django_db(transaction=True)
def test_two_first_uses_at_once_both_succeed(api: APIClient) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("threads of a test share one SQLite database in memory, which waits for nobody")
    application = Application.objects.get(name="app")
    shape = ObjectSchemaFactory.create(application=application, name="rush", attributes=ATTRIBUTES)
    statuses: list[int] = []
    barrier = threading.Barrier(3)

    def write(number: int) -> None:
        client = APIClient()
        barrier.wait()
        statuses.append(client.post("/api/v1/records/rush", {"id": number}, format="json").status_code)
        connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [201, 201, 201]
    assert shape.tables.get().row_count == 3
