"""The rows of a Table over REST."""

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncRequestFactory
from rest_framework.test import APIClient

from catalog.models import Table
from catalog.tests.factories import ObjectSchemaFactory, TableFactory
from catalog.viewsets.rows import RowsViewSet

NDJSON = "application/x-ndjson"
ROWS = [
    {"id": 1, "city": "Oslo", "amount": 10, "day": "2026-01-01", "paid": True},
    {"id": 2, "city": "Lima", "amount": 2.5, "day": "2026-01-02", "paid": False},
    {"id": 3, "city": "Oslo", "amount": None, "day": None, "paid": None},
    {"id": 4, "city": 'a"b\n', "amount": 7.25, "day": "2026-02-01", "paid": True},
]


@pytest.fixture
def sales(db: None) -> Table:
    attributes = [
        {"name": "id", "type": "integer"},
        {"name": "city", "type": "string"},
        {"name": "amount", "type": "number", "precision": 12, "scale": 2},
        {"name": "day", "type": "date"},
        {"name": "paid", "type": "boolean"},
    ]
    return TableFactory(object=ObjectSchemaFactory(attributes=attributes, primary_key=["id"]), rows=ROWS)


@pytest.fixture
def rows(sales: Table) -> str:
    """The address of the rows."""
    return f"/api/v1/tables/{sales.pk}/rows"


def ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def codes(answer: Any) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [1, 2, 3, 4]),
        ("city=Oslo", [1, 3]),
        ("city__ne=Oslo", [2, 4]),
        ("city__in=Oslo,Lima", [1, 2, 3]),
        ('city__in=["Oslo","a\\"b\\n"]', [1, 3, 4]),
        ("city__not_in=Oslo", [2, 4]),
        ("city__like=O*", [1, 3]),
        ("city__ilike=*LI%25", [2]),
        ("city__contains=sl", [1, 3]),
        ("city__starts_with=Li", [2]),
        ("amount__gte=7.25", [1, 4]),
        ("amount__gt=7.25&amount__lte=10", [1]),
        ("amount__between=2.5,7.25", [2, 4]),
        ("amount__ne=10", [2, 4]),
        ("amount__not_in=10", [2, 4]),
        ("amount__is_null", [3]),
        ("amount__is_null=false", [1, 2, 4]),
        ("amount__is_not_null=true", [1, 2, 4]),
        ("day__lt=2026-02-01", [1, 2]),
        ("paid=true", [1, 4]),
        ("_id__in=2,4", [2, 4]),
        ("ordering=-amount", [1, 4, 2, 3]),
        ("ordering=city,-id", [2, 3, 1, 4]),
        ("ordering=-day&paid__is_not_null", [4, 2, 1]),
    ],
)
def test_rows_are_found_and_ordered(api: APIClient, rows: str, query: str, expected: list[int]) -> None:
    answer = api.get(f"{rows}?{query}")
    assert ids(answer) == expected
    assert answer.json()["count"] == len(expected)


@pytest.mark.parametrize(
    ("query", "place", "code", "hint"),
    [
        ("cty=Oslo", "/cty", "unknown_parameter", "city"),
        ("amount__gtt=1", "/amount__gtt", "unknown_operator", "gt"),
        ("amount__like=1", "/amount__like", "unknown_operator", "number"),
        ("paid__gt=true", "/paid__gt", "unknown_operator", "boolean"),
        ("amount=much", "/amount", "type", "number"),
        ("amount=1.005", "/amount", "type", "2 of them"),
        ("id=1.5", "/id", "type", "whole"),
        ("id=99999999999999999999", "/id", "type", "whole"),
        ("day__between=2026-01-01", "/day__between", "type", "two"),
        ("day=yesterday", "/day", "type", "date"),
        ("id__in=1,x", "/id__in", "type", "'x'"),
        ('id__in=["1"', "/id__in", "type", "JSON"),
        ("paid__is_null=perhaps", "/paid__is_null", "type", "true or false"),
        ("ordering=cty", "/ordering", "unknown_attribute", "city"),
        ("fields=id,cty", "/fields", "unknown_attribute", "city"),
        ("limit=1001", "/limit", "out_of_range", "1000"),
        ("offset=50001", "/offset", "out_of_range", "50000"),
        ("version=x", "/version", "out_of_range", "whole"),
        ("count=all", "/count", "invalid_choice", "exact"),
        ("&".join(["id=1"] * 51), "", "too_many", "50"),
    ],
)
def test_a_query_that_is_not_meant_so_is_refused(
    api: APIClient, rows: str, query: str, place: str, code: str, hint: str
) -> None:
    answer = api.get(f"{rows}?{query}")
    assert (answer.status_code, codes(answer)) == (400, [(place, code)])
    assert hint in answer.json()["detail"]


