"""Results as a caller may see them: the values of sensitive attributes are masked in diffs, errors and messages."""

from collections.abc import Collection, Mapping
from copy import copy
from typing import Any

from django.http import HttpRequest

from catalog.sight import hidden_in
from processes.models import Direction
from testcases.models import Result, ResultOutput

MASKED_MESSAGE = "What went wrong can't be told here: it may hold sensitive values."
TELLING_REASONS = frozenset({"invalid_output", "execution_error", "unexpected_error", "invalid_input"})


def hidden_by_port(request: HttpRequest, result: Result) -> dict[str, frozenset[str]]:
    """The attributes that the caller may not see, for each output port; "" has those of any port.

    What is sensitive now, and what was in the versions that the Result pins. No query where the ports' Objects and the
    pins are prefetched.
    """
    found: dict[str, frozenset[str]] = {}
    everything: frozenset[str] = frozenset()
    for port in result.test_case.function.ports.all():
        hidden = hidden_in(request, port.object.schema)
        everything |= hidden
        if port.direction == Direction.OUTPUT:
            found[port.name] = hidden
    for pin in result.pins.all():
        hidden = hidden_in(request, pin.table_version.object_version.schema)
        everything |= hidden
        if pin.direction == Direction.OUTPUT:
            found[pin.port_name] = found.get(pin.port_name, frozenset()) | hidden
    return {**found, "": everything}


def as_seen(request: HttpRequest, result: Result) -> Result:
    """The Result, or a copy of it without what the caller may not see."""
    hidden = hidden_by_port(request, result)
    if not hidden[""]:
        return result
    seen = copy(result)
    outputs = [_masked_output(output, hidden.get(output.port_name, hidden[""])) for output in result.outputs.all()]
    seen.__dict__["_prefetched_objects_cache"] = {
        **result.__dict__.get("_prefetched_objects_cache", {}),
        "outputs": outputs,
    }
    if result.reason in TELLING_REASONS:
        seen.message = MASKED_MESSAGE
    seen.errors = [_masked_error(error, hidden.get(error.get("output", ""), hidden[""])) for error in result.errors]
    return seen


def masked_diff(diff: Mapping[str, Any] | None, hidden: Collection[str]) -> Mapping[str, Any] | None:
    """A TableDiff as JSON without the values of these attributes; that they differ is told."""
    if not diff or not hidden:
        return diff
    return {**diff, "rows": [masked_row(row, hidden) for row in diff["rows"]]}


def masked_row(row: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """A listed row of a TableDiff without the values of these attributes."""
    answer = dict(row)
    for member in ("key", "row"):
        if answer.get(member):
            answer[member] = {name: None if name in hidden else value for name, value in answer[member].items()}
    if "cells" in answer:
        nothing = {"expected": None, "actual": None}
        answer["cells"] = {name: nothing if name in hidden else cell for name, cell in answer["cells"].items()}
    return answer


def _masked_output(output: ResultOutput, hidden: Collection[str]) -> ResultOutput:
    seen = copy(output)
    seen.diff = masked_diff(output.diff, hidden)
    return seen


def _masked_error(error: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    names = {error.get("attribute")} | set(error["value"] if isinstance(error.get("value"), dict) else ())
    if error.get("attribute") and not names & set(hidden):
        return dict(error)
    place = error.get("attribute") or "a row"
    message = f"{place} does not conform ({error.get('code')}); the value is sensitive"
    return {**{name: value for name, value in error.items() if name != "value"}, "message": message}
