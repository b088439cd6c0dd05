"""Inference over real files: never a crash, and what is proposed takes the file that it was found in.

The files are in the folder that the tests are given; what they must keep is said in their SOURCE.md.
"""

import os
from collections import Counter
from pathlib import Path

import pytest

from catalog.describing import SUGGESTIONS, Description, describe
from catalog.formats.opening import open_rows
from catalog.rules import check_definition, normalised
from catalog.schema import Schema
from catalog.sources import MalformedError
from catalog.validation import check_rows

VARIABLE = "EXEMPLAR_SHARED_DATA"
LARGEST_BYTES = 3_000_000
SETS = {
    "01_jaffle_shop_classic": "raw/*.csv",
    "02_jaffle_shop": "raw/*.csv",
    "13_csvw": "tests/**/*.csv",
    "14_csv_spectrum": "csvs/*.csv",
    "15_frictionless": "packages/*/data/*.csv",
    "16_datahub_datasets": "*/data/*.csv",
    "17_large_tables": "**/*.csv",
}


@pytest.fixture
def folder() -> Path:
    if not os.environ.get(VARIABLE):
        pytest.skip(f"set {VARIABLE} to the folder `data` to describe its files")
    return Path(os.environ[VARIABLE])


def described(path: Path, directory: Path) -> Description:
    directory.mkdir(exist_ok=True)
    with path.open("rb") as stream:
        opened = open_rows(stream, directory, name=path.name)
        return describe(opened.source, opened.found)


def verdict(path: Path, directory: Path) -> str:
    """taken: both with and without all suggestions; renamed: its header has no names for attributes; or why not."""
    try:
        description = described(path, directory)
    except MalformedError as error:
        return f"refused: {error}"
    for accepted in ((), SUGGESTIONS):
        definition = description.definition(accepted)
        assert check_definition(definition) == [], path
        with path.open("rb") as stream:
            opened = open_rows(stream, directory, name=path.name)
            report = check_rows(opened.source, Schema.from_definition(normalised(definition)))
        if report.error_count and any(attribute.column is not None for attribute in description.attributes):
            return "renamed"
        if report.error_count:
            assert {error.code for error in report.errors} <= {"malformed", "encoding"}, (path, report.errors[:3])
            assert report.error_count == description.unreadable_count, path
            return "rows that are no rows"
    return "taken"


@pytest.mark.parametrize("name", SETS)
def test_what_is_proposed_takes_the_file(
    folder: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files = sorted(path for path in (folder / name).glob(SETS[name]) if path.stat().st_size <= LARGEST_BYTES)
    verdicts: Counter[str] = Counter()
    for number, path in enumerate(files):
        directory = tmp_path / str(number)
        verdicts[verdict(path, directory)] += 1
    with capsys.disabled():
        print(f"\n{name}: {len(files)} files: {dict(verdicts)}")
    assert verdicts["taken"] > len(files) * 2 // 3


def types(folder: Path, path: str, directory: Path) -> dict[str, str]:
    return {each.name: each.type for each in described(folder / path, directory).attributes}


def test_codes_of_countries_stay_text(folder: Path, tmp_path: Path) -> None:
    path = "16_datahub_datasets/country-codes/data/country-codes.csv"
    description = described(folder / path, tmp_path)
    found = {each.name: each.type for each in description.attributes}
    assert description.missing_values == ("",)
    for name in ("ISO3166-1-Alpha-2", "Dial", "Continent", "ISO4217-currency_numeric_code"):
        assert found[name] == "string"


def test_missing_figures_of_flights_are_missing(folder: Path, tmp_path: Path) -> None:
    description = described(folder / "17_large_tables/nycflights13/weather.csv.gz", tmp_path)
    found = {each.name: each for each in description.attributes}
    assert description.missing_values == ("", "NA")
    assert (found["time_hour"].type, found["time_hour"].settings) == ("datetime", {"timezone": True})
    assert found["wind_gust"].type == "number"
    assert description.row_count == 26115