@pytest.mark.parametrize(
    "query",
    [
        "city=%00",
        "city=%ff",
        "city__like=%25%5C",
        "city__contains=",
        "city__in=",
        "city__in=[]",
        "id=%2B1",
        "id=-0",
        "amount=1e1",
        "amount__in=.5,5.",
        "amount=%2B10.00",
        "paid=1",
        "paid__in=True,FALSE",
        "day=2026-02-30",
        "day=0000-01-01",
        "_id=0",
        "_id=-9223372036854775808",
        "fields=_id",
        "fields=",
        "ordering=",
        "ordering=-",
        "limit=",
        "=1",
        "__gte=1",
        "id__=1",
        "offset=50000",
        "id__in=" + ",".join(["1"] * 10_001),
    ],
)
def test_odd_values_do_no_harm(api: APIClient, rows: str, query: str) -> None:
    for address in (rows, f"{rows}.ndjson"):
        answer = api.get(f"{address}?{query}")
        assert answer.status_code in {200, 400}
        if answer.status_code == 200 and answer.streaming:
            lines_of(answer)


def test_every_mistake_of_a_query_is_told_at_once(api: APIClient, rows: str) -> None:
    assert len(codes(api.get(f"{rows}?cty=1&amount=x&ordering=z"))) == 3


def test_fields_choose_what_is_answered(api: APIClient, rows: str) -> None:
    assert api.get(f"{rows}?fields=day,id&limit=1").json()["results"] == [{"_id": 1, "day": "2026-01-01", "id": 1}]


def test_pages_follow_each_other(api: APIClient, rows: str) -> None:
    first = api.get(f"{rows}?limit=3&ordering=city")
    second = api.get(first.json()["next"])
    assert sorted(ids(first) + ids(second)) == [1, 2, 3, 4]
    assert (first.json()["previous"], second.json()["next"]) == (None, None)
    assert ids(api.get(second.json()["previous"])) == ids(first)
    assert 'rel="next"' in first["Link"]


def test_a_count_ends_at_ten_thousand_unless_it_must_be_exact(api: APIClient, rows: str) -> None:
    lines = b"".join(b'{"id": %d}\n' % number for number in range(10_050))
    assert api.put(rows, lines, content_type=NDJSON).status_code == 200
    for query, expected in (
        ("", (10_000, True)),
        ("id__gte=0", (10_000, True)),
        ("count=exact", (10_050, False)),
        ("count=exact&id__gte=10", (10_040, False)),
        ("id__lt=10000", (10_000, False)),
        ("count=none", (None, False)),
    ):
        answer = api.get(f"{rows}?{query}&limit=1").json()
        assert (answer["count"], answer["count_truncated"]) == expected, query


def test_an_old_version_is_still_there(api: APIClient, rows: str) -> None:
    assert api.put(rows, [{"id": 9}]).json()["version"] == 2
    assert ids(api.get(rows)) == [9]
    old = api.get(f"{rows}?version=1")
    assert (ids(old), old["ETag"]) == ([1, 2, 3, 4], '"1"')
    assert api.get(f"{rows}?version=3").status_code == 404


