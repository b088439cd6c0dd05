"""Function, a process with named input and output ports, and its implementations."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.functions import Lower

from catalog.models import Application, ObjectSchema
from config.models import NameField, Stamped, ULIDField, refusals
from config.problems import Problem, pointer
from processes import execution, rules
from processes.querysets import FunctionQuerySet


class Direction(models.TextChoices):
    INPUT = "input"
    OUTPUT = "output"


class Kind(models.TextChoices):
    SQL = "sql", "SQL"
    PYTHON = "python", "Python"
    COMMAND = "command", "command"
    HTTP = "http", "HTTP"


def permissions() -> execution.Permissions:
    """What implementations may name, by the settings."""
    return execution.Permissions(
        python_entries=tuple(settings.PYTHON_ENTRIES),
        python_path=tuple(settings.PYTHON_PATH),
        command_programs=tuple(settings.COMMAND_PROGRAMS),
        http_allowed_hosts=tuple(settings.HTTP_ALLOWED_HOSTS),
        http_authorities=settings.HTTP_AUTHORITIES,
        unconfined_programs=settings.SANDBOX_ISOLATION == "none",
    )


@dataclass(frozen=True)
class PortDefinition:
    """What a writer says of a port: its name, the Object that shapes it, and whether a test case must bind it."""

    name: str
    object: ObjectSchema
    required: bool = True


@dataclass(frozen=True)
class ImplementationDefinition:
    """What a writer says of an implementation; `definition` is what its kind takes.

    sql: output port -> query. python: `entry`, `tables`. command: `argv`, `format`. http: `path`, `method`, `format`.
    """

    name: str
    kind: str
    definition: dict[str, Any]


class Function(Stamped):
    """A process that takes Tables on its input ports and gives Tables on its output ports.

    `parameters` is a list of `{"name", "type", "default"}`; the types are those of attributes.
    """

    id = ULIDField()
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="functions")
    name = NameField()
    summary = models.TextField(blank=True, default="")
    parameters = models.JSONField(default=list, blank=True)

    objects = FunctionQuerySet.as_manager()

    class Meta:
        ordering = ["application__name", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["application", "name"],
                name="function_name_unique",
                violation_error_code="name_taken",
                violation_error_message="This application already has a function of this name.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application.name}/{self.name}"

    def clean(self) -> None:
        problems = rules.check_parameters(self.parameters)
        if problems:
            raise ValidationError({"parameters": refusals(problems)})
        if not self._state.adding and self.application_id:
            before = Function.objects.only("application_id").get(pk=self.pk)
            if before.application_id != self.application_id:
                # Its test cases repeat the application.
                raise ValidationError(
                    {"application": ValidationError("A function stays in its application.", code="fixed")}
                )

    @property
    def inputs(self) -> "list[Port]":
        """The input ports in their order; served from a prefetch where there is one."""
        return [port for port in self.ports.all() if port.direction == Direction.INPUT]

    @property
    def outputs(self) -> "list[Port]":
        """The output ports in their order; served from a prefetch where there is one."""
        return [port for port in self.ports.all() if port.direction == Direction.OUTPUT]

    def define(
        self,
        inputs: Sequence[PortDefinition] | None = None,
        outputs: Sequence[PortDefinition] | None = None,
        implementations: Sequence[ImplementationDefinition] | None = None,
    ) -> None:
        """Save the function with its ports and implementations, all or nothing; None leaves that kind as it is.

        Raises ValidationError with a list per field, and ProtectedError when a test case binds a port that would go
        or would be shaped by another Object.
        """
        with transaction.atomic():
            ports = {
                Direction.INPUT: self._kept_ports(self.inputs) if inputs is None else list(inputs),
                Direction.OUTPUT: self._kept_ports(self.outputs) if outputs is None else list(outputs),
            }
            kept = [] if self._state.adding else [(i.name, i.kind, i.definition) for i in self.implementations.all()]
            chosen = [ImplementationDefinition(*i) for i in kept] if implementations is None else list(implementations)
            self._check_parts(ports[Direction.INPUT], ports[Direction.OUTPUT], chosen)
            self.save()
            for direction, definitions in ports.items():
                self._write_ports(direction, definitions)
            self._write_implementations(chosen)
        self.__dict__.pop("_prefetched_objects_cache", None)

    @staticmethod
    def _kept_ports(ports: "Sequence[Port]") -> list[PortDefinition]:
        return [PortDefinition(port.name, port.object, port.required) for port in ports]

    def _check_parts(
        self,
        inputs: Sequence[PortDefinition],
        outputs: Sequence[PortDefinition],
        implementations: Sequence[ImplementationDefinition],
    ) -> None:
        found = {
            "inputs": self._port_problems(inputs),
            "outputs": self._port_problems(outputs),
            "implementations": self._implementation_problems(inputs, outputs, implementations),
        }
        if not outputs:
            found["outputs"].append(Problem("", "required", "A function has at least one output port."))
        found["inputs"] += self._unbound_problems(inputs)
        errors = {field: refusals(problems) for field, problems in found.items() if problems}
        if errors:
            raise ValidationError(errors)

    def _port_problems(self, ports: Sequence[PortDefinition]) -> list[Problem]:
        problems = rules.check_names([port.name for port in ports], "port")
        for position, port in enumerate(ports):
            if port.object.application_id != self.application_id:
                message = (
                    f"Port {port.name!r} is shaped by {port.object}; its Object must be in the function's application."
                )
                problems.append(Problem(pointer(position, "object"), "other_application", message))
        return problems

    def _implementation_problems(
        self,
        inputs: Sequence[PortDefinition],
        outputs: Sequence[PortDefinition],
        implementations: Sequence[ImplementationDefinition],
    ) -> list[Problem]:
        problems = rules.check_names([implementation.name for implementation in implementations], "implementation")
        outputs_named = [port.name for port in outputs]
        inputs_named = [port.name for port in inputs]
        parameters = [parameter["name"] for parameter in self.parameters]
        for position, implementation in enumerate(implementations):
            if implementation.kind not in Kind.values:
                message = f"Kind {implementation.kind!r} is unknown; allowed: {', '.join(Kind.values)}."
                problems.append(Problem(pointer(position, "kind"), "invalid_choice", message))
                continue
            found = execution.check_definition(
                implementation.kind,
                implementation.definition,
                outputs_named,
                parameters,
                inputs_named,
                permissions(),
            )
            problems += [problem.below(pointer(position, "definition")) for problem in found]
        return problems

    def _unbound_problems(self, inputs: Sequence[PortDefinition]) -> list[Problem]:
        """A required input port that existing test cases don't bind would break them."""
        if self._state.adding:
            return []
        problems = []
        for position, port in enumerate(inputs):
            if not port.required:
                continue
            bare = self.test_cases.exclude(
                bindings__port__in=self.ports.filter(direction=Direction.INPUT, name=port.name)
            )
            names = list(bare.values_list("name", flat=True)[:20])
            if names:
                message = f"Port {port.name!r} is required, and these test cases don't bind it: {', '.join(names)}."
                problems.append(Problem(pointer(position, "required"), "breaking_change", message))
        return problems

    def _write_ports(self, direction: Direction, definitions: Sequence[PortDefinition]) -> None:
        """Ports are known by name. One with another Object is another port, so its bindings protect the old one."""
        existing = {port.name: port for port in self.ports.filter(direction=direction)}
        kept = {d.name for d in definitions if d.name in existing and existing[d.name].object_id == d.object.pk}
        self.ports.filter(direction=direction).exclude(name__in=kept).delete()
        for position, definition in enumerate(definitions):
            port = existing[definition.name] if definition.name in kept else Port(function=self, direction=direction)
            port.name, port.object = definition.name, definition.object
            port.required, port.position = definition.required, position
            port.save()

    def _write_implementations(self, definitions: Sequence[ImplementationDefinition]) -> None:
        self.implementations.exclude(name__in=[definition.name for definition in definitions]).delete()
        for definition in definitions:
            self.implementations.update_or_create(
                name=definition.name, defaults={"kind": definition.kind, "definition": definition.definition}
            )


