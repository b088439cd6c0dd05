"""frictionless' own cases of validation: the right kind of error at the right row, in the folder that tests are given.

Of 162 cases those apply that check rows by a schema: checks of a cell's style, sizes and digests of files, remote
files and other dialects are not ours. Rows count from 1 here, and from the header there.
"""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from catalog.formats import CSVText
from catalog.formats.opening import open_rows
from catalog.row_errors import Report
from catalog.rules import check_definition, normalised
from catalog.schema import Schema
from catalog.sources import JSONRows, MalformedError, Source
from catalog.standards import from_table_schema
from catalog.validation import check_rows

VARIABLE = "EXEMPLAR_SHARED_DATA"
# frictionless' kinds of error and our codes for them; an empty set: no fault here.
CODES: dict[str, set[str]] = {
    "blank-row": set(),
    "extra-cell": {"malformed"},
    "missing-cell": {"malformed"},
    "blank-label": {"unknown_attribute"},
    "extra-label": {"unknown_attribute"},
    "incorrect-label": {"unknown_attribute", "missing_attribute"},
    "missing-label": {"missing_attribute"},
    "duplicate-label": {"duplicate_attribute"},
    "unmatched-header": {"unknown_attribute", "missing_attribute"},
    "type-error": {"type"},
    "constraint-error": {
        "required", "enum", "minimum", "maximum", "min_length", "max_length", "pattern", "exclusive_minimum",
    },
    "unique-error": {"unique"},
    "primary-key": {"primary_key", "required"},
}  # fmt: skip
PACKAGES = {"dict_invalid": "invalid", "skip_errors": "invalid", "infer": "infer", "mixed": "infer"}
HEADER_KINDS = {kind for kind in CODES if "label" in kind or "header" in kind}


@pytest.fixture
def folder() -> Path:
    if not os.environ.get(VARIABLE):
        pytest.skip(f"set {VARIABLE} to the folder `data` to hold frictionless' verdicts")
    return Path(os.environ[VARIABLE]) / "15_frictionless"


def applies(case: dict[str, Any]) -> bool:
    """Whether a case checks one table by a schema and nothing else."""
    given = case["input"]
    checks = any(each.get("checks") for each in case["checks_and_args"])
    kinds = {error[case["error_columns"].index("type")] for error in case["errors"]}
    return "schema" in given and not checks and "dialect" not in given and kinds <= set(CODES)


def is_filtered(case: dict[str, Any]) -> bool:
    """Whether the verdict names only some kinds of errors."""
    options = [*case["checks_and_args"], case["kwargs"].get("checklist", {})]
    return any(each.get("skipErrors") or each.get("pickErrors") for each in options)


def schema_of(case: dict[str, Any], folder: Path) -> Schema | None:
    """The case's schema; None if we refuse it. What is no word of Table Schema is left out."""
    given = case["input"]["schema"]
    document = given if isinstance(given, dict) else json.loads((folder / given).read_text())
    definition, _ = from_table_schema(document)
    if check_definition(definition):
        return None
    return Schema.from_definition(normalised(definition))


def path_of(case: dict[str, Any]) -> str:
    """The case's file; that of a package is named as seen from the package, which only the case's name tells."""
    path = str(case["input"]["path"])
    if path.startswith("data/"):
        return path
    package = next((name for word, name in PACKAGES.items() if word in case["id"]), "package")
    return f"data/{package}/{path}"


def source_of(case: dict[str, Any], folder: Path, directory: Path) -> Source:
    """The case's rows: a file, a list of lists, which has a header, or a list of objects."""
    given = case["input"]
    if given.get("data") is None:
        stream = io.BytesIO((folder / path_of(case)).read_bytes())
        return open_rows(stream, directory, name=given["path"]).source
    if all(isinstance(row, dict) for row in given["data"]):
        return JSONRows([json.dumps(row) for row in given["data"]])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(given["data"])
    return CSVText(io.BytesIO(text.getvalue().encode()), directory)


def difference(case: dict[str, Any], report: Report) -> str | None:
    """How our report differs from the verdict; None if each of its errors is found, and nothing in sound rows."""
    row, kind = (case["error_columns"].index(name) for name in ("rowNumber", "type"))
    wanted = [(0 if error[kind] in HEADER_KINDS else error[row] - 1, CODES[error[kind]]) for error in case["errors"]]
    found = {(error.row, error.code) for error in report.errors}
    if any(place == 0 for place, _ in found):
        wanted = [(place, codes) for place, codes in wanted if place == 0]  # where the header is wrong, no row is read
    unmet = [(place, codes) for place, codes in wanted if codes and not {(place, code) for code in codes} & found]
    absent = [(place, sorted(codes)) for place, codes in unmet]
    more = [] if any(codes for _, codes in wanted) or is_filtered(case) else sorted(found)
    return f"absent {absent}, more {more}" if absent or more else None


def verdict(case: dict[str, Any], folder: Path, directory: Path) -> str | None:
    """None: as frictionless; else the difference."""
    schema = schema_of(case, folder)
    if schema is None:
        return "the schema is refused"
    directory.mkdir()
    try:
        return difference(case, check_rows(source_of(case, folder, directory), schema))
    except (MalformedError, FileNotFoundError) as error:
        return f"can't be read: {error}"


def test_the_verdicts_of_frictionless(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = json.loads((folder / "validation_cases.json").read_text())
    applying = [case for case in cases if applies(case)]
    found = {case["id"]: verdict(case, folder, tmp_path / str(number)) for number, case in enumerate(applying)}
    differing = {name: why for name, why in found.items() if why}
    with capsys.disabled():
        print(f"\nfrictionless: {len(cases)} cases, {len(applying)} apply, {len(applying) - len(differing)} agree")
        for name, why in differing.items():
            print(f"  {name}: {why}")
    assert set(differing) <= set(DIFFERENCES)


BLANK = "a blank line is no row here, so it has no empty key either"
SYNC = "frictionless was told to fit the schema to the header (schema_sync); ours says fieldsMatch in the schema"
DIFFERENCES = {
    "test_resource_validate_detector_sync_schema_invalid": SYNC,
    "test_resource_validate_detector_headers_errors": SYNC,
    "test_package_validate_from_dict_invalid#0": BLANK,
    "test_package_validate_with_skip_errors#0": BLANK,
    "test_package_validate_with_skip_errors#6": BLANK,
    "test_package_validate_geopoint_required_constraint_issue_231#0": "geopoint is no type of ours",
}
