"""Filters, orders and cursors against a slow reading of the same rows in Python."""

import json
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from functools import cmp_to_key
from typing import Any, Final

import pytest
from django.core.signing import Signer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from catalog.contents import append_rows, delete_rows
from catalog.models import Table
from catalog.queries import NOTHING, operators
from catalog.queries.conditions import all_of
from catalog.queries.reading import read_document
from catalog.schema import Schema
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows

ATTRIBUTES: Final = [
    {"name": "text", "type": "string"},
    {"name": "whole", "type": "integer"},
    {"name": "double", "type": "number"},
    {"name": "exact", "type": "number", "precision": 12, "scale": 2},
    {"name": "flag", "type": "boolean"},
    {"name": "day", "type": "date"},
    {"name": "clock", "type": "time"},
    {"name": "moment", "type": "datetime"},
    {"name": "instant", "type": "datetime", "timezone": True},
    {"name": "year", "type": "year"},
    {"name": "month", "type": "yearmonth"},
    {"name": "many", "type": "list", "itemType": "integer"},
    {"name": "nested", "type": "object"},
]
POOLS: Final[dict[str, list[Any]]] = {
    "text": [None, "", "a", "A", "ab", "b%", "b_", "Oslo", "oslo*", 'q"x', "é", "1"],
    "whole": [None, -3, 0, 1, 2, 10, 9007199254740993],
    "double": [None, -1.5, 0.0, 0.1, 2.0, 1e300],
    "exact": [None, -2.5, 0, 0.25, 10, 9999999999.99],
    "flag": [None, True, False],
    "day": [None, "2026-01-01", "2026-01-31", "0001-01-01", "9999-12-31"],
    "clock": [None, "00:00:00", "12:30:00", "23:59:59"],
    "moment": [None, "2026-01-01T00:00:00", "2026-01-31T12:30:00.5"],
    "instant": [None, "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+02:00"],
    "year": [None, 1999, 2026],
    "month": [None, "2026-01", "1999-12"],
    "many": [None, [], [1], [1, 2]],
    "nested": [None, {}, {"a": 1}],
}
LITERALS: Final[dict[str, Callable[[Any], Any]]] = {
    "double": float,
    "exact": lambda value: Decimal(str(value)),
    "day": date.fromisoformat,
    "clock": time.fromisoformat,
    "moment": datetime.fromisoformat,
    "instant": datetime.fromisoformat,
}
SORTABLE: Final = [each["name"] for each in ATTRIBUTES if each["type"] not in {"list", "object"}]
SCHEMA: Final = Schema.from_definition({"attributes": ATTRIBUTES})


def typed(name: str, value: Any) -> Any:
    return None if value is None else LITERALS.get(name, lambda same: same)(value)


def like(pattern: str, text: str) -> bool:
    """LIKE, one character at a time; `*` is `%`."""
    if not pattern:
        return not text
    if pattern[0] in "%*":
        return like(pattern[1:], text) or (bool(text) and like(pattern, text[1:]))
    return bool(text) and pattern[0] in {"_", text[0]} and like(pattern[1:], text[1:])


def holds(row: dict[str, Any], where: dict[str, Any]) -> bool | None:
    """What a condition says of a row: true, false or unknown."""
    if "and" in where or "or" in where:
        word = "and" if "and" in where else "or"
        found = [holds(row, each) for each in where[word]]
        decisive = word == "or"
        return decisive if decisive in found else None if None in found else not decisive
    if "not" in where:
        inner = holds(row, where["not"])
        return None if inner is None else not inner
    return _holds_one(row, where["attribute"], where["op"], where.get("value"))


def _holds_one(row: dict[str, Any], name: str, operator: str, value: Any) -> bool | None:
    cell = row[name]
    if operator in NOTHING:
        return (cell is None) == (operator == "is_null")
    if cell is None:
        return False if operator == "in" and value == [] else None if operator != "not_in" or value else False
    if name == "many":
        return value in cell
    cell = typed(name, cell)
    if operator in {"in", "not_in", "between"}:
        members = [typed(name, each) for each in value]
        if operator == "between":
            return bool(members[0] <= cell <= members[1])
        return (cell in members) == (operator == "in")
    value = typed(name, value)
    return bool(
        {
            "eq": lambda: cell == value,
            "ne": lambda: cell != value,
            "gt": lambda: cell > value,
            "gte": lambda: cell >= value,
            "lt": lambda: cell < value,
            "lte": lambda: cell <= value,
            "like": lambda: like(value, cell),
            "ilike": lambda: like(value.lower(), cell.lower()),
            "contains": lambda: value in cell,
            "starts_with": lambda: cell.startswith(value),
        }[operator]()
    )


