"""The examples that the form of a function offers: each is a definition that its kind takes."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from catalog.models import Application
from catalog.tests.factories import ObjectSchemaFactory
from processes.examples import example_of
from processes.execution import Permissions, check_definition
from processes.models import Function
from processes.tests.factories import FunctionFactory

ALLOWED = Permissions(python_entries=("pricing",), command_programs=("sort",))
PORTS = (["orders", "unit prices"], ["totals", "rest"], ["as_of"])


@pytest.mark.parametrize("kind", ["sql", "python", "command", "http"])
@pytest.mark.parametrize("ports", [PORTS, ([], [], []), (["class", ""], ["out"], [])])
def test_an_example_is_sound(kind: str, ports: tuple[list[str], list[str], list[str]]) -> None:
    example = example_of(kind, *ports, ALLOWED)
    outputs = [name for name in ports[1] if name] or ["result"]
    given: Any = dict.fromkeys(outputs, example.definition) if kind == "sql" else json.loads(example.definition)
    inputs = [name for name in ports[0] if name]
    assert check_definition(kind, given, outputs, ports[2], inputs, ALLOWED) == []
    if kind == "python":
        compile(example.code, "example", "exec")


def test_what_the_settings_allow_is_told() -> None:
    for kind, setting, named in (("python", "PYTHON_ENTRIES", "pricing"), ("command", "COMMAND_PROGRAMS", "sort")):
        assert f"{setting}: {named}." in example_of(kind, *PORTS, ALLOWED).allowed
        nothing = example_of(kind, *PORTS, Permissions())
        assert "it names none" in nothing.allowed
        assert not nothing.is_usable
    assert "HTTP_ALLOWED_HOSTS" in example_of("http", *PORTS, Permissions()).allowed


@pytest.mark.django_db
def test_an_example_is_written_into_the_empty_form(client: Client, settings: Any, application: Application) -> None:
    settings.DEBUG, settings.API_ACCESS, settings.COMMAND_PROGRAMS = True, "open", ["sort"]
    shape = ObjectSchemaFactory.create(application=application)
    function = FunctionFactory.create(inputs={"orders": shape}, outputs={"totals": shape}, sql=None)
    address = reverse("function-edit", args=[function.pk])
    typed: dict[str, str] = {"name": function.name}
    for name, rows in {
        "inputs": [{"name": "orders", "object": shape.pk, "required": "on"}],
        "outputs": [{"name": "totals", "object": shape.pk, "required": "on"}],
        "parameters": [],
        "implementations": [{"name": "sorted", "kind": "command", "definition": ""}],
    }.items():
        typed |= {f"{name}-TOTAL_FORMS": str(len(rows)), f"{name}-INITIAL_FORMS": "0"}
        typed |= {f"{name}-{place}-{field}": value for place, row in enumerate(rows) for field, value in row.items()}
    page = client.post(address, {**typed, "action": "example implementations 0"})
    written = page.context["editor"].rows["implementations"].forms[0]["definition"].value()
    assert json.loads(written) == {"argv": ["sort", "{input:orders}", "{output:totals}"], "format": "csv"}
    client.post(address, {**typed, "implementations-0-definition": written, "action": "save"})
    assert Function.objects.get().implementations.get().definition["argv"][0] == "sort"
