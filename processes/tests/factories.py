"""Functions for tests, made through `Function.define`."""

from collections.abc import Mapping
from typing import Any

import factory
from factory.django import DjangoModelFactory

from catalog.models import ObjectSchema
from catalog.tests.factories import ApplicationFactory, ObjectSchemaFactory
from processes.models import Function, ImplementationDefinition, PortDefinition

Ports = Mapping[str, ObjectSchema | PortDefinition]


def port_definitions(ports: Ports) -> list[PortDefinition]:
    """Ports as `{"orders": the Object}`, or as definitions where more is to be said."""
    return [port if isinstance(port, PortDefinition) else PortDefinition(name, port) for name, port in ports.items()]


class FunctionFactory(DjangoModelFactory[Function]):
    """A Function with `inputs` and `outputs` (port name -> Object or PortDefinition) and `sql` (output port -> query).

    Without ports it has one of each, `given` and `result`, of one new Object; without `sql` it gives `given` as it is.
    An Application follows from the ports' Objects. `sql=None` leaves it without an implementation.
    """

    class Meta:
        model = Function

    name = factory.Sequence(lambda number: f"function_{number}")

    @classmethod
    def _create(cls, model_class: type[Function], *args: Any, **fields: Any) -> Function:
        inputs, outputs = fields.pop("inputs", None), fields.pop("outputs", None)
        sql = fields.pop("sql", {"result": "SELECT * FROM given"})
        if inputs is None or outputs is None:
            shape = cls._shape(inputs or outputs or {}, fields.get("application"))
            inputs = {"given": shape} if inputs is None else inputs
            outputs = {"result": shape} if outputs is None else outputs
        ports = [*port_definitions(inputs), *port_definitions(outputs)]
        fields.setdefault("application", ports[0].object.application)
        function = model_class(**fields)
        function.full_clean()
        implementations = [] if sql is None else [ImplementationDefinition("sql", "sql", sql)]
        function.define(port_definitions(inputs), port_definitions(outputs), implementations)
        return function

    @staticmethod
    def _shape(ports: Ports, application: Any) -> ObjectSchema:
        """The Object of the ports that are given, or a new one."""
        for port in port_definitions(ports):
            return port.object
        return ObjectSchemaFactory.create(application=application or ApplicationFactory.create())
