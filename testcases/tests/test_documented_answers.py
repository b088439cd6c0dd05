"""The schema of the API and the API: its examples are sent as they stand, and each operation answers as it says."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.db import transaction
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from rest_framework.test import APIClient

from catalog.models import Application, Configuration, ObjectSchema, Table
from catalog.serializers.applications import CONFIGURATION_EXAMPLE, ULID_EXAMPLE
from catalog.serializers.objects import OBJECT_REQUEST_EXAMPLE
from catalog.tests.factories import ObjectSchemaFactory, TableFactory
from config.api import dump_json
from jobs.models import Job
from jobs.serializers import JOB_EXAMPLE
from processes.models import Function
from processes.serializers import FUNCTION_EXAMPLE, FUNCTION_ID
from processes.tests.factories import FunctionFactory
from testcases.models import Result, TestCase
from testcases.serializers.results import CASE_ID, TABLE_ID
from testcases.tests.factories import TestCaseFactory

METHODS = ("get", "post", "put", "patch", "delete")
Document = dict[str, Any]


@pytest.fixture
def document(api: APIClient) -> Document:
    """The schema as a client gets it."""
    return dict(api.get("/api/schema", headers={"Accept": "application/vnd.oai.openapi+json"}).json())


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Address, method and operation."""
    for address, members in document["paths"].items():
        for method in METHODS:
            if method in members:
                yield address, method, members[method]


def json_answers(operation: Document) -> Iterator[tuple[str, Document]]:
    """What stands under JSON in each good answer: status, content."""
    for status, answer in operation["responses"].items():
        found = answer.get("content", {}).get("application/json")
        if status.startswith("2") and found and found["schema"].get("format") != "binary":
            yield status, found


# --- what the schema says -------------------------------------------------------------------------------------------


def test_every_operation_has_a_name_of_its_own_words_for_people_and_examples(document: Document) -> None:
    listed = list(operations(document))
    names = [operation["operationId"] for _, _, operation in listed]
    assert len(set(names)) == len(names)
    for address, method, operation in listed:
        place = f"{method} {address}"
        assert operation["summary"] and operation["description"], place
        assert len(operation["summary"]) < 70 and "\n" not in operation["summary"], place
        for _, content in json_answers(operation):
            assert content.get("examples"), f"{place} answers without an example"
        sent = operation.get("requestBody", {}).get("content", {}).get("application/json")
        assert not sent or sent.get("examples"), f"{place} is asked without an example"


def test_addresses_name_the_parameters_that_they_have(document: Document) -> None:
    for address, method, operation in operations(document):
        named = {part.split("}")[0] for part in address.split("{")[1:]}
        said = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
        assert named == said, f"{method} {address}"
        assert not set(address) & set("[]()\\^$"), address


def test_examples_of_answers_are_as_their_schemas_say(document: Document) -> None:
    for address, method, operation in operations(document):
        for status, content in json_answers(operation):
            for name, example in content.get("examples", {}).items():
                wrong = mistake(document, content["schema"], example["value"])
                assert not wrong, f"{method} {address} {status} {name}: {wrong}"


def mistake(document: Document, schema: Document, answered: Any) -> str:
    """Where an answer is not as its schema says; a member that an object doesn't name is a mistake too."""
    whole = closed({**schema, "components": document["components"]})
    error = best_match(Draft202012Validator(whole).iter_errors(answered))
    return f"{error.json_path}: {error.message[:300]}" if error else ""