def in_order(rows: list[dict[str, Any]], ordering: list[str]) -> list[dict[str, Any]]:
    """The rows as the words order them: nulls last in both directions, then by `_id`."""

    def compare(one: dict[str, Any], other: dict[str, Any]) -> int:
        for word in ordering:
            name = word.removeprefix("-")
            left, right = typed(name, one[name]), typed(name, other[name])
            if left == right:
                continue
            if left is None or right is None:
                return 1 if left is None else -1
            return (1 if left > right else -1) * (-1 if word.startswith("-") else 1)
        return int(one["_id"] - other["_id"])

    return sorted(rows, key=cmp_to_key(compare))


@st.composite
def condition(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from(SCHEMA.names))
    operator = draw(st.sampled_from(operators(SCHEMA.attribute(name))))
    values = st.sampled_from([value for value in POOLS[name] if value is not None])
    if operator in NOTHING:
        return {"attribute": name, "op": operator}
    if operator in {"in", "not_in"}:
        return {"attribute": name, "op": operator, "value": draw(st.lists(values, max_size=4))}
    if operator == "between":
        return {"attribute": name, "op": operator, "value": [draw(values), draw(values)]}
    if operator in {"like", "ilike"}:
        return {"attribute": name, "op": operator, "value": draw(st.text("aAbO%_*slo", max_size=4))}
    if name == "many":
        return {"attribute": name, "op": operator, "value": draw(st.integers(0, 3))}
    return {"attribute": name, "op": operator, "value": draw(values)}


CONDITIONS: Final = st.recursive(
    condition(),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"and": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"or": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=5,
)
ORDERINGS: Final = st.lists(
    st.tuples(st.sampled_from(["", "-"]), st.sampled_from(SORTABLE)).map("".join),
    max_size=3,
    unique_by=lambda word: word.removeprefix("-"),
)
EXAMPLES: Final = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def depth(where: dict[str, Any]) -> int:
    inner = where.get("and") or where.get("or") or ([where["not"]] if "not" in where else [])
    return 1 + max(map(depth, inner)) if inner else 0


@pytest.fixture
def table(db: None) -> Table:
    """Sixty rows of every kind of value, in several Parts, with gaps between their ids."""
    rows = [
        {name: pool[(number * step) % len(pool)] for step, (name, pool) in enumerate(POOLS.items(), 1)}
        for number in range(66)
    ]
    made = TableFactory.create(object=ObjectSchemaFactory.create(attributes=ATTRIBUTES), rows=rows[:40])
    append_rows(made, json_rows(rows[40:60]))
    append_rows(made, json_rows(rows[60:]))
    delete_rows(made, [3, 41, 50, 64, 65, 66])
    return made


@pytest.fixture
def address(table: Table) -> str:
    return f"/api/v1/tables/{table.pk}/rows"


@pytest.fixture
def rows(api: APIClient, address: str) -> list[dict[str, Any]]:
    found = api.get(f"{address}?limit=1000").json()["results"]
    assert len(found) == 60
    return list(found)


@EXAMPLES
@given(where=CONDITIONS, ordering=ORDERINGS, limit=st.integers(1, 30))
def test_pages_by_cursor_are_what_a_slow_reading_finds(api, address, rows, where, ordering, limit):
    if depth(where) > 5:
        return
    expected = [row["_id"] for row in in_order([row for row in rows if holds(row, where)], ordering)]
    query = {"where": where, "ordering": ordering, "limit": limit}
    answer = api.post(f"{address}/query", query).json()
    assert answer["count"] == len(expected)
    forwards, last = [row["_id"] for row in answer["results"]], answer
    while last["next"]:
        last = api.post(last["next"], query).json()
        forwards += [row["_id"] for row in last["results"]]
    assert forwards == expected
    backwards = [row["_id"] for row in last["results"]]
    while last["previous"]:
        last = api.post(last["previous"], query).json()
        backwards = [row["_id"] for row in last["results"]] + backwards
    assert backwards == expected


