"""One table of bad payloads through every face: the same field, the same code, and nothing saved."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from catalog.models import Application, ObjectSchema, Table
from catalog.tests.factories import ApplicationFactory, ObjectSchemaFactory, TableFactory
from processes.models import Function
from testcases.models import TestCase
from testcases.tests.faces import AdminFace, APIFace, CommandFace, PageFace

pytestmark = pytest.mark.django_db
API, PAGE, ADMIN, COMMAND = "api", "page", "admin", "command"
ALL = (API, PAGE, ADMIN, COMMAND)
Payload = dict[str, Any]
LONG = "x" * 257


@dataclass(frozen=True)
class Bad:
    """What is done to a sound payload, and what every face that can say it must refuse."""

    title: str
    kind: str
    change: Callable[[Payload], Any]
    field: str
    code: str
    faces: tuple[str, ...] = ALL


def put(**values: Any) -> Callable[[Payload], Any]:
    return lambda payload: payload.update(values)


def attribute(**values: Any) -> Callable[[Payload], Any]:
    return lambda payload: payload["attributes"].append({"name": "more", **values})


def of_elsewhere(payload: Payload) -> None:
    payload["inputs"][0]["object"] = ObjectSchemaFactory.create(application=ApplicationFactory.create())


def table_of_another_object(payload: Payload) -> None:
    shape = ObjectSchemaFactory.create(application=payload["application"])
    payload["inputs"] = [{"name": "orders", "table": TableFactory.create(object=shape)}]


# What a face can't even say is left out of its list: a page offers only the tables that fit and the ports that exist,
# a package names its Objects itself and updates what has the same name, the admin takes no rows.
BAD = [
    Bad("object: a blank name", "object", put(name=" "), "name", "blank"),
    Bad("object: a long name", "object", put(name=LONG), "name", "max_length"),
    Bad("object: a control character", "object", put(name="a\x07b"), "name", "control_character"),
    Bad("object: a taken name", "object", put(name="orders"), "name", "name_taken", (API, PAGE, ADMIN)),
    Bad("object: an unknown type", "object", attribute(type="money"), "attributes", "unknown_type"),
    Bad(
        "object: constraints that contradict each other",
        "object",
        attribute(type="integer", constraints={"minimum": 5, "maximum": 1}),
        "attributes",
        "contradiction",
    ),
    Bad(
        "object: a constraint that the type has not",
        "object",
        attribute(type="boolean", constraints={"minLength": 1}),
        "attributes",
        "not_allowed",
    ),
    Bad(
        "object: an attribute twice",
        "object",
        lambda payload: payload["attributes"].extend([{"name": "twice", "type": "string"}] * 2),
        "attributes",
        "duplicate_attribute",
    ),
    Bad("object: no attributes", "object", put(attributes=[]), "attributes", "required"),
    Bad("function: a blank name", "function", put(name=" "), "name", "blank"),
    Bad("function: a long name", "function", put(name=LONG), "name", "max_length"),
    Bad("function: a control character", "function", put(name="a\x07b"), "name", "control_character"),
    Bad("function: a taken name", "function", put(name="sum_orders"), "name", "name_taken", (API, PAGE, ADMIN)),
    Bad("function: another application's object", "function", of_elsewhere, "inputs", "other_application", ALL[:3]),
    Bad(
        "function: a port twice",
        "function",
        lambda payload: payload["inputs"].append({**payload["inputs"][0], "name": "Orders"}),
        "inputs",
        "duplicate",
    ),
    Bad("function: no output", "function", put(outputs=[], implementations=[]), "outputs", "required"),
    Bad(
        "function: SQL that does not parse",
        "function",
        lambda payload: payload["implementations"][0].update(definition={"totals": "SELEC 1"}),
        "implementations",
        "syntax_error",
    ),
    Bad(
        "function: SQL that reads files",
        "function",
        lambda payload: payload["implementations"][0].update(definition={"totals": "FROM read_csv('/etc/passwd')"}),
        "implementations",
        "function_not_allowed",
    ),
    Bad(
        "function: a parameter that SQL can't name",
        "function",
        put(parameters=[{"name": "as of", "type": "date"}]),
        "parameters",
        "invalid",
    ),
    Bad(
        "function: a parameter without a name",
        "function",
        put(parameters=[{"type": "date", "default": "2026-01-31"}]),
        "parameters",
        "blank",
    ),
    Bad("test case: a blank name", "test case", put(name=" "), "name", "blank"),
    Bad("test case: a long name", "test case", put(name=LONG), "name", "max_length"),
    Bad("test case: a control character", "test case", put(name="a\x07b"), "name", "control_character"),
    Bad("test case: a tag twice", "test case", put(tags=["a", "a"]), "tags", "duplicate"),
    Bad("test case: an unknown option", "test case", put(comparison={"orderd": True}), "comparison", "unknown_option"),
    *(
        Bad(f"test case: the options {options}", "test case", put(comparison=options), "comparison", code)
        for options, code in (
            ({"key": ["identity"]}, "unknown_attribute"),
            ({"ignore": "total"}, "type"),
            ({"mode": "fuzzy"}, "enum"),
            ({"abs_tol": -1}, "minimum"),
            ({"limit": 10_001}, "maximum"),
            ({"key": ["id"], "ignore": ["id"]}, "conflict"),
            ({"per_attribute": {"total": {"tol": 1}}}, "unknown_option"),
            ({"matchers": [{"attribute": "total", "matcher": {"$gr": 1}}]}, "unknown_option"),
            ({"matchers": [{"attribute": "total", "matcher": {"$gt": 1}}] * 2}, "duplicate"),
        )
    ),
    Bad(
        "test case: an unknown parameter",
        "test case",
        put(parameters={"as_of": 1}),
        "parameters",
        "unknown_parameter",
    ),
    Bad("test case: no table on a port", "test case", put(inputs=[]), "inputs", "port_missing"),
    Bad(
        "test case: a port that is not there",
        "test case",
        lambda payload: payload["inputs"].append({**payload["inputs"][0], "name": "order"}),
        "inputs",
        "unknown_port",
        (API, COMMAND),
    ),
    Bad(
        "test case: a port twice",
        "test case",
        lambda payload: payload["inputs"].append(payload["inputs"][0]),
        "inputs",
        "duplicate_port",
        (API, ADMIN, COMMAND),
    ),
    Bad(
        "test case: a table of another object",
        "test case",
        table_of_another_object,
        "inputs",
        "wrong_object",
        (API, ADMIN),
    ),
    Bad(
        "test case: rows that do not conform",
        "test case",
        put(inputs=[{"name": "orders", "rows": [{"customer": 1, "amount": -3}]}]),
        "inputs",
        "minimum",
        (API, PAGE, COMMAND),
    ),
]


def referring(code: str, **reference: Any) -> Bad:
    """A foreign key that doesn't do."""
    words = ", ".join(f"{name} {value!r}" for name, value in reference.items())
    key = {"fields": ["id"], "reference": reference}
    return Bad(f"object: a foreign key to {words}", "object", put(foreignKeys=[key]), "foreignKeys", code)


