"""Exercism's cases: a list is a port of many rows, the other arguments are one row, and the answer is rows too."""

import gzip
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cases.described import CaseSet, DescribedCase, DescribedFunction, Fields, Rows

ENTRIES = "exercism.entries"  # as the sandbox sees it, which has this folder and nothing else of the project
ABSOLUTE_TOLERANCE = 1e-9
ANSWER = ""  # its place beside the names of arguments
MIXED = object()
KINDS = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
UNORDERED = frozenset({"custom-set", "saddle-points"})  # sets of members, of places
PROGRAMS = {
    ("dnd-character", "character"): "the expected values are program text",
    ("dnd-character", "strength"): "the expected value is program text",
    ("dnd-character", "ability"): "the expected value is program text",
    ("simple-cipher", "key"): "the expected value is program text",
}
Case = Mapping[str, Any]


def read(data: Path) -> CaseSet:
    """All cases that no later one replaces and that hold values, not programs."""
    with gzip.open(data / "18_exercism" / "problem_specifications_cases.jsonl.gz", "rt") as stream:
        every = [json.loads(line) for line in stream]
    replaced = {case["reimplements"] for case in every if case["reimplements"]}
    functions: dict[tuple[str, str], list[Case]] = {}
    left_out: dict[str, str] = {}
    for case in every:
        reason = "a later case replaces it" if case["uuid"] in replaced else _program(case)
        if reason:
            left_out[case["uuid"]] = reason
        else:
            functions.setdefault((case["exercise"], case["function"]), []).append(case)
    described = [each for names, cases in functions.items() for each in _described(*names, cases)]
    return CaseSet(
        "exercism", [each.function for each in described], [case for each in described for case in each.cases], left_out
    )


def _described(exercise: str, function: str, cases: Sequence[Case]) -> Iterator["_Described"]:
    """The function; several where it is called with values of types that no port has together."""
    groups: list[tuple[dict[str, Shape], list[Case]]] = []
    for case in cases:
        shapes = _shapes(case)
        for place, (common, members) in enumerate(groups):
            joined = _joined_all(common, shapes)
            if joined is not None:
                groups[place] = joined, [*members, case]
                break
        else:
            groups.append((shapes, [case]))
    for number, (common, members) in enumerate(groups, 1):
        name = f"{exercise}: {function}" + (f" ({number})" if number > 1 else "")
        yield _Described(exercise, function, name, common, members)


def _program(case: Case) -> str | None:
    if case["exercise"] == "simple-cipher" and "key" not in case["input"] and case["function"] != "key":
        return "the expected value is program text"
    return PROGRAMS.get((case["exercise"], case["function"]))


class _Described:
    """One function with its cases: which arguments are ports of their own, and the types of all."""

    def __init__(
        self, exercise: str, function: str, name: str, shapes: Mapping[str, "Shape"], cases: Sequence[Case]
    ) -> None:
        self.exercise = exercise
        self.name = name
        snake_case = re.sub("(?<=[a-z0-9])([A-Z])", r"_\1", function).lower()
        self.entry = f"{exercise.replace('-', '_')}__{snake_case}"
        self.given = cases
        arguments = {argument: shape for argument, shape in shapes.items() if argument != ANSWER}
        self.lists = [argument for argument, shape in arguments.items() if isinstance(shape, ListOf)]
        self.scalars = [argument for argument in arguments if argument not in self.lists]
        self.inputs: dict[str, Fields] = {
            argument: ({"name": "member", **_type(arguments[argument])},) for argument in self.lists
        }
        if self.scalars:
            self.inputs["arguments"] = tuple({"name": each, **_type(arguments[each])} for each in self.scalars)
        self.is_list = isinstance(shapes[ANSWER], ListOf)
        self.result: Fields = ({"name": "value", **_type(shapes[ANSWER])},)

    @property
    def function(self) -> DescribedFunction:
        definition = {"entry": f"{ENTRIES}:{self.entry}"}
        return DescribedFunction(self.name, self.inputs, {"result": self.result}, "python", definition)

    @property
    def cases(self) -> list[DescribedCase]:
        return [self._case(case) for case in self.given]

    def _case(self, case: Case) -> DescribedCase:
        inputs = {name: _rows(self.inputs[name], case["input"][name]) for name in self.lists}
        if self.scalars:
            row = tuple(case["input"].get(name) for name in self.scalars)
            inputs["arguments"] = Rows(self.inputs["arguments"], (row,))
        name = f"{self.name}, {case['description']} ({case['uuid'][:8]})"
        if case["error"]:
            return DescribedCase(name, self.name, inputs, {}, error=case["expected"]["error"])
        answer = _answer(case)
        comparison: dict[str, Any] = {"ordered": True} if self.is_list and self.exercise not in UNORDERED else {}
        if self.result[0]["type"] == "number":
            comparison["abs_tol"] = ABSOLUTE_TOLERANCE
        expected = {"result": _rows(self.result, answer if self.is_list else [answer])}
        return DescribedCase(name, self.name, inputs, expected, comparison)


def _answer(case: Case) -> Any:
    expected = case["expected"]
    return [math.e if value == "e" else value for value in expected] if case["function"] == "exp" else expected


def _rows(fields: Fields, values: Iterable[Any]) -> Rows:
    return Rows(fields, tuple((value,) for value in values))


@dataclass(frozen=True)
class ListOf:
    """The shape of a list whose members are of one type; None of an empty one."""

    member: str | None


Shape = ListOf | str | None


def _shapes(case: Case) -> dict[str, Shape]:
    """The shape of each argument, and of the answer."""
    answer = None if case["error"] else _answer(case)
    shapes = {name: _shape(value) for name, value in case["input"].items()}
    may_be_null = case["function"] == "pathTo"
    return {**shapes, ANSWER: "array" if may_be_null else _shape(answer)}


def _shape(value: Any) -> Shape:
    if value is None:
        return None
    if not isinstance(value, list):
        return KINDS[type(value)]
    kinds: Shape = None
    for member in value:
        joined = _joined(kinds, None if member is None else KINDS[type(member)])
        if joined is MIXED:
            return "array"
        kinds = joined  # type: ignore[assignment] # MIXED has returned
    return ListOf(kinds)  # type: ignore[arg-type] # the kinds of members are names


def _joined_all(one: Mapping[str, Shape], other: Mapping[str, Shape]) -> dict[str, Shape] | None:
    """The shapes that hold both, by argument; None if there are none."""
    joined = {name: _joined(one.get(name), other.get(name)) for name in {**one, **other}}
    return None if MIXED in joined.values() else joined  # type: ignore[return-value] # just said


def _joined(one: Shape, other: Shape) -> Shape | object:
    if one is None or other is None or one == other:
        return other if one is None else one
    if isinstance(one, ListOf) and isinstance(other, ListOf):
        member = _joined(one.member, other.member)
        return MIXED if member is MIXED else ListOf(member)  # type: ignore[arg-type] # a name
    if {one, other} == {"integer", "number"}:
        return "number"
    return "array" if "array" in (one, other) and ListOf in (type(one), type(other)) else MIXED


def _type(shape: Shape) -> dict[str, str]:
    name = shape.member if isinstance(shape, ListOf) else shape
    return {"type": name or "string"}
