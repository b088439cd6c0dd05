"""The house keeps its order: imports run one way, what is pure stays pure, and the migrations tell of every model."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[2]
APPS = ("jobs", "catalog", "processes", "testcases")  # each may import those before it
CONFIG_ROOF = {"config.urls", "config.asgi", "config.wsgi"}  # what of config knows the apps
PURE = (
    "catalog.attributes",
    "catalog.comparison",
    "catalog.conformance",
    "catalog.constraints",
    "catalog.describing",
    "catalog.engine",
    "catalog.explaining",
    "catalog.foreign_keys",
    "catalog.formats",
    "catalog.grouping",
    "catalog.history.difference",
    "catalog.idle",
    "catalog.keeping",
    "catalog.keys",
    "catalog.known_keys",
    "catalog.nested",
    "catalog.parts",
    "catalog.profiling",
    "catalog.queries",
    "catalog.row_errors",
    "catalog.rules",
    "catalog.schema",
    "catalog.set_aside",
    "catalog.sieving",
    "catalog.sources",
    "catalog.standards",
    "catalog.types",
    "catalog.written_rows",
    "config.exact_json",
    "config.problems",
    "config.storable",
    "config.temporary",
    "config.timing",
    "processes.execution",
    "processes.rules",
    "processes.runners",
    "testcases.rules",
)
FLOORS = (  # of an app, from the ground up; what is named nowhere stands with the verbs
    ("rules",),
    ("querysets",),
    ("models",),
    ("contents", "writing", "evolution", "reading", "runs", "judging"),
    ("forms", "serializers", "filters"),
    ("views", "viewsets", "admin", "management"),
    ("urls",),
)
VERBS = 3
HOMELESS = {"utils", "util", "helpers", "services", "common", "misc"}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def sources() -> dict[str, Path]:
    """The project's own modules, without tests and migrations."""
    return {
        module_of(path): path
        for package in (*APPS, "config")
        for path in sorted((ROOT / package).rglob("*.py"))
        if not {"tests", "migrations"} & set(path.relative_to(ROOT).parts)
    }


SOURCES = sources()


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules that are imported when the program runs; `from package import module` counts as the module."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in SOURCES else str(node.module)
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from imports(node)


def own_imports(module: str) -> set[str]:
    found = set(imports(ast.parse(SOURCES[module].read_text())))
    return {name for name in found if name.split(".")[0] in {*APPS, "config"}}


def is_pure(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in PURE)


def floor(module: str) -> int:
    """On which floor of its app a module stands."""
    part = module.split(".")[1] if "." in module else ""
    if is_pure(module):
        return 0
    return next((number for number, names in enumerate(FLOORS) if part in names), VERBS)


@pytest.mark.parametrize("module", [name for name in SOURCES if not name.startswith("config")])
def test_an_app_imports_what_lies_below_it(module):
    app = module.split(".")[0]
    for name in own_imports(module):
        other = name.split(".")[0]
        if other == "config":
            assert name not in CONFIG_ROOF, f"{module} imports {name}"
        elif other == app:
            assert floor(name) <= floor(module), f"{module} imports {name}, which stands above it"
        else:
            assert APPS.index(other) < APPS.index(app), f"{module} imports {name} of an app above its own"


@pytest.mark.parametrize("module", [name for name in SOURCES if name.startswith("config") and name not in CONFIG_ROOF])
def test_config_knows_no_app(module):
    assert {name for name in own_imports(module) if not name.startswith("config")} == set()


@pytest.mark.parametrize("module", [name for name in SOURCES if is_pure(name)])
def test_what_is_pure_imports_no_django(module):
    found = set(imports(ast.parse(SOURCES[module].read_text())))
    assert not {name for name in found if name.split(".")[0] in {"django", "rest_framework", "django_filters"}}
    assert {name for name in own_imports(module) if "." in name and not is_pure(name)} == set()


@pytest.mark.parametrize("module", SOURCES)
def test_nothing_is_imported_inside_a_function(module):
    tree = ast.parse(SOURCES[module].read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = [node for function in functions for node in ast.walk(function)]
    assert not [ast.unparse(node) for node in inside if isinstance(node, ast.Import | ast.ImportFrom)]


def test_no_module_is_named_for_what_it_is_not():
    assert {name for name in SOURCES if HOMELESS & set(name.split("."))} == set()


def test_no_module_is_empty_but_for_packages():
    assert [name for name, path in SOURCES.items() if not path.read_text().strip() and path.stem != "__init__"] == []


@pytest.mark.django_db
def test_the_migrations_tell_of_every_change_of_a_model():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
