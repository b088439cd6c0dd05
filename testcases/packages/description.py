"""What a package says, as plain frozen values, and what can be wrong with one. Pure: no Django."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

DESCRIPTOR = "datapackage.json"


@dataclass(frozen=True)
class PackageProblem:
    """What is wrong, and where: `file` is relative to the package, `pointer` a JSON pointer in it.

    In a CSV, `row` counts from 1 (0 is the header), `line` is the file's, and `attribute` the cell's, if it is one.
    """

    file: str
    pointer: str
    code: str
    message: str
    row: int | None = None
    line: int | None = None
    attribute: str = ""

    def __str__(self) -> str:
        place = self.file + (f"#{self.pointer}" if self.pointer else "")
        if self.row is not None:
            place += f" row {self.row}" + (f" (line {self.line})" if self.line else "")
        return f"{place}: {self.message}"


class PackageError(Exception):
    """A package can't be read or loaded; `problems` has all that was found. Nothing was changed."""

    def __init__(self, problems: Sequence[PackageProblem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def schema_place(path: str) -> str:
    """Where in a Table Schema stands what a problem of a definition points to.

    Paths below the attributes begin with a position, or are empty; keys begin with their own name.
    """
    below = path.split("/")[1:2]
    return path if below and not below[0].isdigit() else f"/fields{path}"


@dataclass(frozen=True)
class PackageObject:
    """An Object; `definition` is as in catalog.rules.check_definition, with its defaults written out."""

    name: str
    description: str
    definition: Mapping[str, Any]
    file: str


@dataclass(frozen=True)
class PackageTable:
    """A Table, whose rows are in a CSV file."""

    object: str
    name: str
    description: str
    path: Path
    file: str


@dataclass(frozen=True)
class PackagePort:
    """A port, shaped by the Object of a name."""

    name: str
    object: str
    required: bool = True


@dataclass(frozen=True)
class PackageImplementation:
    """An implementation; the files that its definition names are read into it."""

    name: str
    kind: str
    definition: Mapping[str, Any]


@dataclass(frozen=True)
class PackageFunction:
    """A Function with its ports and implementations."""

    name: str
    summary: str
    parameters: Sequence[Mapping[str, Any]]
    inputs: tuple[PackagePort, ...]
    outputs: tuple[PackagePort, ...]
    implementations: tuple[PackageImplementation, ...]


@dataclass(frozen=True)
class PackageBinding:
    """The Table on a port: its Object and its name."""

    port: str
    object: str
    table: str


@dataclass(frozen=True)
class PackageTestCase:
    """A TestCase with what stands on the ports."""

    name: str
    function: str
    summary: str
    tags: Sequence[str]
    enabled: bool
    comparison: Mapping[str, Any]
    parameters: Mapping[str, Any]
    inputs: tuple[PackageBinding, ...]
    outputs: tuple[PackageBinding, ...]
    expected_error: Mapping[str, Any] = field(default_factory=dict)
    clock: datetime | None = None


@dataclass(frozen=True)
class Package:
    """A whole package; the order is that of `datapackage.json`."""

    name: str
    objects: tuple[PackageObject, ...]
    tables: tuple[PackageTable, ...]
    functions: tuple[PackageFunction, ...]
    test_cases: tuple[PackageTestCase, ...]
