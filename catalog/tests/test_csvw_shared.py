"""The W3C's own cases of CSVW: metadata that becomes an Object, and the file that conforms to it or doesn't.

They are in the folder that the tests are given. Those apply that have metadata in the folder, and validate: bad
metadata must be refused, and a file must conform or not as the case says. Nothing is fetched.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.formats.opening import open_rows, read_options
from catalog.rules import check_definition, normalised
from catalog.schema import Schema
from catalog.sources import MalformedError
from catalog.standards import UNCOVERED, from_csvw
from catalog.standards.csvw import table_name, titles_of
from catalog.validation import check_rows

VARIABLE = "EXEMPLAR_SHARED_DATA"
NEGATIVE, POSITIVE, WARNING = "NegativeValidationTest", "PositiveValidationTest", "WarningValidationTest"


@pytest.fixture
def folder() -> Path:
    if not os.environ.get(VARIABLE):
        pytest.skip(f"set {VARIABLE} to the folder `data` to hold the W3C's verdicts on CSVW")
    return Path(os.environ[VARIABLE]) / "13_csvw"


def metadata_path(case: dict[str, Any], folder: Path) -> Path | None:
    """The case's metadata, as a person would choose it; None where there is none in the folder, or it is elsewhere."""
    named = case["option"].get("metadata")
    candidates = [named] if named else [case["action"], f"{case['action']}-metadata.json"]
    paths = [folder / "tests" / each for each in candidates if each.endswith(".json")]
    return next((path for path in paths if path.is_file()), None)


def tables(document: Any) -> list[dict[str, Any]]:
    listed = document.get("tables", [document]) if isinstance(document, dict) else []
    return [table for table in listed if isinstance(table, dict)] if isinstance(listed, list) else []


def header(document: Any, table: dict[str, Any], definition: dict[str, Any]) -> dict[str, str]:
    """How the file is read: by the names of the columns where its header has titles."""
    schema = table.get("tableSchema", document.get("tableSchema"))
    columns = schema["columns"] if isinstance(schema, dict) else []
    names = [attribute["name"] for attribute in definition["attributes"]]
    titles = [titles_of(column) for column in columns if isinstance(column, dict) and not column.get("virtual")]
    if all(name in given or not given for name, given in zip(names, titles, strict=False)):
        return {}
    return {"header": ",".join(names)}


def found_in(path: Path, directory: Path) -> tuple[list[str], bool]:
    """What is wrong with metadata and with the files of its tables, and whether something is told as not covered."""
    document = json.loads(path.read_text())
    wrong, told = [], False
    for number, table in enumerate(tables(document) or [{}]):
        definition, problems = from_csvw(document, table_name(table))
        told = told or any(problem.code == UNCOVERED for problem in problems)
        wrong += [f"{problem.path}: {problem.message}" for problem in problems if problem.code != UNCOVERED]
        if wrong:
            return wrong, told
        if unsound := check_definition(definition):
            return [f"{problem.path}: {problem.message}" for problem in unsound], told
        wrong += rows_problems(path, document, table, definition, directory / str(number))
    return wrong, told


def rows_problems(
    path: Path, document: Any, table: dict[str, Any], definition: dict[str, Any], directory: Path
) -> Iterator[str]:
    file = path.parent / table["url"]
    directory.mkdir(parents=True)
    try:
        with file.open("rb") as stream:
            reading = read_options(header(document, table, definition))
            opened = open_rows(stream, directory, name=file.name, options=reading)
            report = check_rows(opened.source, Schema.from_definition(normalised(definition)))
    except MalformedError as error:
        yield str(error)
    else:
        yield from (f"row {error.row}: {error.message}" for error in report.errors)


def why_not(case: dict[str, Any], folder: Path) -> str | None:
    """Why a case doesn't apply; None if it does."""
    path = metadata_path(case, folder)
    if path is None:
        return "no metadata in the folder"
    document = json.loads(path.read_text())
    missing = [
        table["url"]
        for table in tables(document)
        if isinstance(table.get("url"), str) and not (path.parent / table["url"]).is_file()
    ]
    if any(isinstance(table.get("tableSchema"), str) for table in tables(document)):
        return "a schema at another address"
    return "a file that is not there" if missing and not case["type"].endswith(NEGATIVE) else None


def verdict(case: dict[str, Any], folder: Path, directory: Path) -> str | None:
    """None: as the W3C; else the difference."""
    path = metadata_path(case, folder)
    assert path is not None
    wrong, told = found_in(path, directory)
    if case["type"].endswith(NEGATIVE):
        return None if wrong else "nothing wrong is found"
    if wrong:
        return wrong[0]
    return "nothing is told" if case["type"].endswith(WARNING) and not told else None


def test_the_verdicts_of_the_w3c(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = [
        case for case in json.loads((folder / "tests.json").read_text()) if case["type"].endswith("ValidationTest")
    ]
    reasons = {case["id"]: why_not(case, folder) for case in cases}
    applying = [case for case in cases if reasons[case["id"]] is None]
    found = {case["id"].partition("#")[2]: verdict(case, folder, tmp_path / case["id"]) for case in applying}
    differing = {name: why for name, why in found.items() if why}
    with capsys.disabled():
        print(f"\nCSVW: {len(cases)} validations, {len(applying)} apply, {len(applying) - len(differing)} agree")
        print(f"  left out: {dict(Counter(reason for reason in reasons.values() if reason))}")
        for name, why in differing.items():
            print(f"  {name}: {DIFFERENCES.get(name, 'UNEXPLAINED')} ({why[:150]})")
    assert set(differing) <= set(DIFFERENCES)
    assert len(applying) - len(differing) >= 100


DIGITS = "how many digits stand, and where they are grouped, is told as not checked"
DIFFERENCES = {
    "test023": "it describes no columns, and an Object has attributes",
    "test155": "NaN and INF are no numbers here",
    "test171": "a per-mille sign without a pattern that says so is no number here",
    "test187": "two columns are called datetime and dateTime; names of attributes differ by more than case",
    "test247": "how many digits of a second stand is told as not checked",
    "test257": "a foreign key is checked against Tables, of which there are none beside a file",
    "test285": "digits that are grouped after the decimal point are not read",
    "test289": DIGITS,
    "test291": DIGITS,
    "test293": DIGITS,
    "test295": DIGITS,
    "test299": DIGITS,
    "test301": DIGITS,
}
