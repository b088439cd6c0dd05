"""Test cases for tests, made through `TestCase.define`."""

from collections.abc import Iterable, Mapping
from typing import Any

import factory
from factory.django import DjangoModelFactory

from catalog.models import Table
from catalog.tests.factories import TableFactory
from processes.models import Port
from processes.tests.factories import FunctionFactory
from testcases.models import TestCase
from testcases.models.cases import BindingDefinition

Bound = Mapping[str, Table | Iterable[Mapping[str, Any]]]


class TestCaseFactory(DjangoModelFactory[TestCase]):
    """A TestCase whose `inputs` and `outputs` are port name -> Table, or rows that become a Table.

    A required port that isn't named gets a Table without rows.
    """

    __test__ = False

    class Meta:
        model = TestCase

    function = factory.SubFactory(FunctionFactory)
    name = factory.Sequence(lambda number: f"case {number}")
    inputs: Bound = {}
    outputs: Bound = {}

    @classmethod
    def _create(cls, model_class: type[TestCase], *args: Any, **fields: Any) -> TestCase:
        inputs, outputs = fields.pop("inputs"), fields.pop("outputs")
        case = model_class(**fields)
        case.full_clean()
        case.define(_bindings(case.function.inputs, inputs), _bindings(case.function.outputs, outputs))
        return case


def _bindings(ports: Iterable[Port], bound: Bound) -> list[BindingDefinition]:
    by_name = {port.name: port for port in ports}
    wanted = {**{name: () for name, port in by_name.items() if port.required}, **bound}
    return [BindingDefinition(name, _table(by_name[name], content)) for name, content in wanted.items()]


def _table(port: Port, content: Table | Iterable[Mapping[str, Any]]) -> Table:
    return content if isinstance(content, Table) else TableFactory.create(object=port.object, rows=content)
