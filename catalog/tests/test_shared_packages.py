"""Real packages with the verdicts of frictionless, in the folder that the tests are given.

What we find is said in our codes; where it differs from frictionless' verdict, DIFFERENCES says why.
"""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from catalog.formats.opening import open_rows
from catalog.rules import check_definition, normalised
from catalog.schema import Schema
from catalog.standards import from_table_schema
from catalog.validation import check_rows

VARIABLE = "EXEMPLAR_SHARED_DATA"
REPORTS = "16_datahub_datasets/reference_reports.json"
# frictionless' word for a kind of error, and our code for the same fault in the same place.
CODES = {
    "extra-cell": "malformed",  # one error for the row, as it can't be cut into cells
    "missing-cell": "malformed",
    "blank-row": "malformed",
    "extra-label": "unknown_attribute",
    "incorrect-label": "unknown_attribute",
    "missing-label": "missing_attribute",
    "duplicate-label": "duplicate_attribute",
    "type-error": "type",
    "unique-error": "unique",
    "primary-key": "primary_key",
}
# Resources whose verdict is another one here, and why.
DIFFERENCES = {
    "co2-gr-mlo": "a blank line is no row here, so it can't be a wrong one",
    "co2-mm-gl": "frictionless takes the second line for the header; after the first, each row has two cells too many",
    "donations": "its schema gives the minimum of a number as the text '0', which is refused",
}


@pytest.fixture
def folder() -> Path:
    if not os.environ.get(VARIABLE):
        pytest.skip(f"set {VARIABLE} to the folder `data` to hold the verdicts on real packages")
    return Path(os.environ[VARIABLE])


def resources(folder: Path) -> list[tuple[Path, dict[str, Any], dict[str, Any]]]:
    """Each tabular resource with a schema: the package's folder, its descriptor and frictionless' verdict."""
    found = []
    for place, report in json.loads((folder / REPORTS).read_text()).items():
        if report.get("resources") is None:
            continue
        package = json.loads((folder / place / "datapackage.json").read_text())
        verdicts = {each["name"]: each for each in report["resources"]}
        for resource in package["resources"]:
            if resource.get("schema") and resource["name"] in verdicts:
                found.append((folder / place, resource, verdicts[resource["name"]]))
    return found


def found_codes(place: Path, resource: dict[str, Any], directory: Path) -> Counter[str]:
    """The codes of what is wrong with a resource's rows; {"refused": 1} if its schema is unsound.

    The format "any", a guess at dates, is left out, and so is what is no word of Table Schema (`primaryKeys`).
    """
    fields = [{name: value for name, value in each.items() if value != "any"} for each in resource["schema"]["fields"]]
    definition, _ = from_table_schema({**resource["schema"], "fields": fields})
    if check_definition(definition):
        return Counter({"refused": len(check_definition(definition))})
    directory.mkdir()
    with (place / resource["path"]).open("rb") as stream:
        opened = open_rows(stream, directory, name=resource["path"])
        report = check_rows(opened.source, Schema.from_definition(normalised(definition)))
    return Counter(error.code for error in report.errors) | Counter(total=report.error_count)


def test_the_verdicts_on_real_packages(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    same, differing = [], {}
    for number, (place, resource, verdict) in enumerate(resources(folder)):
        found = found_codes(place, resource, tmp_path / str(number))
        wanted = {CODES[kind] for kind in verdict["errors"]}
        ours = {code for code in found if code != "total" and found[code]}
        if wanted <= ours and bool(wanted) == bool(ours):
            same.append(resource["name"])
        else:
            differing[resource["name"]] = (verdict["errors"], dict(found))
    with capsys.disabled():
        print(f"\nverdicts of frictionless on resources: {len(same)} the same, {len(differing)} others: {differing}")
    assert set(differing) <= set(DIFFERENCES), differing
    assert len(same) >= 20
