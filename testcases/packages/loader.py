"""From the description of a package to the database: all or nothing, and nothing where nothing has changed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.db.models import F, ProtectedError

from catalog import rules
from catalog.contents import create_table, replace_rows
from catalog.deadlocks import begun_again
from catalog.evolution import publish
from catalog.models import Application, ObjectSchema, ObjectVersion, Table, TableVersion, VersionPart
from catalog.reading import part_paths
from catalog.references import check_tables
from catalog.schema import Schema
from catalog.sources import JSONRows
from catalog.writing import NonconformingError, Write
from config import temporary
from config.models import BreakingChangeError
from config.problems import pointer
from processes.models import Direction, Function, ImplementationDefinition, PortDefinition
from testcases.models import Binding, TestCase
from testcases.models.cases import BindingDefinition
from testcases.packages.description import (
    DESCRIPTOR,
    Package,
    PackageError,
    PackageFunction,
    PackageObject,
    PackagePort,
    PackageProblem,
    PackageTable,
    PackageTestCase,
    schema_place,
)
from testcases.packages.tables import StagedRows, report_problems, stage_tables

KINDS = ("objects", "tables", "functions", "test cases")


@dataclass
class Changes:
    """What became of one kind of resource: names, in the package's order."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)


@dataclass
class LoadReport:
    """What a load did, or would do; by kind (KINDS)."""

    changes: dict[str, Changes] = field(default_factory=lambda: {kind: Changes() for kind in KINDS})

    @property
    def is_empty(self) -> bool:
        """Whether the database already was as the package says."""
        return not any(each.created or each.changed for each in self.changes.values())


def load_package(
    package: Package, application: Application, author: Any = None, is_dry_run: bool = False
) -> LoadReport:
    """Bring an application to what a package says; what the package doesn't name stays as it is.

    Rows are compared by their content and order, whatever their ids. In one transaction, which is rolled back if
    is_dry_run. Raises PackageError.
    """
    # What the rows refer to is locked at the end, when it is known, whatever others have locked until then.
    return begun_again(lambda: _load(package, application, author, is_dry_run))


def _load(package: Package, application: Application, author: Any, is_dry_run: bool) -> LoadReport:
    with temporary.directory("package") as directory:
        schemas = {shape.name: Schema.from_definition(shape.definition) for shape in package.objects}
        staged, problems = stage_tables(package.tables, schemas, directory)
        if problems:
            raise PackageError(problems)
        with transaction.atomic():
            loading = _Loading(package, application, author)
            loading.load(staged)
            if is_dry_run:
                transaction.set_rollback(True)
        return loading.report