@EXAMPLES
@given(where=condition(), ordering=ORDERINGS)
def test_a_filter_in_the_address_means_the_same(api, address, rows, where, ordering):
    expected = [row["_id"] for row in in_order([row for row in rows if holds(row, where)], ordering)]
    asked = {"filter": json.dumps(where), **({"ordering": ",".join(ordering)} if ordering else {})}
    assert [row["_id"] for row in api.get(address, asked).json()["results"]] == expected
    value = where.get("value", "")
    text = json.dumps(value) if isinstance(value, list | bool) else str(value)
    if isinstance(value, list):
        text = json.dumps([each if isinstance(each, str) else json.dumps(each) for each in value])
    asked = {f"{where['attribute']}__{where['op']}": text, "limit": "1000"}
    answer = api.get(address, asked)
    assert sorted(row["_id"] for row in answer.json()["results"]) == sorted(expected), answer.json()
    lines = b"".join(api.get(f"{address}.ndjson", {"filter": json.dumps(where)}).streaming_content)
    assert [json.loads(line)["_id"] for line in lines.splitlines()] == sorted(expected)


def codes(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.content
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


def one(attribute: Any = "whole", op: Any = "eq", value: Any = 1) -> dict[str, Any]:
    return {"attribute": attribute, "op": op, "value": value}


def nested(levels: int) -> dict[str, Any]:
    where = one()
    for _ in range(levels):
        where = {"not": where}
    return where


@pytest.mark.parametrize(
    ("query", "place", "code"),
    [
        ([], "", "type"),
        ({"wher": {}}, "/wher", "unknown_member"),
        ({"where": []}, "/where", "type"),
        ({"where": {}}, "/where", "required"),
        ({"where": {"op": "eq", "value": 1}}, "/where", "required"),
        ({"where": one("whol")}, "/where/attribute", "unknown_attribute"),
        ({"where": one(["whole"])}, "/where/attribute", "unknown_attribute"),
        ({"where": one(op="eqq")}, "/where/op", "unknown_operator"),
        ({"where": one(op=7)}, "/where/op", "unknown_operator"),
        ({"where": one(op="like")}, "/where/op", "unknown_operator"),
        ({"where": one("nested", "eq", {})}, "/where/op", "unknown_operator"),
        ({"where": {**one(), "values": 1}}, "/where/values", "unknown_member"),
        ({"where": one(value="1")}, "/where/value", "type"),
        ({"where": one(value=1.5)}, "/where/value", "type"),
        ({"where": one(value=True)}, "/where/value", "type"),
        ({"where": one(value=[1])}, "/where/value", "type"),
        ({"where": one(value=None)}, "/where/value", "required"),
        ({"where": one("text", "like", 1)}, "/where/value", "type"),
        ({"where": one("text", "is_null", "no")}, "/where/value", "type"),
        ({"where": one("many", "contains", "x")}, "/where/value", "type"),
        ({"where": one(op="in", value=1)}, "/where/value", "type"),
        ({"where": one(op="in", value=[1, None])}, "/where/value", "type"),
        ({"where": one(op="between", value=[1])}, "/where/value", "type"),
        ({"where": one(op="in", value=list(range(10_001)))}, "/where/value", "too_many"),
        ({"where": {"and": []}}, "/where/and", "type"),
        ({"where": {"and": one()}}, "/where/and", "type"),
        ({"where": {"not": [one()]}}, "/where/not", "type"),
        ({"where": {"and": [one()], "or": [one()]}}, "/where", "type"),
        ({"where": {"or": [one(), {"and": [one("x")]}]}}, "/where/or/1/and/0/attribute", "unknown_attribute"),
        ({"where": nested(6)}, "/where/not/not/not/not/not", "too_deep"),
        ({"where": {"and": [one()] * 51}}, "/where/and", "too_many"),
        ({"where": {"and": [{"or": [one()] * 26}] * 2}}, "", "too_many"),
        ({"ordering": ["nested"]}, "/ordering", "not_sortable"),
        ({"ordering": [7]}, "/ordering", "type"),
        ({"ordering": {"attribute": "whole"}}, "/ordering", "type"),
        ({"ordering": ["hole"]}, "/ordering", "unknown_attribute"),
        ({"fields": ["hole"]}, "/fields", "unknown_attribute"),
        ({"fields": 1}, "/fields", "type"),
        ({"limit": 0}, "/limit", "out_of_range"),
        ({"limit": 1001}, "/limit", "out_of_range"),
        ({"limit": 1.5}, "/limit", "out_of_range"),
        ({"limit": True}, "/limit", "out_of_range"),
        ({"offset": 50_001}, "/offset", "out_of_range"),
        ({"count": "all"}, "/count", "invalid_choice"),
        ({"count": 1}, "/count", "type"),
        ({"decimals": "text"}, "/decimals", "invalid_choice"),
        ({"since": -1}, "/since", "out_of_range"),
        ({"since": 99}, "/since", "out_of_range"),
        ({"since": True}, "/since", "out_of_range"),
        ({"after": "x"}, "/after", "cursor"),
        ({"after": 7}, "/after", "type"),
    ],
)
def test_a_document_that_can_not_be_meant_is_refused(api, address, query, place, code):
    assert codes(api.post(f"{address}/query", query)) == [(place, code)]


def test_five_levels_and_fifty_conditions_are_taken(api, address):
    assert api.post(f"{address}/query", {"where": nested(5)}).status_code == 200
    assert api.post(f"{address}/query", {"where": {"or": [one()] * 50}}).status_code == 200


def test_the_method_query_reads_as_post_does(api, address):
    query = {"where": one(op="in", value=[1, 2]), "fields": ["whole"], "limit": 2}
    answer = api.generic("QUERY", address, json.dumps(query), content_type="application/json")
    assert answer.json()["results"] == api.post(f"{address}/query", query).json()["results"] != []


def test_the_members_of_a_long_list_are_found(api, address, rows):
    query = {"where": one(op="in", value=list(range(10_000))), "limit": 1000}
    expected = [row["_id"] for row in rows if row["whole"] is not None and 0 <= row["whole"] < 10_000]
    assert [row["_id"] for row in api.post(f"{address}/query", query).json()["results"]] == expected
    others = {"where": one(op="not_in", value=list(range(10_000))), "limit": 1000}
    found = [row["whole"] for row in api.post(f"{address}/query", others).json()["results"]]
    assert set(found) == {-3, 9007199254740993}


@pytest.mark.parametrize("after", ["", "x", "a.b", "é", "\0", "." * 2000, "W10.x", Signer(sep=".").sign_object([1])])
def test_what_is_no_cursor_is_refused(api, address, after):
    assert codes(api.get(address, {"after": after})) == [("/after", "cursor")]


@pytest.mark.parametrize(
    "other",
    [
        "text=a",
        "ordering=whole",
        "fields=whole",
        "filter={}",
        "since=1",
        "version=1",
    ],
)
def test_a_cursor_of_another_query_is_refused(api, address, other):
    cursor = api.get(f"{address}?limit=5").json()["next"].split("after=")[1]
    answer = api.get(f"{address}?{other}&after={cursor}")
    assert answer.status_code == 400
    if other != "filter={}":
        assert codes(answer) == [("/after", "cursor")]
        assert "another query" in answer.json()["detail"]


def test_a_cursor_of_another_table_or_changed_by_hand_is_refused(api, address):
    other = TableFactory.create(object=ObjectSchemaFactory.create(attributes=ATTRIBUTES), rows=[{}, {}])
    cursor = api.get(f"/api/v1/tables/{other.pk}/rows?limit=1").json()["next"].split("after=")[1]
    assert codes(api.get(f"{address}?after={cursor}")) == [("/after", "cursor")]
    mine = api.get(f"{address}?limit=1").json()["next"].split("after=")[1]
    forged = ("A" if mine[3] != "A" else "B").join([mine[:3], mine[4:]])
    assert codes(api.get(f"{address}?after={forged}")) == [("/after", "cursor")]


def test_a_cursor_and_an_offset_exclude_each_other(api, address):
    cursor = api.get(f"{address}?limit=1").json()["next"].split("after=")[1]
    assert codes(api.get(f"{address}?offset=1&after={cursor}")) == [("/offset", "invalid")]


@pytest.mark.parametrize("ordering", ["", "whole", "-text,whole"])
def test_pages_hold_while_others_write(api, address, table, rows, ordering):
    asked = {"limit": "7", **({"ordering": ordering} if ordering else {})}
    expected = [row["_id"] for row in in_order(rows, ordering.split(",") if ordering else [])]
    answer = api.get(address, asked).json()
    found = [row["_id"] for row in answer["results"]]
    while answer["next"]:
        append_rows(table, json_rows([{"whole": 1, "text": "a"}]))
        delete_rows(table, [found[-1]])
        answer = api.get(answer["next"]).json()
        found += [row["_id"] for row in answer["results"]]
    assert found == expected


def test_since_tells_what_changed(api, address, table, rows):
    version = table.version
    append_rows(table, json_rows([{"whole": 7}]))
    api.patch(address, [{"_id": 1, "whole": 8}])
    assert [row["whole"] for row in api.get(f"{address}?since={version}").json()["results"]] == [8, 7]
    assert api.get(f"{address}?since={version}&version={version}").json()["results"] == []
    assert api.get(f"{address}?since=0").json()["count"] == 61
    assert codes(api.get(f"{address}?since={version + 3}")) == [("/since", "out_of_range")]
    lines = b"".join(api.get(f"{address}.ndjson?since={version}&fields=whole").streaming_content)
    assert lines == b'{"_id":1,"whole":8}\n{"_id":67,"whole":7}\n'


def test_numbers_come_as_texts_where_these_are_asked_for(api, address):
    asked = "fields=whole,exact&decimals=string&integers=string&whole=9007199254740993&limit=1"
    row = api.get(f"{address}?{asked}").json()["results"][0]
    assert row["whole"] == "9007199254740993"
    assert row["exact"] is None or isinstance(row["exact"], str)


def test_names_that_clash_with_reserved_words_are_reached_by_a_filter(api):
    names = ["limit", "count", "table", "-x", "a,b", "in__gt", "_file"]
    shape = ObjectSchemaFactory.create(attributes=[{"name": name, "type": "integer"} for name in names])
    table = TableFactory.create(object=shape, rows=[dict.fromkeys(names, number) for number in range(3)])
    address = f"/api/v1/tables/{table.pk}/rows"
    assert codes(api.get(f"{address}?table=1")) == [("/table", "reserved")]
    for name in names:
        found = api.get(address, {"filter": json.dumps(one(name))}).json()
        assert [row["_id"] for row in found["results"]] == [2], name
        assert [row["_id"] for row in api.get(address, {f"{name}__eq": "1"}).json()["results"]] == [2]
        query = {"ordering": [{"attribute": name, "descending": True}], "fields": [name], "limit": 1}
        assert api.post(f"{address}/query", query).json()["results"] == [{"_id": 3, name: 2}]


def test_a_filter_that_is_no_json_is_refused(api, address):
    for text in ("", "{", "[1", '{"attribute": "whole", "attribute": "text"}', "NaN", "[" * 100_000):
        assert codes(api.get(address, {"filter": text}))[0][0] == "/filter"


def test_every_type_says_what_it_bears():
    taken = {attribute.name: operators(attribute) for attribute in SCHEMA.attributes}
    assert taken["nested"] == ("is_null", "is_not_null")
    assert taken["many"] == ("contains", "is_null", "is_not_null")
    assert taken["flag"] == ("eq", "ne", "in", "not_in", "is_null", "is_not_null")
    assert "like" in taken["text"] and "like" not in taken["whole"]
    for name in ("text", "whole", "double", "exact", "day", "clock", "moment", "instant", "year", "month"):
        assert {"gt", "between", "in"} <= set(taken[name]), name


def test_conditions_are_counted_however_deep():
    query = read_document(SCHEMA, {"where": {"and": [one(), {"not": {"or": [one(), one()]}}]}})
    assert len(all_of(query.conditions)) == 3
