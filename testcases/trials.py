"""What is to be tried: a test case with an implementation, a configuration and the tables on its ports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from catalog.comparison import ComparisonOptions, OptionError, parse_options
from catalog.models import ObjectVersion
from catalog.reading import cache
from catalog.rules.secrets import ResolvedConfiguration
from catalog.schema import Schema
from config.digests import digest_of
from processes.execution import ExecutionRequest, InputTable
from processes.models import Direction, Implementation, Port
from processes.rules import bind_arguments, check_arguments
from testcases.models.cases import TestCase
from testcases.models.runs import Reason, Verdict
from testcases.rules import matched_attributes


@dataclass(frozen=True)
class BoundTable:
    """A TableVersion on a port, and its Parts."""

    version_id: str
    number: int
    row_count: int
    object_version: ObjectVersion
    digests: tuple[str, ...]

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """Where the Parts are on this machine, once they are fetched."""
        kept = cache()
        return tuple(kept.path(digest) for digest in self.digests)

    @property
    def schema(self) -> Schema:
        return self.object_version.schema


@dataclass(frozen=True)
class WantedOutput:
    """What is asked of an output port: the schema of its rows, and the rows where some are expected."""

    port_name: str
    schema: Schema
    expected: BoundTable | None = None
    options: ComparisonOptions = field(default_factory=ComparisonOptions)


@dataclass(frozen=True)
class Trial:
    """All that it takes to judge a case with an implementation."""

    request: ExecutionRequest
    outputs: tuple[WantedOutput, ...]
    expected_error: Mapping[str, Any] = field(default_factory=dict)
    digests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Untried:
    """Why there is nothing to try."""

    verdict: Verdict
    reason: Reason
    message: str


def prepare(
    case: TestCase,
    implementation: Implementation | None,
    tables: Mapping[str, BoundTable],
    configuration: ResolvedConfiguration | None = None,
) -> Trial | Untried:
    """The trial of a case with its bindings prefetched, or why there is none.

    tables: by id of the Port.
    """
    function = case.function
    ports = list(function.ports.all())
    inputs = [port for port in ports if port.direction == Direction.INPUT]
    outputs = [port for port in ports if port.direction == Direction.OUTPUT]
    if not case.enabled:
        return Untried(Verdict.SKIPPED, Reason.DISABLED, "The test case is disabled.")
    if implementation is None:
        return Untried(Verdict.SKIPPED, Reason.NO_IMPLEMENTATION, "The function has no such implementation.")
    lacking = [port.name for port in inputs if port.required and port.pk not in tables]
    if lacking:
        message = f"No table is bound to the required input {', '.join(lacking)}."
        return Untried(Verdict.ERROR, Reason.PORT_MISSING, message)
    shapeless = [port for port in ports if port.pk not in tables and _is_shapeless(port)]
    if shapeless:
        message = f"The object {shapeless[0].object.name} of the port {shapeless[0].name!r} has no version any more."
        return Untried(Verdict.ERROR, Reason.PORT_MISSING, message)
    problems = check_arguments(case.parameters, function.parameters)
    if problems:
        message = f"The test case gives what the function does not take: {problems[0].message}"
        return Untried(Verdict.ERROR, Reason.INVALID_INPUT, message)
    if not case.expected_error and not any(port.pk in tables for port in outputs):
        return Untried(Verdict.ERROR, Reason.INVALID_EXPECTED, "The test case expects nothing.")
    try:
        wanted = tuple(_wanted(case, port, tables.get(port.pk)) for port in outputs)
    except OptionError as error:
        message = f"What the test case says of the comparison does not fit its tables: {error}"
        return Untried(Verdict.ERROR, Reason.INVALID_EXPECTED, message)
    request = ExecutionRequest(
        kind=implementation.kind,
        definition=implementation.definition,
        inputs={port.name: _given(port, tables.get(port.pk)) for port in inputs},
        outputs=tuple(port.name for port in outputs),
        parameters=bind_arguments(case.parameters, function.parameters),
        clock=case.clock,
        configuration=configuration.values if configuration else {},
        secrets=configuration.secrets if configuration else (),
        output_types={each.port_name: each.schema.columns for each in wanted},
        part_versions={
            each.port_name: each.expected.number for each in wanted if each.expected and len(each.expected.digests) == 1
        },
    )
    digests = tuple(digest for bound in tables.values() for digest in bound.digests)
    return Trial(request, wanted, case.expected_error, digests)


def _is_shapeless(port: Port) -> bool:
    """Whether the version of the port's Object was taken out of the database, which no face does."""
    try:
        return not port.object.current
    except ObjectVersion.DoesNotExist:
        return True


def _given(port: Port, bound: BoundTable | None) -> InputTable:
    """What stands on an input; an optional one without a table is empty."""
    return InputTable(bound.paths, bound.schema.columns) if bound else InputTable((), port.object.schema.columns)


def _wanted(case: TestCase, port: Port, bound: BoundTable | None) -> WantedOutput:
    if bound is None:
        return WantedOutput(port.name, port.object.schema)
    schema = bound.schema
    options = parse_options(comparison_options(case.comparison, schema), schema.names)
    return WantedOutput(port.name, schema, bound, options)


def comparison_options(given: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """A case's options as they concern one output: names of other outputs' attributes left out, the key by default
    the Object's primary key."""
    options = dict(given)
    names = set(schema.names)
    ignored = [name for name in options.get("ignore", ()) if name in names]
    if "ignore" in options:
        options["ignore"] = ignored
    if "per_attribute" in options:
        options["per_attribute"] = {name: each for name, each in options["per_attribute"].items() if name in names}
    matchers = [each for each in options.get("matchers", ()) if names >= matched_attributes(each)]
    if "matchers" in options:
        options["matchers"] = matchers
    key = options.get("key") or list(schema.primary_key)
    taken = {*ignored, *options.get("per_attribute", ()), *(each["attribute"] for each in matchers)}
    if key and names.issuperset(key) and not set(key) & taken:
        options["key"] = list(key)
    else:
        options.pop("key", None)
    return options


def fingerprint(
    case: TestCase, implementation: Implementation | None, tables: Mapping[str, BoundTable], configuration_digest: str
) -> str:
    """SHA-256 of all that a verdict follows from; "" where there was no implementation."""
    if implementation is None:
        return ""
    said = {
        "case": [case.pk, case.enabled, case.comparison, case.parameters, case.expected_error, str(case.clock or "")],
        "ports": sorted((port.pk, port.object.version) for port in case.function.ports.all()),
        "tables": sorted((port_id, bound.version_id) for port_id, bound in tables.items()),
        "by": [implementation.name, implementation.digest, configuration_digest, case.function.parameters],
    }
    return digest_of(said)
