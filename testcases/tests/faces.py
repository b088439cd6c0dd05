"""The four faces, each taking the same payload and telling what it refuses as (field, code).

A payload is as the API's, but names Objects and Tables by the instances themselves.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from catalog.models import Application, ObjectSchema, Table
from processes.models import Function
from testcases.packages import PackageError, load_package, read_package

Refusals = set[tuple[str, str]]
SIDES = ("inputs", "outputs")
SETTINGS = ("primaryKey", "uniqueKeys", "foreignKeys", "fieldsMatch", "missingValues")


class APIFace:
    """REST."""

    addresses = {"object": "objects", "function": "functions", "test case": "test-cases"}

    def __init__(self, client: APIClient) -> None:
        self.client = client

    def send(self, kind: str, payload: Mapping[str, Any]) -> Refusals:
        body = {name: _plain(value) for name, value in payload.items()}
        if kind != "test case":
            body["application"] = payload["application"].name
        answer = self.client.post(f"/api/v1/{self.addresses[kind]}", body)
        return {(_first(each["pointer"]), each["code"]) for each in answer.json().get("errors", ())}


class PageFace:
    """The forms of the pages."""

    def __init__(self, browser: Client) -> None:
        self.browser = browser

    def send(self, kind: str, payload: Mapping[str, Any]) -> Refusals:
        sent = {"object": _object_fields, "function": self._function, "test case": self._test_case}[kind](payload)
        address = {"object": "object-create", "function": "function-create", "test case": "test-case-create"}[kind]
        query = f"?function={payload['function'].pk}" if kind == "test case" else ""
        answer = self.browser.post(reverse(address) + query, sent)
        if answer.status_code == 302:
            return set()
        editor = answer.context["editor"]
        found = _form_refusals(editor.form)
        if kind == "function":
            found |= {(name, code) for name, rows in editor.rows.items() for form in rows for code in _codes(form)}
        if kind == "test case":
            found |= {(side, code) for side, forms in editor.sides.items() for form in forms for code in _codes(form)}
        return found

    def _function(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        outputs = [port["name"] for port in payload["outputs"]]
        queries = [
            {"name": each["name"], **{f"query_{i}": each["definition"].get(n, "") for i, n in enumerate(outputs)}}
            for each in payload["implementations"]
        ]
        ports = {side: [_with_key(port) | {"required": "on"} for port in payload[side]] for side in SIDES}
        return {
            "application": payload["application"].pk,
            "name": payload["name"],
            "action": "save",
            **_rows("inputs", ports["inputs"]),
            **_rows("outputs", ports["outputs"]),
            **_rows("parameters", payload["parameters"]),
            **_rows("implementations", queries),
        }

    def _test_case(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        sent = _test_case_fields(payload)
        sent["tags"] = ", ".join(payload["tags"])
        ports = {port.name: port.pk for port in payload["function"].ports.all()}
        for binding in (*payload["inputs"], *payload["outputs"]):
            prefix = f"port-{ports[binding['name']]}"
            if "rows" in binding:
                sent[f"{prefix}-rows"] = json.dumps(binding["rows"])
            else:
                sent[f"{prefix}-table"] = binding["table"].pk
        return sent


class AdminFace:
    """Django admin."""

    addresses = {
        "object": "admin:catalog_objectschema_add",
        "function": "admin:processes_function_add",
        "test case": "admin:testcases_testcase_add",
    }

    def __init__(self, browser: Client) -> None:
        self.browser = browser

    def send(self, kind: str, payload: Mapping[str, Any]) -> Refusals:
        sent = {"object": _object_fields, "function": self._function, "test case": self._test_case}[kind](payload)
        answer = self.browser.post(reverse(self.addresses[kind]), sent)
        if answer.status_code == 302:
            return set()
        found = _form_refusals(answer.context["adminform"].form)
        for formset in answer.context["inline_admin_formsets"]:
            for form in formset.formset.forms:
                found |= {(self._list(formset.formset.prefix, form), code) for code in _codes(form)}
        return found

    @staticmethod
    def _list(prefix: str, form: Any) -> str:
        """The payload's list that a row of an inline belongs to."""
        if prefix == "implementations":
            return prefix
        return (form["direction"].value() if prefix == "ports" else form.instance.port.direction) + "s"

    def _function(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        ports = [
            {"direction": side.removesuffix("s"), "position": position, "required": "on", **_with_key(port)}
            for side in SIDES
            for position, port in enumerate(payload[side])
        ]
        implementations = [each | {"definition": json.dumps(each["definition"])} for each in payload["implementations"]]
        return {
            "application": payload["application"].pk,
            "name": payload["name"],
            "parameters": json.dumps(payload["parameters"]),
            **_rows("ports", ports),
            **_rows("implementations", implementations),
        }

    def _test_case(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        ports = {port.name: port.pk for port in payload["function"].ports.all()}
        bindings = [
            {"port": ports[each["name"]], "table": each["table"].pk} for side in SIDES for each in payload[side]
        ]
        tags = json.dumps(payload["tags"])
        return {**_test_case_fields(payload), "tags": tags, **_rows("bindings", bindings)}


class CommandFace:
    """What `load_package` loads: a folder."""

    def __init__(self, folder: Path, application: Application) -> None:
        self.folder = folder
        self.application = application

    def send(self, kind: str, payload: Mapping[str, Any]) -> Refusals:
        descriptor = {"name": "parity", "resources": [], "objects": [], "functions": [], "testCases": []}
        getattr(self, "_add_" + kind.replace(" ", "_"))(descriptor, payload)
        self._write("datapackage.json", descriptor)
        try:
            load_package(read_package(self.folder), self.application)
        except PackageError as error:
            return {(self._field(each), each.code) for each in error.problems}
        return set()

    def _field(self, problem: Any) -> str:
        """The payload's field: for rows the side that the file is for, else the first step below the resource."""
        if problem.file.startswith("tables/"):
            return str(problem.file.split("/")[1])
        steps = problem.pointer.split("/")[1:]
        below = steps if problem.file.startswith("objects/") else steps[2:]
        return ("attributes" if below[0] == "fields" else below[0]) if below else ""

    def _write(self, path: str, content: Any) -> str:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def _add_object(self, descriptor: Any, payload: Mapping[str, Any]) -> None:
        schema = {"name": payload["name"], "fields": payload["attributes"], **_settings(payload)}
        descriptor["objects"].append(self._write("objects/object.json", schema))

    def _add_objects_of(self, descriptor: Any, shapes: Sequence[ObjectSchema]) -> None:
        for shape in dict.fromkeys(shapes):
            schema = {"name": shape.name, "fields": shape.definition["attributes"]}
            descriptor["objects"].append(self._write(f"objects/{shape.name}.json", schema))

    def _add_function(self, descriptor: Any, payload: Mapping[str, Any]) -> None:
        ports = {side: [port | {"object": port["object"].name} for port in payload[side]] for side in SIDES}
        self._add_objects_of(descriptor, [port["object"] for side in SIDES for port in payload[side]])
        kept = {name: payload[name] for name in ("name", "parameters", "implementations")}
        descriptor["functions"].append(kept | ports)

    def _add_test_case(self, descriptor: Any, payload: Mapping[str, Any]) -> None:
        function: Function = payload["function"]
        ports = {side: [{"name": p.name, "object": p.object} for p in getattr(function, side)] for side in SIDES}
        implementations = [
            {"name": "sql", "kind": "sql", "definition": each.definition} for each in function.implementations.all()
        ]
        own = {"name": function.name, "parameters": function.parameters, "implementations": implementations}
        self._add_function(descriptor, {**own, **ports})
        by_name = {port.name: port.object.name for port in function.ports.all()}
        bound = {side: [self._bound(descriptor, side, each, by_name) for each in payload[side]] for side in SIDES}
        kept = {name: payload[name] for name in ("name", "tags", "comparison", "parameters")}
        descriptor["testCases"].append({**kept, "function": function.name, **bound})

    def _bound(self, descriptor: Any, side: str, binding: Mapping[str, Any], objects: Mapping[str, str]) -> Any:
        """A binding to a Table of the package: one with the payload's rows, or with none."""
        rows, name = binding.get("rows", []), f"{side} of {binding['name']}"
        shape = ObjectSchema.objects.get(name=objects.get(binding["name"], "orders"))
        lines = [",".join(shape.schema.names)]
        lines += [",".join(str(row.get(each, "")) for each in shape.schema.names) for row in rows]
        path = self._write(f"tables/{side}/{binding['name']}.csv", "\n".join(lines) + "\n")
        resource = {"path": path, "object": shape.name, "table": name}
        if resource not in descriptor["resources"]:
            descriptor["resources"].append(resource)
        return {"name": binding["name"], "table": name}


# --- what the faces share -------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """A payload's value with ids in place of instances."""
    if isinstance(value, ObjectSchema | Table | Function):
        return value.pk
    if isinstance(value, Application):
        return value.name
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, list) else value


def _with_key(port: Mapping[str, Any]) -> dict[str, Any]:
    return {**port, "object": port["object"].pk}


def _object_fields(payload: Mapping[str, Any]) -> dict[str, Any]:
    definition = json.dumps({"attributes": payload["attributes"], **_settings(payload)})
    return {
        "application": payload["application"].pk,
        "name": payload["name"],
        "attributes": definition,
        "mode": "json",
        "action": "save",
        **_rows("attributes", []),
    }


def _settings(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What an Object has besides its attributes."""
    return {name: payload[name] for name in SETTINGS if name in payload}


def _test_case_fields(payload: Mapping[str, Any]) -> dict[str, Any]:
    documents = {name: json.dumps(payload[name]) for name in ("comparison", "parameters")}
    return {"function": payload["function"].pk, "name": payload["name"], "enabled": "on", **documents}


def _rows(prefix: str, values: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A formset's fields as a browser sends them."""
    fields = {f"{prefix}-TOTAL_FORMS": len(values), f"{prefix}-INITIAL_FORMS": 0}
    return fields | {f"{prefix}-{i}-{name}": value for i, row in enumerate(values) for name, value in row.items()}


def _first(pointer: str) -> str:
    return pointer.split("/")[1] if pointer else ""


def _errors(form: Any) -> list[tuple[str, ValidationError]]:
    return [(name, each) for name, errors in form.errors.as_data().items() for each in errors]


def _codes(form: Any) -> list[str]:
    return [str(each.code) for _, each in _errors(form)]


def _form_refusals(form: Any) -> Refusals:
    """The errors of a form; what stands at its top says in its pointer, or by its code, which field it means."""
    found = set()
    for name, error in _errors(form):
        place = error.params.get("pointer", "") if isinstance(error.params, Mapping) else ""
        if _first(place) in SETTINGS:  # one field of JSON holds the whole definition
            name = _first(place)
        if name == "__all__":
            # Django puts at the top what is unique together with another field.
            name = _first(place) if place else "name" if error.code == "name_taken" else _list_without_place(error)
        found.add((name, str(error.code)))
    return found


def _list_without_place(error: ValidationError) -> str:
    """A page puts what is wrong with a whole list at the top, too."""
    return "outputs" if "output" in str(error.messages[0]) else ""
