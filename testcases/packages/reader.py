"""From a folder to the description of a package, with all problems found. Pure: no Django, no database."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from catalog import rules
from config.problems import nearest, pointer
from processes.rules import check_names, check_parameters
from testcases.packages.description import (
    DESCRIPTOR,
    Package,
    PackageBinding,
    PackageError,
    PackageFunction,
    PackageImplementation,
    PackageObject,
    PackagePort,
    PackageTable,
    PackageTestCase,
    schema_place,
)
from testcases.packages.folder import Folder, structure_problems

SCHEMA_PROPERTIES = ("$schema", "name", "title", "description", "fields")


def read_package(path: Path) -> Package:
    """The package in a folder: `datapackage.json` and the files it names; the CSV files are looked for, not read.

    Raises PackageError with everything that is wrong.
    """
    folder = Folder(path)
    if not folder.path.is_dir():
        folder.note(str(path), "", "missing_file", "There is no such folder.")
        raise PackageError(folder.problems)
    descriptor = folder.read_json(DESCRIPTOR, DESCRIPTOR, "")
    if not folder.problems:
        folder.problems += structure_problems(descriptor, DESCRIPTOR)
    if folder.problems:
        raise PackageError(folder.problems)
    package = _Reading(folder, descriptor).package()
    if folder.problems:
        raise PackageError(folder.problems)
    return package


class _Reading:
    """The reading of a descriptor whose structure is sound: files and references."""

    def __init__(self, folder: Folder, descriptor: Mapping[str, Any]) -> None:
        self.folder = folder
        self.descriptor = descriptor
        self.objects: dict[str, PackageObject] = {}
        # By Object, then by name. None: named, but its file or Object is wrong.
        self.tables: dict[str, dict[str, PackageTable | None]] = defaultdict(dict)
        self.lacks_objects = False  # an Object couldn't be read, so that a reference may be right after all
        self.functions: dict[str, PackageFunction] = {}

    def package(self) -> Package:
        objects = [self._object(file, place) for place, file in self._each("objects")]
        self.lacks_objects = None in objects
        tables = [self._table(resource, place) for place, resource in self._each("resources")]
        functions = [self._function(function, place) for place, function in self._each("functions")]
        self.functions = {each.name: each for each in functions}
        test_cases = [self._test_case(case, place) for place, case in self._each("testCases")]
        for kind in ("functions", "testCases"):
            self._check_names(kind, [item["name"] for item in self.descriptor.get(kind, [])])
        return Package(
            self.descriptor.get("name", ""),
            tuple(self.objects.values()),
            tuple(table for table in tables if table),
            tuple(functions),
            tuple(case for case in test_cases if case),
        )

    def _each(self, kind: str) -> Iterable[tuple[str, Any]]:
        return ((pointer(kind, position), item) for position, item in enumerate(self.descriptor.get(kind, [])))

    def _note(self, place: str, code: str, message: str) -> None:
        self.folder.note(DESCRIPTOR, place, code, message)

    def _check_names(self, kind: str, names: Sequence[str]) -> None:
        seen: set[str] = set()
        for position, name in enumerate(names):
            place = pointer(kind, position, "name")
            self._check_name(DESCRIPTOR, place, name)
            if name in seen:
                self._note(place, "duplicate", f"The name {name!r} stands twice.")
            seen.add(name)

    def _check_name(self, file: str, place: str, name: Any) -> None:
        for problem in check_names([name], "resource"):
            self.folder.note(file, place, problem.code, problem.message)

    # --- objects and tables ---------------------------------------------------------------------------------------

    def _object(self, file: str, place: str) -> PackageObject | None:
        schema = self.folder.read_json(file, DESCRIPTOR, place)
        if schema is None:
            return None
        if not isinstance(schema, dict):
            self.folder.note(file, "", "type", "A Table Schema is a JSON object.")
            return None
        definition = {name: value for name, value in schema.items() if name not in SCHEMA_PROPERTIES}
        definition["attributes"] = schema.get("fields")
        problems = rules.check_definition(definition)
        for problem in problems:
            self.folder.note(file, schema_place(problem.path), problem.code, problem.message)
        name, description = schema.get("name"), schema.get("description", "")
        self._check_name(file, "/name", name)
        if not isinstance(description, str):
            self.folder.note(file, "/description", "type", "A description is a text.")
        if problems or not isinstance(name, str) or not isinstance(description, str):
            return None
        if name in self.objects:
            self._note(place, "duplicate", f"The object {name!r} stands twice.")
        found = PackageObject(name, description, rules.normalised(definition), file)
        self.objects[name] = found
        return found

    def _table(self, resource: Mapping[str, Any], place: str) -> PackageTable | None:
        path = self.folder.find(resource["path"], DESCRIPTOR, place + "/path")
        shape = self._named(self.objects, resource["object"], "object", place + "/object")
        self._check_name(DESCRIPTOR, place + "/table", resource["table"])
        key = (resource["object"], resource["table"])
        tables = self.tables[key[0]]
        if key[1] in tables:
            self._note(place + "/table", "duplicate", f"The table {key[1]!r} of {key[0]!r} stands twice.")
        if shape and "schema" in resource and resource["schema"] != shape.file:
            message = f"The schema of {shape.name!r} is {shape.file!r}, not {resource['schema']!r}."
            self._note(place + "/schema", "contradiction", message)
        tables[key[1]] = None
        if path is not None and shape is not None:
            description = resource.get("description") or resource.get("title", "")
            tables[key[1]] = PackageTable(*key, description, path, resource["path"])
        return tables[key[1]]

    def _named(self, known: Mapping[str, Any], name: str, noun: str, place: str) -> Any:
        if name not in known and not (noun == "object" and self.lacks_objects):
            message = f"The package has no {noun} {name!r}; {nearest(name, list(known))}"
            self._note(place, f"unknown_{noun}", message)
        return known.get(name)

    # --- functions and test cases ---------------------------------------------------------------------------------

    def _function(self, function: Mapping[str, Any], place: str) -> PackageFunction:
        parameters = function.get("parameters", [])
        for problem in check_parameters(parameters):
            self._note(f"{place}/parameters{problem.path}", problem.code, problem.message)
        return PackageFunction(
            function["name"],
            function.get("summary", ""),
            parameters,
            self._ports(function.get("inputs", []), place + "/inputs"),
            self._ports(function["outputs"], place + "/outputs"),
            tuple(
                self._implementation(each, place + pointer("implementations", position))
                for position, each in enumerate(function.get("implementations", []))
            ),
        )

    def _ports(self, ports: Sequence[Mapping[str, Any]], place: str) -> tuple[PackagePort, ...]:
        for position, port in enumerate(ports):
            self._named(self.objects, port["object"], "object", place + pointer(position, "object"))
        return tuple(PackagePort(port["name"], port["object"], port.get("required", True)) for port in ports)

    def _implementation(self, implementation: Mapping[str, Any], place: str) -> PackageImplementation:
        """A member of the definition that is `{"path": "..."}` stands for the text of that file."""
        definition = {}
        for name, value in implementation["definition"].items():
            if isinstance(value, dict) and set(value) == {"path"} and isinstance(value["path"], str):
                inside = place + pointer("definition", name, "path")
                value = self.folder.read_text(value["path"], DESCRIPTOR, inside)
            definition[name] = value
        return PackageImplementation(implementation["name"], implementation["kind"], definition)

    def _test_case(self, case: Mapping[str, Any], place: str) -> PackageTestCase | None:
        function = self._named(self.functions, case["function"], "function", place + "/function")
        if function is None:
            return None
        return PackageTestCase(
            case["name"],
            case["function"],
            case.get("summary", ""),
            case.get("tags", []),
            case.get("enabled", True),
            case.get("comparison", {}),
            case.get("parameters", {}),
            self._bindings(function.inputs, case.get("inputs", []), place + "/inputs"),
            self._bindings(function.outputs, case["outputs"], place + "/outputs", not case.get("expectedError")),
            case.get("expectedError", {}),
            self._clock(case.get("clock"), place + "/clock"),
        )

    def _clock(self, text: str | None, place: str) -> datetime | None:
        if text is None:
            return None
        try:
            clock = datetime.fromisoformat(text)
        except ValueError:
            self._note(place, "type", f"The clock {text!r} is no time such as 2026-01-31T12:00:00Z.")
            return None
        return clock if clock.tzinfo else clock.replace(tzinfo=UTC)

    def _bindings(
        self,
        ports: Sequence[PackagePort],
        bindings: Sequence[Mapping[str, Any]],
        place: str,
        is_complete: bool = True,
    ) -> tuple[PackageBinding, ...]:
        by_name = {port.name: port for port in ports}
        found = []
        for position, binding in enumerate(bindings):
            port = self._named(by_name, binding["name"], "port", place + pointer(position, "name"))
            if port is None:
                continue
            self._named(self.tables[port.object], binding["table"], "table", place + pointer(position, "table"))
            found.append(PackageBinding(port.name, port.object, binding["table"]))
        bound = {binding["name"] for binding in bindings}
        for port in ports:
            if is_complete and port.required and port.name not in bound:
                self._note(place, "port_missing", f"The port {port.name!r} needs a table of {port.object}.")
        return tuple(found)