class Port(models.Model):
    """A named place where a Function takes or gives a Table, shaped by an Object."""

    id = ULIDField()
    function = models.ForeignKey(Function, on_delete=models.CASCADE, related_name="ports")
    direction = models.CharField(max_length=8, choices=Direction)
    name = NameField()
    object = models.ForeignKey(ObjectSchema, on_delete=models.PROTECT, related_name="ports")
    required = models.BooleanField(default=True)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["function", "direction", "position", "name"]
        constraints = [
            models.UniqueConstraint(
                "function",
                "direction",
                Lower("name"),
                name="port_name_unique",
                violation_error_code="name_taken",
                violation_error_message="This function already has a port of this name and direction.",
            ),
            models.CheckConstraint(condition=models.Q(direction__in=Direction.values), name="port_direction_known"),
        ]

    def __str__(self) -> str:
        return f"{self.function.name}.{self.name}"

    def clean(self) -> None:
        if self.function_id and self.object_id and self.object.application_id != self.function.application_id:
            message = "The port's object must be in its function's application."
            raise ValidationError({"object": ValidationError(message, code="other_application")})


class Implementation(models.Model):
    """One way to compute a Function; what `definition` says depends on the kind (see ImplementationDefinition)."""

    id = ULIDField()
    function = models.ForeignKey(Function, on_delete=models.CASCADE, related_name="implementations")
    name = NameField()
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.SQL)
    definition = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["function", "created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["function", "name"],
                name="implementation_name_unique",
                violation_error_code="name_taken",
                violation_error_message="This function already has an implementation of this name.",
            ),
            models.CheckConstraint(condition=models.Q(kind__in=Kind.values), name="implementation_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.function.name}: {self.name}"

    def clean(self) -> None:
        if not self.function_id or not self.kind:
            return
        outputs = [port.name for port in self.function.outputs]
        inputs = [port.name for port in self.function.inputs]
        parameters = [parameter["name"] for parameter in self.function.parameters]
        problems = execution.check_definition(self.kind, self.definition, outputs, parameters, inputs, permissions())
        if problems:
            raise ValidationError({"definition": refusals(problems)})

    @property
    def digest(self) -> str:
        """What pins an implementation: SHA-256 of its kind and definition."""
        text = json.dumps([self.kind, self.definition], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()