class _Loading:
    """One load, inside its transaction. The problems of a kind are gathered, then the load ends."""

    def __init__(self, package: Package, application: Application, author: Any) -> None:
        self.package = package
        self.application = application
        self.author = author
        self.report = LoadReport()
        self.problems: list[PackageProblem] = []
        self.objects: dict[str, ObjectSchema] = {}
        self.tables: dict[tuple[str, str], Table] = {}
        self.functions: dict[str, Function] = {}
        self.loosened: list[tuple[Function, PackageFunction]] = []
        self.published: list[tuple[ObjectSchema, str]] = []
        self.written: list[Table] = []

    def load(self, staged: Sequence[StagedRows]) -> None:
        self._objects()
        self._end_if_problems()
        self._tables(staged)
        self._end_if_problems()
        self._references()
        self._end_if_problems()
        self._functions()
        self._end_if_problems()
        self._test_cases()
        self._tighten_functions()
        self._end_if_problems()

    def _end_if_problems(self) -> None:
        if self.problems:
            raise PackageError(self.problems)

    @contextmanager
    def _noting(self, file: str, place: str) -> Iterator[None]:
        """Turn what a verb refuses into problems at this place; what it did until then is undone."""
        try:
            with transaction.atomic():
                yield
        except ValidationError as error:
            self.problems += [
                PackageProblem(file, place + below, code, message) for below, code, message in _refused(error)
            ]
        except BreakingChangeError as error:
            message = " ".join([str(error), *error.breaks])
            self.problems.append(PackageProblem(file, place, "breaking_change", message))
        except NonconformingError as error:
            self.problems.append(PackageProblem(file, place, "row_validation", str(error)))
        except ProtectedError as error:
            names = ", ".join(sorted({str(each) for each in error.protected_objects}))
            message = f"What would go is still referred to: {names}."
            self.problems.append(PackageProblem(file, place, "referenced", message))

    def _note(self, kind: str, name: str, is_new: bool, is_changed: bool) -> None:
        changes = self.report.changes[kind]
        (changes.created if is_new else changes.changed if is_changed else changes.unchanged).append(name)

    # --- objects --------------------------------------------------------------------------------------------------

    def _objects(self) -> None:
        names = [shape.name for shape in self.package.objects]
        self.objects = {each.name: each for each in self.application.object_schemas.filter(name__in=names)}
        current = ObjectVersion.objects.filter(object__in=self.objects.values(), number=F("object__version"))
        definitions = {version.object_id: version.definition for version in current}
        for wanted in self.package.objects:
            shape = self.objects.get(wanted.name)
            before = rules.normalised(definitions[shape.pk]) if shape else None
            is_changed = shape is not None and (before, shape.description) != (wanted.definition, wanted.description)
            if shape is None or is_changed:
                with self._noting(wanted.file, ""):
                    self._publish(shape or ObjectSchema(application=self.application, name=wanted.name), wanted)
            self._note("objects", wanted.name, shape is None, is_changed)

    def _publish(self, shape: ObjectSchema, wanted: PackageObject) -> None:
        shape.description, shape.definition = wanted.description, dict(wanted.definition)
        shape.references_deferred = True  # what it refers to may come later in the package
        shape.full_clean()
        self.objects[wanted.name] = shape
        self.published.append((shape, wanted.file))
        try:
            with transaction.atomic():
                publish(shape, self.author)
        except BreakingChangeError:
            # Rows that the package brings anew need not take the step from the old definition to the new one.
            shape.refresh_from_db()
            for table in shape.tables.filter(name__in=self._table_names(wanted.name)):
                replace_rows(table, JSONRows([]), self._write())
            shape.description, shape.definition = wanted.description, dict(wanted.definition)
            publish(shape, self.author)

    def _table_names(self, object_name: str) -> list[str]:
        return [table.name for table in self.package.tables if table.object == object_name]

    def _write(self) -> Write:
        message = f"Loaded from the package {self.package.name!r}."[:1024]
        return Write(self.author, message, references_deferred=True)

    # --- tables ---------------------------------------------------------------------------------------------------

    def _tables(self, staged: Sequence[StagedRows]) -> None:
        shapes = [self.objects[name] for name in {table.object for table in self.package.tables}]
        found = Table.objects.filter(object__in=shapes).select_related("object")
        self.tables = {(table.object.name, table.name): table for table in found}
        wanted_keys = {(table.object, table.name) for table in self.package.tables}
        stored = _stored_digests([table for key, table in self.tables.items() if key in wanted_keys])
        # One query brings the Parts that are not on this machine.
        part_paths([digest for digests in stored.values() for digest in digests])
        for wanted, rows in zip(self.package.tables, staged, strict=True):
            table = self.tables.get((wanted.object, wanted.name))
            has_same_rows = table is not None and (
                rows.digests == stored[table.pk] or rows.equals(part_paths(stored[table.pk]), table.row_count)
            )
            is_changed = table is not None and not (has_same_rows and table.description == wanted.description)
            if table is None or is_changed:
                with self._noting(wanted.file, ""):
                    self._write_table(table, wanted, None if has_same_rows else rows)
            self._note("tables", f"{wanted.object}/{wanted.name}", table is None, is_changed)

    def _write_table(self, table: Table | None, wanted: PackageTable, rows: StagedRows | None) -> None:
        """Create or change a Table; rows: None if they stay."""
        found = table or Table(object=self.objects[wanted.object], name=wanted.name)
        found.description = wanted.description
        found.full_clean()
        if table is not None:
            found.save(update_fields=["description", "updated_at"])
        if rows is not None:
            (replace_rows if table else create_table)(found, rows.source(), self._write())
        self.tables[(wanted.object, wanted.name)] = found
        if rows is not None:
            self.written.append(found)

    # --- references -----------------------------------------------------------------------------------------------

    def _references(self) -> None:
        """What Objects and rows refer to, now that all are there: in any order, and in circles."""
        for shape, file in self.published:
            with self._noting(file, ""):
                shape.check_references()
        if self.problems:
            return
        files = {(table.object, table.name): table.file for table in self.package.tables}
        changed = [table for shape, _ in self.published for table in shape.tables.select_related("object")]
        for table, report in check_tables([*self.written, *changed]):
            file = files.get((table.object.name, table.name), f"table {table}")
            self.problems += report_problems(file, report)

    # --- functions ------------------------------------------------------------------------------------------------

    def _functions(self) -> None:
        names = [function.name for function in self.package.functions]
        found = self.application.functions.filter(name__in=names).with_parts()
        self.functions = {function.name: function for function in found}
        for position, wanted in enumerate(self.package.functions):
            function = self.functions.get(wanted.name)
            is_changed = function is not None and not _is_same_function(function, wanted)
            if function is None or is_changed:
                with self._noting(DESCRIPTOR, pointer("functions", position)):
                    self._define_function(
                        function or Function(application=self.application, name=wanted.name), wanted, function is None
                    )
            self._note("functions", wanted.name, function is None, is_changed)

    def _define_function(self, function: Function, wanted: PackageFunction, is_new: bool) -> None:
        function.summary, function.parameters = wanted.summary, list(wanted.parameters)
        if is_new:
            function.created_by = self.author
        function.full_clean()
        self.functions[wanted.name] = function
        if is_new:
            self._define_ports(function, wanted, self._ports(wanted.inputs))
            return
        # Test cases that the package brings anew are defined after their function: until then they bind no port that
        # goes, and no new port needs a table.
        self._loosen_bindings(function, wanted)
        known = {(port.name, port.object.name) for port in function.inputs}
        loose = [replace(port, required=port.required and (port.name, port.object) in known) for port in wanted.inputs]
        self._define_ports(function, wanted, self._ports(loose))
        if loose != list(wanted.inputs):
            self.loosened.append((function, wanted))

    def _define_ports(self, function: Function, wanted: PackageFunction, inputs: Sequence[PortDefinition]) -> None:
        implementations = [ImplementationDefinition(i.name, i.kind, dict(i.definition)) for i in wanted.implementations]
        function.define(inputs, self._ports(wanted.outputs), implementations)

    def _ports(self, ports: Sequence[PackagePort]) -> list[PortDefinition]:
        return [PortDefinition(port.name, self.objects[port.object], port.required) for port in ports]

    def _loosen_bindings(self, function: Function, wanted: PackageFunction) -> None:
        kept = {(Direction.INPUT, port.name, port.object) for port in wanted.inputs}
        kept |= {(Direction.OUTPUT, port.name, port.object) for port in wanted.outputs}
        going = [p for p in function.inputs + function.outputs if (p.direction, p.name, p.object.name) not in kept]
        names = [case.name for case in self.package.test_cases if case.function == wanted.name]
        if going:
            Binding.objects.filter(port__in=going, test_case__name__in=names).delete()

    def _tighten_functions(self) -> None:
        for function, wanted in self.loosened:
            place = pointer("functions", self.package.functions.index(wanted))
            with self._noting(DESCRIPTOR, place):
                self._define_ports(function, wanted, self._ports(wanted.inputs))

    # --- test cases -----------------------------------------------------------------------------------------------

    def _test_cases(self) -> None:
        names = [case.name for case in self.package.test_cases]
        found = {
            each.name: each
            for each in TestCase.objects.filter(application=self.application, name__in=names).with_parts()
        }
        for position, wanted in enumerate(self.package.test_cases):
            case = found.get(wanted.name)
            is_changed = case is not None and not self._is_same_case(case, wanted)
            if case is None or is_changed:
                with self._noting(DESCRIPTOR, pointer("testCases", position)):
                    self._define_case(case or TestCase(name=wanted.name, created_by=self.author), wanted)
            self._note("test cases", wanted.name, case is None, is_changed)

    def _is_same_case(self, case: TestCase, wanted: PackageTestCase) -> bool:
        bound = {(each.port.direction, each.port.name): each.table_id for each in case.bindings.all()}
        given = {(Direction.INPUT, each.port): self.tables[(each.object, each.table)].pk for each in wanted.inputs}
        expected = {(Direction.OUTPUT, each.port): self.tables[(each.object, each.table)].pk for each in wanted.outputs}
        return (
            bound == {**given, **expected}
            and case.function.name == wanted.function
            and (case.summary, case.tags, case.enabled) == (wanted.summary, list(wanted.tags), wanted.enabled)
            and (case.comparison, case.parameters) == (wanted.comparison, wanted.parameters)
            and (case.expected_error, case.clock) == (wanted.expected_error, wanted.clock)
        )

    def _define_case(self, case: TestCase, wanted: PackageTestCase) -> None:
        case.function = self.functions[wanted.function]
        case.summary, case.tags, case.enabled = wanted.summary, list(wanted.tags), wanted.enabled
        case.comparison, case.parameters = dict(wanted.comparison), dict(wanted.parameters)
        case.expected_error, case.clock = dict(wanted.expected_error), wanted.clock
        case.full_clean()
        inputs, outputs = (
            [BindingDefinition(each.port, self.tables[(each.object, each.table)]) for each in side]
            for side in (wanted.inputs, wanted.outputs)
        )
        case.define(inputs, outputs)


