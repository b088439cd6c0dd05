"""Comparison against 487 pairs of tables whose verdicts were made by rule, in the folder that the tests are given."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from catalog.comparison import ComparisonOptions, compare

VARIABLE = "EXEMPLAR_SHARED_DATA"
MUTANT_COUNT = 487


@pytest.fixture
def folder() -> Path:
    if not os.environ.get(VARIABLE):
        pytest.skip(f"set {VARIABLE} to the folder `data` to run the {MUTANT_COUNT} comparison mutants")
    return Path(os.environ[VARIABLE]) / "26_comparison_mutants"


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def read(path: Path, types: dict[str, str]) -> str:
    """A relation of the file: nothing between the commas is null, `""` is empty text."""
    columns = ", ".join(f"'{name.replace(chr(39), chr(39) * 2)}': '{type_}'" for name, type_ in types.items())
    return (
        f"SELECT * FROM read_csv('{path}', header = true, delim = ',', quote = '\"', escape = '\"', "
        f"auto_detect = false, allow_quoted_nulls = false, nullstr = '', columns = {{{columns}}})"
    )


def verdict(connection: duckdb.DuckDBPyConnection, folder: Path, mutant: dict[str, Any], parent: dict[str, str]) -> str:
    own_types = {column["name"]: column["type"] for column in mutant["columns"]}
    expected = read(folder / mutant["parent_file"], parent)
    actual = read(folder / mutant["mutant_file"], own_types)
    return "pass" if compare(connection, expected, actual, ComparisonOptions()).is_equal else "fail"


def test_every_mutant_gets_its_verdict(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    mutants = json.loads((folder / "mutants.json").read_text(encoding="utf-8"))
    in_parent_order = [mutant for mutant in mutants if mutant["mutation"] not in ("columns_reversed", "column_missing")]
    parents = {mutant["parent_file"]: mutant["columns"] for mutant in in_parent_order}
    wrong = []
    for mutant in mutants:
        parent = {column["name"]: column["type"] for column in parents[mutant["parent_file"]]}
        if verdict(connection, folder, mutant, parent) != mutant["verdict_unordered_by_name"]:
            wrong.append((mutant["mutant_file"], mutant["note"]))
    assert len(mutants) == MUTANT_COUNT
    assert wrong == []