def test_appended_rows_follow(api: APIClient, rows: str) -> None:
    answer = api.post(rows, [{"id": 5}, {"id": 6}])
    assert answer.status_code == 201
    assert (answer.json()["added"], answer.json()["first_row_id"], answer["ETag"]) == (2, 5, '"2"')
    assert ids(api.get(rows)) == [1, 2, 3, 4, 5, 6]
    assert api.post(rows, {"rows": [{"id": 7}]}).status_code == 201
    assert api.post(rows, b'{"id": 8}\n', content_type=NDJSON).json()["row_count"] == 8
    assert api.post(rows, b"id,city,amount,day,paid\n9,Rome,,,\n", content_type="text/csv").json()["row_count"] == 9


def test_rows_that_do_not_conform_are_not_appended(api: APIClient, rows: str) -> None:
    answer = api.post(rows, [{"id": 5}, {"id": 1}, {"id": "x"}])
    assert answer.status_code == 400
    assert ("/rows/3/id", "type") in codes(answer)
    assert codes(api.post(rows, [{"id": 5}, {"id": 1}])) == [("/rows/2/id", "primary_key")]
    assert ids(api.get(rows)) == [1, 2, 3, 4]


def test_rows_are_changed_by_their_id(api: APIClient, rows: str) -> None:
    answer = api.patch(rows, [{"_id": 4, "city": "Rome"}, {"_id": 1, "amount": None}])
    assert (answer.status_code, answer.json()["changed"]) == (200, 2)
    results = api.get(rows).json()["results"]
    assert (results[3]["city"], results[3]["amount"], results[0]["amount"]) == ("Rome", 7.25, None)


@pytest.mark.parametrize(
    ("body", "place", "code"),
    [
        ([{"city": "Rome"}], "/rows/1/_id", "required"),
        ([{"_id": "1"}], "/rows/1/_id", "type"),
        ([{"_id": True}], "/rows/1/_id", "type"),
        ([7], "/rows/1", "type"),
        ([{"_id": 99, "city": "Rome"}], "/_id", "unknown_row"),
        ([{"_id": 1, "city": "A"}, {"_id": 1, "city": "B"}], "/_id", "duplicate"),
        ([{"_id": 1, "amount": "x"}], "/rows/1/amount", "type"),
        ([{"_id": 1, "id": 2}], "/rows/1/id", "primary_key"),
        ({"_id": 1}, "/rows", "not_a_list"),
    ],
)
def test_changes_that_cannot_be_made_are_refused(api: APIClient, rows: str, body: Any, place: str, code: str) -> None:
    answer = api.patch(rows, body)
    assert (answer.status_code, codes(answer)) == (400, [(place, code)])
    assert api.get(rows)["ETag"] == '"1"'


def test_rows_are_deleted_by_a_condition(api: APIClient, rows: str) -> None:
    answer = api.delete(f"{rows}?_id__in=1,2&max_affected=5")
    assert (answer.status_code, answer.json()["removed"]) == (200, 2)
    assert ids(api.get(rows)) == [3, 4]


@pytest.mark.parametrize(
    ("query", "place", "code"),
    [
        ("", "", "required"),
        ("max_affected=10", "", "required"),
        ("city=Oslo", "/max_affected", "required"),
        ("city=Oslo&max_affected=1", "/max_affected", "too_many"),
        ("cty=Oslo&max_affected=5", "/cty", "unknown_parameter"),
        ("city=Oslo&max_affected=-1", "/max_affected", "out_of_range"),
    ],
)
def test_a_delete_that_is_not_bounded_is_refused(api: APIClient, rows: str, query: str, place: str, code: str) -> None:
    answer = api.delete(f"{rows}?{query}")
    assert (answer.status_code, codes(answer)) == (400, [(place, code)])
    assert ids(api.get(rows)) == [1, 2, 3, 4]


