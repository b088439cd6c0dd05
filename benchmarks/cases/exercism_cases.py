"""Exercism's cases: a list is a port of many rows, the other arguments are one row, and the answer is rows too."""

import gzip
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cases.described import CaseSet, DescribedCase, DescribedFunction, Fields, Rows

ENTRIES = "benchmarks.cases.exercism.entries"
ABSOLUTE_TOLERANCE = 1e-9
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
    described = [_Described(*name, cases) for name, cases in functions.items()]
    return CaseSet(
        "exercism", [each.function for each in described], [case for each in described for case in each.cases], left_out
    )


def _program(case: Case) -> str | None:
    if case["exercise"] == "simple-cipher" and "key" not in case["input"] and case["function"] != "key":
        return "the expected value is program text"
    return PROGRAMS.get((case["exercise"], case["function"]))


class _Described:
    """One function with its cases: which arguments are ports of their own, and the types of all."""

    def __init__(self, exercise: str, function: str, cases: Sequence[Case]) -> None:
        self.exercise = exercise
        self.name = f"{exercise}: {function}"
        snake_case = re.sub("(?<=[a-z0-9])([A-Z])", r"_\1", function).lower()
        self.entry = f"{exercise.replace('-', '_')}__{snake_case}"
        self.given = cases
        arguments = dict.fromkeys(name for case in cases for name in case["input"])
        self.lists = [name for name in arguments if all(_is_list(case["input"].get(name)) for case in cases)]
        self.scalars = [name for name in arguments if name not in self.lists]
        answers = [_answer(case) for case in cases if not case["error"]]
        self.is_list = bool(answers) and all(isinstance(answer, list) for answer in answers)
        members = [member for answer in answers for member in answer] if self.is_list else answers
        self.result: Fields = ({"name": "value", **_type(members)},)
        self.inputs = {name: self._list_fields(name) for name in self.lists}
        if self.scalars:
            self.inputs["arguments"] = tuple({"name": name, **_type(self._values(name))} for name in self.scalars)

    @property
    def function(self) -> DescribedFunction:
        definition = {"entry": f"{ENTRIES}:{self.entry}"}
        return DescribedFunction(self.name, self.inputs, {"result": self.result}, "python", definition)

    @property
    def cases(self) -> list[DescribedCase]:
        return [self._case(case) for case in self.given]

    def _values(self, name: str) -> list[Any]:
        return [case["input"].get(name) for case in self.given]

    def _list_fields(self, name: str) -> Fields:
        return ({"name": "value", **_type(member for value in self._values(name) for member in value)},)

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


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _rows(fields: Fields, values: Iterable[Any]) -> Rows:
    return Rows(fields, tuple((value,) for value in values))


def _type(values: Iterable[Any]) -> dict[str, str]:
    """The attribute type that holds all of the values; nulls fit any."""
    kinds = {_kind(value) for value in values if value is not None}
    if kinds == {"integer", "number"}:
        return {"type": "number"}
    return {"type": kinds.pop() if len(kinds) == 1 else "any" if kinds else "string"}


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]