SETTINGS = [
    referring("unknown_object", object="nowhere", fields=["id"]),
    referring("unknown_attribute", object="orders", fields=["nothing"]),
    Bad("object: an unknown fieldsMatch", "object", put(fieldsMatch="bogus"), "fieldsMatch", "unknown_choice"),
    Bad("object: a key of nothing", "object", put(primaryKey=["nothing"]), "primaryKey", "unknown_attribute"),
    Bad("object: a unique key of nothing", "object", put(uniqueKeys=[["nothing"]]), "uniqueKeys", "unknown_attribute"),
    Bad("object: a missing value that is no text", "object", put(missingValues=[1]), "missingValues", "type"),
]


def constrained(kind: str, code: str, field: str = "attributes", **settings: Any) -> Bad:
    """An attribute of this type with a setting that doesn't do."""
    words = ", ".join(f"{name} {value!r}" for name, value in settings.items())
    return Bad(f"object: {kind} with {words}", "object", attribute(type=kind, **settings), field, code)


ATTRIBUTES = [
    constrained("time", "type", constraints={"minimum": "25:00"}),
    constrained("year", "type", constraints={"minimum": "soon"}),
    constrained("yearmonth", "type", constraints={"maximum": "2020-13"}),
    constrained("duration", "type", constraints={"minimum": "a while"}),
    constrained("list", "unknown_type", itemType="list"),
    constrained("list", "type", delimiter=""),
    constrained("object", "not_allowed", constraints={"minimum": 1}),
    constrained("any", "not_allowed", constraints={"pattern": "a"}),
    constrained("array", "not_allowed", constraints={"unique": True}),
    constrained("geopoint", "unknown_type"),
    constrained("string", "unknown_format", format="postcode"),
    constrained("number", "type", constraints={"multipleOf": 0}),
    constrained("object", "invalid_json_schema", constraints={"jsonSchema": {"type": "nothing"}}),
    constrained("object", "invalid_json_schema", constraints={"jsonSchema": {"$ref": "http://example.org/schema"}}),
    constrained("string", "duplicate", categories=["a", "a"]),
    constrained("boolean", "not_allowed", categories=["a"]),
]
EVERYTHING = (*BAD, *SETTINGS, *ATTRIBUTES)