def test_one_row_is_read_changed_replaced_and_deleted(api: APIClient, rows: str) -> None:
    assert api.get(f"{rows}/2").json() == {"_id": 2, **ROWS[1]}
    assert api.patch(f"{rows}/2", {"city": "Rome"}).json() == {"_id": 2, **ROWS[1], "city": "Rome"}
    assert api.put(f"{rows}/2/", {"_id": 2, "id": 20}).json() == {
        "_id": 2,
        "id": 20,
        "city": None,
        "amount": None,
        "day": None,
        "paid": None,
    }
    assert api.get(f"{rows}/2?version=1").json()["city"] == "Lima"
    assert api.delete(f"{rows}/2").json()["removed"] == 1
    for verb in (api.get, api.delete):
        assert verb(f"{rows}/2").status_code == 404
    assert api.patch(f"{rows}/2", {"city": "Rome"}).status_code == 404
    assert codes(api.patch(f"{rows}/3", {"_id": 4})) == [("/_id", "fixed")]
    assert codes(api.put(f"{rows}/3", [])) == [("", "type")]


def test_a_stale_write_fails(api: APIClient, rows: str) -> None:
    api.post(rows, [{"id": 5}])
    stale = {"headers": {"If-Match": '"1"'}}
    assert api.post(rows, [{"id": 6}], **stale).status_code == 412
    assert api.patch(f"{rows}/1", {"city": "Rome"}, **stale).status_code == 412
    assert api.delete(f"{rows}/1", **stale).status_code == 412
    assert api.post(rows, [{"id": 6}], headers={"If-Match": '"2"'}).status_code == 201
    assert api.post(rows, [{"id": 7}], headers={"If-Match": "latest"}).status_code == 400


def lines_of(answer: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]


def test_rows_stream_as_ndjson(api: APIClient, rows: str) -> None:
    expected = [{"_id": number, **row} for number, row in enumerate(ROWS, 1)]
    for answer in (
        api.get(f"{rows}.ndjson"),
        api.get(rows, headers={"Accept": NDJSON}),
        api.get(f"{rows}?format=ndjson"),
    ):
        assert (answer.status_code, answer["Content-Type"]) == (200, NDJSON)
        assert lines_of(answer) == expected
    chosen = api.get(f"{rows}.ndjson?city=Oslo&fields=id")
    assert lines_of(chosen) == [{"_id": 1, "id": 1}, {"_id": 3, "id": 3}]
    assert api.get(f"{rows}.ndjson?cty=Oslo").status_code == 400
    assert [line["id"] for line in lines_of(api.get(f"{rows}.ndjson?ordering=-id"))] == [4, 3, 2, 1]


def test_a_stream_keeps_every_digit(api: APIClient) -> None:
    exact = {"name": "a", "type": "number", "precision": 38, "scale": 18}
    table = TableFactory(
        object=ObjectSchemaFactory(attributes=[exact]), rows=['{"a": 12345678901234567890.123456789012345678}']
    )
    content = b"".join(api.get(f"/api/v1/tables/{table.pk}/rows.ndjson").streaming_content)
    assert content == b'{"_id":1,"a":12345678901234567890.123456789012345678}\n'


def test_a_name_with_quotes_and_percent_is_only_a_name(api: APIClient) -> None:
    odd = 'x"; DROP {0} %s'
    table = TableFactory(object=ObjectSchemaFactory(attributes=[{"name": odd, "type": "string"}]), rows=[{odd: "v"}])
    address = f"/api/v1/tables/{table.pk}/rows"
    assert api.get(address, {odd: "v", "ordering": odd}).json()["results"] == [{"_id": 1, odd: "v"}]
    assert lines_of(api.get(f"{address}.ndjson")) == [{"_id": 1, odd: "v"}]


@pytest.mark.django_db(transaction=True)
def test_a_stream_comes_block_by_block_under_asgi(sales: Table, settings: Any) -> None:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    request = AsyncRequestFactory().get("/", headers={"Accept": NDJSON})
    request.META["REMOTE_ADDR"] = "127.0.0.1"

    async def read() -> bytes:
        view = RowsViewSet.as_view({"get": "stream"})
        answer = await sync_to_async(view)(request, table_id=sales.pk)
        assert answer.is_async
        return b"".join([block async for block in answer.streaming_content])

    assert asyncio.run(read()).count(b"\n") == len(ROWS)