def closed(schema: Any) -> Any:
    """The schema with `additionalProperties: false` wherever it names properties and says nothing of others."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(each) for name, each in schema.items()}
    if isinstance(found.get("properties"), dict) and found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found


# --- what the API does ----------------------------------------------------------------------------------------------


class World:
    """What the examples speak of, with the ids that they give it."""

    def __init__(self, api: APIClient) -> None:
        Application.objects.filter(name="demo").delete()
        demo = Application.objects.create(id=ULID_EXAMPLE, name="demo")
        settings = {name: CONFIGURATION_EXAMPLE[name] for name in ("name", "config")}
        Configuration.objects.create(id=ULID_EXAMPLE, application=demo, **settings)
        customers = self._shape("01JD4Y3Z8Q6V5T2W9X7R1N0MKC", "customers", demo, "id")
        totals = self._shape("01JD4Y3Z8Q6V5T2W9X7R1N0MKD", "totals", demo, "id", "total")
        definition = {name: OBJECT_REQUEST_EXAMPLE[name] for name in ("attributes", "primaryKey", "foreignKeys")}
        orders = ObjectSchemaFactory.create(id=ULID_EXAMPLE, application=demo, name="orders", definition=definition)
        TableFactory.create(id=TABLE_ID, object=customers, name="customers", rows=[{"id": 1}, {"id": 2}])
        rows = [{"order_id": n, "customer": 1, "amount": None if n == 9 else 2.5} for n in range(1, 10)]
        TableFactory.create(id=ULID_EXAMPLE, object=orders, name="week 1", rows=rows[:6])
        for row in rows[6:]:
            assert api.post(f"/api/v1/tables/{ULID_EXAMPLE}/rows", [row]).status_code == 201
        sql = FUNCTION_EXAMPLE["implementations"][0]["definition"]
        function = FunctionFactory.create(
            id=FUNCTION_ID,
            name="sum_orders",
            parameters=FUNCTION_EXAMPLE["parameters"],
            inputs={"customers": customers, "orders": orders},
            outputs={"totals": totals},
            sql=sql,
        )
        given = {"customers": Table.objects.get(pk=TABLE_ID), "orders": Table.objects.get(pk=ULID_EXAMPLE)}
        TestCaseFactory.create(
            id=CASE_ID,
            function=function,
            name="two customers",
            tags=["small"],
            inputs=given,
            outputs={"totals": [{"id": 1, "total": 9}]},
        )
        runs = [self._made(api.post("/api/v1/runs", {"application": "demo"})) for _ in range(2)]
        reported = {"application": "demo", "implementation": "other:sum_orders"}
        self.reported = self._made(api.post("/api/v1/runs/reported", reported))
        lenient = {"Prefer": "handling=lenient"}
        bad = [{"order_id": 20, "customer": 1, "amount": -1}, {"order_id": 21, "customer": 1, "amount": 1}]
        aside = api.post(f"/api/v1/tables/{ULID_EXAMPLE}/rows", bad, headers=lenient).json()["set_aside"]
        Job.objects.create(id=JOB_EXAMPLE["id"], kind="import_rows", state="queued")
        later = {"Prefer": "respond-async"}
        self.waiting = self._made(api.post("/api/v1/runs", {"application": "demo"}, headers=later))
        self.found = {
            "run": runs[0],
            "other": runs[1],
            "result": Result.objects.filter(run=runs[0]).get().pk,
            "set_aside_id": aside.rsplit("/", 1)[1].split(".")[0],
        }

    @staticmethod
    def _shape(identity: str, name: str, application: Application, *attributes: str) -> ObjectSchema:
        kinds = {"id": "integer", "total": "number"}
        listed = [{"name": each, "type": kinds[each]} for each in attributes]
        return ObjectSchemaFactory.create(
            id=identity, application=application, name=name, attributes=listed, primary_key=["id"]
        )

    @staticmethod
    def _made(answer: Any) -> str:
        assert answer.status_code in {200, 201, 202}, answer.content
        return str(answer.json()["id"])

    def address(self, address: str, operation: str) -> str:
        """An address with the ids of what is there."""
        noun = address.split("/")[3]
        own = {"functions": FUNCTION_ID, "test-cases": CASE_ID, "jobs": JOB_EXAMPLE["id"], "runs": self.found["run"]}
        identity = {**own, "results": self.found["result"]}.get(noun, ULID_EXAMPLE)
        if operation in {"runs_results_create", "runs_finish"}:
            identity = self.reported
        if operation == "runs_cancel_create":
            identity = self.waiting
        filled = {**self.found, "id": identity, "run_id": identity, "table_id": ULID_EXAMPLE, "row_id": 1, "number": 1}
        known = {**filled, "object_name": "orders", "name": "totals", "suffix": self.suffix(operation)}
        for name, value in known.items():
            address = address.replace(f"{{{name}}}", str(value))
        return address

    @staticmethod
    def suffix(operation: str) -> str:
        return "json" if operation in {"rows_append_file", "rows_replace_file"} else "ndjson"


QUERIES: Mapping[str, str] = {
    "table_diff": "?from=1&to=2",
    "table_diff_stream": "?from=1&to=2",
    "runs_diff": "?against={other}",
    "rows_delete": "?order_id=1&max_affected=1",
    "AllRowsThatMeetTheConditionOfTheAddress": "?order_id=1&max_affected=1",
}
TAKEN = {"objects_create": ObjectSchema, "functions_create": Function, "test_cases_create": TestCase}
TAKEN |= {"tables_create": Table, "configurations_create": Configuration}
REFERENCED = {"applications_destroy", "objects_destroy", "tables_destroy", "functions_destroy"}


def requests(document: Document) -> Iterator[tuple[str, str, Document, str, str, Any]]:
    """Address, method, operation, name of the example, its content type, and the example; None where none is sent."""
    for address, method, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {})
        examples = [
            (name, kind, example["value"])
            for kind, body in content.items()
            for name, example in body.get("examples", {}).items()
        ]
        for name, kind, value in examples or [("", "application/json", None)]:
            yield address, method, operation, name, kind, value


@pytest.mark.django_db
def test_every_operation_takes_its_examples_and_answers_as_it_says(api: APIClient, document: Document) -> None:
    world = World(api)
    wrong = []
    for address, method, operation, name, kind, value in requests(document):
        operation_id = operation["operationId"]
        query = QUERIES.get(name, QUERIES.get(operation_id, "")).format(**world.found)
        place = world.address(address, operation_id) + query
        with transaction.atomic():
            if operation_id in TAKEN:
                TAKEN[operation_id].objects.filter(name=value["name"]).update(name="another")
            answer = api.generic(method.upper(), place, *sent(kind, value))
            transaction.set_rollback(True)
        content = b"".join(answer.streaming_content) if answer.streaming else bytes(answer.content)
        problem = difference(document, operation, answer, content)
        if problem:
            wrong.append(f"{method} {place} {name}: {answer.status_code} {content[:300]!r}: {problem}")
    assert not wrong, "\n".join(wrong)


def sent(kind: str, value: Any) -> tuple[bytes, str]:
    """A body and its content type."""
    if value is None:
        return b"", kind
    return (value.encode() if isinstance(value, str) else dump_json(value)), kind


def difference(document: Document, operation: Document, answer: Any, content: bytes) -> str:
    """What tells an answer from what the schema says of it; nothing where it is so."""
    if operation["operationId"] in REFERENCED:
        is_refused = answer.status_code == 409 and answer.json()["code"] == "referenced"
        return "" if is_refused else "what others refer to was deleted"
    said = operation["responses"].get(str(answer.status_code))
    if answer.status_code >= 300 or said is None:
        return "the status isn't one of the good ones that are said"
    kinds = said.get("content", {})
    if not kinds:
        return "there is a body" if content else ""
    kind = answer["Content-Type"].split(";")[0]
    if kind not in kinds:
        return f"it is {kind}"
    schema = kinds[kind]["schema"]
    is_document = kind == "application/json" and schema.get("format") != "binary"
    return mistake(document, schema, answer.json()) if is_document else ""
