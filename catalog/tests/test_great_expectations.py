"""Rules that must find something: the cases of great expectations that say what a constraint of ours says.

Verdict, share (`mostly`) and the positions of the rows at fault are compared. A rule about a figure of a whole column
(its mean, its quantiles), about two columns, or about types of another engine is no constraint of an Object.
"""

import gzip
import io
import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from catalog import rules
from catalog.formats import CSVText
from catalog.row_errors import Report
from catalog.schema import Schema
from catalog.sources import JSONRows, Source
from catalog.validation import check_rows

VARIABLE = "EXEMPLAR_SHARED_DATA"
NO_CONSTRAINT = "no constraint of an Object"
ROWS = "expect_column_values_to_"


@pytest.fixture
def cases() -> list[dict[str, Any]]:
    if not os.environ.get(VARIABLE):
        pytest.skip(f"set {VARIABLE} to the folder `data` to run the cases written by others")
    path = Path(os.environ[VARIABLE]) / "24_great_expectations_tests" / "cases.json.gz"
    found: list[dict[str, Any]] = json.loads(gzip.decompress(path.read_bytes()))
    return found


def between(given: dict[str, Any]) -> dict[str, Any]:
    low = "exclusiveMinimum" if given.get("strict_min") else "minimum"
    high = "exclusiveMaximum" if given.get("strict_max") else "maximum"
    bounds = {low: given.get("min_value"), high: given.get("max_value")}
    return {name: value for name, value in bounds.items() if value is not None}


def anywhere(regex: str) -> str:
    """A pattern that matches the whole of a text in which a regular expression is found."""
    before = "" if regex.startswith("^") else ".*"
    after = "" if regex.endswith("$") else ".*"
    return f"(?s){before}(?:{regex.removeprefix('^').removesuffix('$')}){after}"


def like(pattern: str) -> str:
    """The same of an SQL pattern."""
    return "(?s)" + "".join({"%": ".*", "_": "."}.get(mark, re.escape(mark)) for mark in pattern)


def attribute(case: dict[str, Any]) -> dict[str, Any] | None:
    """The attribute that says what a rule about the values of one column says; None if none does."""
    given, kind = case["in"], case["expectation"].removeprefix(ROWS)
    values = case["data"].get(given.get("column")) if isinstance(case["data"], dict) else None
    if values is None or any(isinstance(value, dict) for value in given.values()) or given.get("row_condition"):
        return None
    if kind == "match_strftime_format":
        return {"type": "datetime" if "%H" in given["strftime_format"] else "date", "format": given["strftime_format"]}
    constraints: dict[str, Any] | None = {
        "be_between": lambda: between(given) or None,
        "match_regex": lambda: {"pattern": anywhere(given["regex"])},
        "match_like_pattern": lambda: (
            {"pattern": like(given["like_pattern"])} if "[" not in given["like_pattern"] else None
        ),
        "be_in_set": lambda: {"enum": given["value_set"]},
        "not_be_null": lambda: {"required": True},
        "be_unique": lambda: {"unique": True},
    }.get(kind, lambda: None)()
    return None if constraints is None else {"type": kind_of(values), "constraints": constraints}


def kind_of(values: list[Any]) -> str:
    kinds = {type(value) for value in values if value is not None}
    if kinds and kinds <= {int, float}:
        return "integer" if kinds == {int} else "number"
    return "string"


def report_of(case: dict[str, Any], directory: Path) -> Report | str:
    """What is wrong with the rows of a case by our rules, or why they have no say in it."""
    given, data = case["in"], case["data"]
    if case["expectation"] == "expect_compound_columns_to_be_unique":
        names = given["column_list"]
        if given.get("ignore_row_if") not in (None, "any_value_is_missing") or given.get("row_condition"):
            return NO_CONSTRAINT  # a key with a null part passes here
        definition: dict[str, Any] = {
            "attributes": [{"name": name, "type": kind_of(data[name])} for name in names],
            "uniqueKeys": [names],
        }
    else:
        found = attribute(case)
        if found is None or case["error"]:
            return NO_CONSTRAINT
        names = [given["column"]]
        definition = {"attributes": [{"name": names[0], **found}]}
    if rules.check_definition(definition):
        return f"refused as a definition: {case['id']}"
    columns = [data[name] for name in names]
    return check_rows(source(names, list(zip(*columns, strict=True)), definition, directory), schema(definition))


def schema(definition: dict[str, Any]) -> Schema:
    return Schema.from_definition(rules.normalised(definition))


def source(names: list[str], rows: list[tuple[Any, ...]], definition: dict[str, Any], directory: Path) -> Source:
    """The rows as JSON; as CSV where the rule is about text."""
    if "format" not in definition["attributes"][0]:
        return JSONRows([json.dumps(dict(zip(names, row, strict=True))) for row in rows])
    lines = [*names, *("" if value is None else str(value) for (value,) in rows)]
    return CSVText(io.BytesIO("\n".join(lines).encode()), directory)


def verdict(case: dict[str, Any], report: Report) -> str:
    """Whether our report says what theirs does."""
    given, kind = case["in"], case["expectation"].removeprefix(ROWS)
    bad = {error.row - 1 for error in report.errors}
    is_key = "unique" in kind
    if is_key and given.get("mostly", 1) != 1:
        return "a share of a key: theirs counts every row of a repeated key, ours all but the first"
    if is_key:
        return "right" if (not bad) == case["out"]["success"] else f"other verdict: {case['id']}"
    values = case["data"][given["column"]]
    counted = len(values) if kind == "not_be_null" else sum(value is not None for value in values)
    success = counted == 0 or (counted - len(bad)) / counted >= given.get("mostly", 1)
    positions = case["out"].get("unexpected_index_list")
    if success != case["out"].get("success", success):
        return f"other verdict: {case['id']}"
    return "right" if positions is None or set(positions) == bad else f"other rows: {case['id']}"


EXPECTED = {
    "right": 75,
    NO_CONSTRAINT: 188,
    "a share of a key: theirs counts every row of a repeated key, ours all but the first": 6,
    # bounds on texts, which are to be parsed (1.3, 1.10), or on values of both kinds
    "refused as a definition: expect_column_values_to_be_between#1.3": 1,
    "refused as a definition: expect_column_values_to_be_between#1.10": 1,
    "refused as a definition: expect_column_values_to_be_between#1.27": 1,
    "refused as a definition: expect_column_values_to_be_between#1.28": 1,
    # four nulls are no repeated value here
    "other verdict: expect_column_values_to_be_unique#1.8": 1,
}


def test_great_expectations(cases: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found: Counter[str] = Counter()
    for case in cases:
        report = report_of(case, tmp_path)
        found[report if isinstance(report, str) else verdict(case, report)] += 1
    with capsys.disabled():
        print(f"\ngreat expectations: {len(cases)} cases, {dict(found)}")
    assert dict(found) == EXPECTED