def _stored_digests(tables: Sequence[Table]) -> Mapping[str, list[str]]:
    """The Parts of the newest version of Tables, by the Table's id; two queries for any number."""
    versions = TableVersion.objects.filter(table__in=tables, number=F("table__version"))
    tables_by_version = dict(versions.values_list("pk", "table_id"))
    digests: dict[str, list[str]] = {table.pk: [] for table in tables}
    places = VersionPart.objects.filter(version__in=tables_by_version).order_by("version", "position")
    for version_id, digest in places.values_list("version_id", "part_id"):
        digests[tables_by_version[version_id]].append(digest)
    return digests


def _is_same_function(function: Function, wanted: PackageFunction) -> bool:
    def ports(found: Sequence[Any]) -> list[tuple[str, str, bool]]:
        return [(port.name, port.object.name, port.required) for port in found]

    return (
        (function.summary, function.parameters) == (wanted.summary, list(wanted.parameters))
        and ports(function.inputs) == [(port.name, port.object, port.required) for port in wanted.inputs]
        and ports(function.outputs) == [(port.name, port.object, port.required) for port in wanted.outputs]
        and {each.name: (each.kind, each.definition) for each in function.implementations.all()}
        == {each.name: (each.kind, each.definition) for each in wanted.implementations}
    )


def _refused(error: ValidationError) -> Iterator[tuple[str, str, str]]:
    """Pointer below the resource, code and message of each thing that a model refused."""
    by_field: Mapping[str, Sequence[ValidationError]] = (
        error.error_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.error_list}
    )
    for name, errors in by_field.items():
        for each in errors:
            below = str((each.params or {}).get("pointer", ""))
            if name == "attributes":
                place = schema_place(below)
            else:
                place = "" if name == NON_FIELD_ERRORS else pointer(name) + below
            yield place, each.code or "invalid", " ".join(each.messages)