@pytest.fixture
def faces(settings: Any, tmp_path: Path, application: Application) -> dict[str, Any]:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    curator = Client()
    curator.force_login(User.objects.create_superuser("cora", password="tea"))
    return {
        API: APIFace(APIClient()),
        PAGE: PageFace(Client()),
        ADMIN: AdminFace(curator),
        COMMAND: CommandFace(tmp_path / "package", application),
    }


@pytest.fixture
def payloads(application: Application, sum_orders: Function) -> dict[str, Payload]:
    """A sound payload of each kind."""
    orders, totals = sum_orders.inputs[0].object, sum_orders.outputs[0].object
    query = "SELECT customer AS id, 1 AS total FROM orders"
    tables = {shape.name: TableFactory.create(object=shape, name="given") for shape in (orders, totals)}
    return {
        "object": {"application": application, "name": "stores", "attributes": [{"name": "id", "type": "integer"}]},
        "function": {
            "application": application,
            "name": "count_orders",
            "parameters": [],
            "inputs": [{"name": "orders", "object": orders}],
            "outputs": [{"name": "totals", "object": totals}],
            "implementations": [{"name": "sql", "kind": "sql", "definition": {"totals": query}}],
        },
        "test case": {
            "application": application,
            "function": sum_orders,
            "name": "nothing sold",
            "tags": [],
            "comparison": {},
            "parameters": {},
            "inputs": [{"name": "orders", "table": tables["orders"]}],
            "outputs": [{"name": "totals", "table": tables["totals"]}],
        },
    }


def stored() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (ObjectSchema, Table, Function, TestCase))


@pytest.mark.parametrize("face", ALL)
@pytest.mark.parametrize("kind", ["object", "function", "test case"])
def test_every_face_takes_what_is_sound(
    faces: dict[str, Any], payloads: dict[str, Payload], kind: str, face: str
) -> None:
    payload = payloads[kind]
    if kind == "test case" and face == API:
        payload = {name: value for name, value in payload.items() if name != "application"}
    before = stored()
    assert faces[face].send(kind, payload) == set()
    assert stored() > before


@pytest.mark.parametrize(
    ("bad", "face"),
    [
        pytest.param(bad, face, id=f"{bad.title}, {face}")
        for bad in (*BAD, *SETTINGS, *ATTRIBUTES)
        for face in bad.faces
    ],
)
def test_every_face_refuses_the_same_with_the_same_field_and_code(
    faces: dict[str, Any], payloads: dict[str, Payload], bad: Bad, face: str
) -> None:
    payload = payloads[bad.kind]
    bad.change(payload)
    before = stored()
    if bad.kind == "test case" and face == API:
        del payload["application"]
    assert faces[face].send(bad.kind, payload) == {(bad.field, bad.code)}
    assert stored() == before
