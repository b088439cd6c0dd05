"""TestCase, an example of a Function, and its Bindings of Tables to ports."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction

from catalog.models import Application, ObjectSchema, Table
from config.models import NameField, Stamped, ULIDField, refusals
from config.problems import Problem, nearest, pointer
from processes.models import Direction, Function, Port
from testcases import rules
from testcases.querysets import TestCaseQuerySet


@dataclass(frozen=True)
class BindingDefinition:
    """What a writer says of a binding: the port's name and the Table that stands there."""

    name: str
    table: Table


class TestCase(Stamped):
    """Given these Tables on the inputs of a Function, expect those on its outputs.

    `application` repeats the function's, so that the database can hold names unique in it. `expected_error`: a kind
    and a pattern (testcases.rules), in place of tables on the outputs. `clock`: when it is for the function.
    """

    __test__ = False  # not a test of this project's own

    id = ULIDField()
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="test_cases", editable=False)
    function = models.ForeignKey(Function, on_delete=models.PROTECT, related_name="test_cases")
    name = NameField()
    summary = models.TextField(blank=True, default="")
    tags = models.JSONField(default=list, blank=True)
    enabled = models.BooleanField(default=True)
    comparison = models.JSONField(default=dict, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    expected_error = models.JSONField(default=dict, blank=True)
    clock = models.DateTimeField(null=True, blank=True)

    objects = TestCaseQuerySet.as_manager()

    class Meta:
        verbose_name = "test case"
        ordering = ["application__name", "function__name", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["application", "name"],
                name="test_case_name_unique",
                violation_error_code="name_taken",
                violation_error_message="This application already has a test case of this name.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean_fields(self, exclude: Any = None) -> None:
        if self.function_id and not self.application_id:
            self.application_id = self.function.application_id
        super().clean_fields(exclude)

    def clean(self) -> None:
        errors = {
            "tags": rules.check_tags(self.tags),
            "parameters": rules.check_arguments(self.parameters, self.function.parameters) if self.function_id else [],
            "comparison": self._comparison_problems() if self.function_id else [],
            "expected_error": rules.check_expected_error(self.expected_error),
        }
        if self.function_id and not self._state.adding:
            before = TestCase.objects.only("function_id").get(pk=self.pk)
            if before.function_id != self.function_id:
                errors["function"] = [Problem("", "fixed", "A test case stays with its function.")]
        found = {field: refusals(problems) for field, problems in errors.items() if problems}
        if found:
            raise ValidationError(found)

    def _comparison_problems(self) -> list[Problem]:
        outputs = ObjectSchema.objects.filter(ports__in=self.function.outputs).distinct()
        schemas = [shape.schema for shape in outputs]
        names = [name for schema in schemas for name in schema.names]
        found = rules.check_comparison(self.comparison, names)
        return found or rules.check_comparison_of_outputs(self.comparison, schemas)

    def save(self, *args: Any, **options: Any) -> None:
        self.application_id = self.function.application_id
        super().save(*args, **options)

    @property
    def inputs(self) -> "list[Binding]":
        """What is given, in the order of the ports; served from a prefetch where there is one."""
        return self._bound(Direction.INPUT)

    @property
    def outputs(self) -> "list[Binding]":
        """What is expected, in the order of the ports; served from a prefetch where there is one."""
        return self._bound(Direction.OUTPUT)

    def _bound(self, direction: Direction) -> "list[Binding]":
        bindings = [binding for binding in self.bindings.all() if binding.port.direction == direction]
        return sorted(bindings, key=lambda binding: binding.port.position)

    def define(
        self, inputs: Sequence[BindingDefinition] | None = None, outputs: Sequence[BindingDefinition] | None = None
    ) -> None:
        """Save the test case with its bindings, all or nothing; None leaves that side as it is.

        Raises ValidationError with a list per side: unknown port, port bound twice, Table of another Object, required
        port without a Table. Where an error is expected, no output needs one.
        """
        with transaction.atomic():
            sides = {Direction.INPUT: inputs, Direction.OUTPUT: outputs}
            if self._state.adding:
                sides = {direction: definitions or [] for direction, definitions in sides.items()}
            given = {direction: bound for direction, bound in sides.items() if bound is not None}
            ports = list(self.function.ports.select_related("object"))
            problems = {
                f"{direction}s": self._binding_problems(
                    [port for port in ports if port.direction == direction],
                    bound,
                    is_complete=direction == Direction.INPUT or not self.expected_error,
                )
                for direction, bound in given.items()
            }
            if self.expected_error == {} and outputs is None and not self._state.adding:
                problems["outputs"] = self._lacking_outputs(ports)
            errors = {side: refusals(found) for side, found in problems.items() if found}
            if errors:
                raise ValidationError(errors)
            self.save()
            for direction, definitions in given.items():
                self._write_bindings({p.name: p for p in ports if p.direction == direction}, direction, definitions)
        self.__dict__.pop("_prefetched_objects_cache", None)

    @staticmethod
    def _binding_problems(
        ports: Sequence[Port], definitions: Sequence[BindingDefinition], is_complete: bool
    ) -> list[Problem]:
        by_name = {port.name: port for port in ports}
        problems, seen = [], set()
        for position, definition in enumerate(definitions):
            port = by_name.get(definition.name)
            if port is None:
                hint = nearest(definition.name, list(by_name))
                message = f"The function has no port {definition.name!r} on this side; {hint}"
                problems.append(Problem(pointer(position, "name"), "unknown_port", message))
            elif definition.name in seen:
                problems.append(Problem(pointer(position, "name"), "duplicate_port", f"{port.name!r} is bound twice."))
            elif definition.table.object_id != port.object_id:
                problems.append(
                    Problem(pointer(position, "table"), "wrong_object", wrong_object(port, definition.table))
                )
            seen.add(definition.name)
        lacking = [port for port in ports if is_complete and port.required and port.name not in seen]
        return problems + [needs_table(port) for port in lacking]

    def _lacking_outputs(self, ports: Sequence[Port]) -> list[Problem]:
        """What a case lacks that expects no error any more."""
        bound = {binding.port_id for binding in self.bindings.all()}
        outputs = [port for port in ports if port.direction == Direction.OUTPUT and port.required]
        return [needs_table(port) for port in outputs if port.pk not in bound]

    def _write_bindings(
        self, ports: dict[str, Port], direction: Direction, definitions: Sequence[BindingDefinition]
    ) -> None:
        self.bindings.filter(port__direction=direction).exclude(
            port__in=[ports[definition.name] for definition in definitions]
        ).delete()
        for definition in definitions:
            self.bindings.update_or_create(port=ports[definition.name], defaults={"table": definition.table})


def needs_table(port: Port) -> Problem:
    """What is said of a required port without a Table."""
    return Problem("", "port_missing", f"The port {port.name!r} needs a table of {port.object.name}.")


def wrong_object(port: Port, table: Table) -> str:
    """The sentence about a Table that stands on a port of another Object."""
    return f"The port {port.name!r} takes {port.object.name}; the table {table.name!r} is of {table.object.name}."


class Binding(models.Model):
    """A Table on a port, in a test case."""

    id = ULIDField()
    test_case = models.ForeignKey(TestCase, on_delete=models.CASCADE, related_name="bindings")
    port = models.ForeignKey(Port, on_delete=models.PROTECT, related_name="bindings")
    table = models.ForeignKey(Table, on_delete=models.PROTECT, related_name="bindings")

    class Meta:
        ordering = ["test_case", "port__position"]
        constraints = [
            models.UniqueConstraint(
                fields=["test_case", "port"],
                name="binding_port_unique",
                violation_error_code="duplicate_port",
                violation_error_message="This test case already binds a table to this port.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.port.name} = {self.table}"

    def clean(self) -> None:
        errors = {}
        if self.port_id and self.test_case_id and self.port.function_id != self.test_case.function_id:
            message = f"The port {self.port.name!r} belongs to another function than the test case."
            errors["port"] = ValidationError(message, code="unknown_port")
        if self.port_id and self.table_id and self.table.object_id != self.port.object_id:
            errors["table"] = ValidationError(wrong_object(self.port, self.table), code="wrong_object")
        if errors:
            raise ValidationError(errors)
