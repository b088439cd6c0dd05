"""A file of rows that were set aside loads as it is, once it is mended: `_row` and `_errors` are no part of a row."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.formats import CSVText
from catalog.tests.conftest import Checked

A = [{"name": "a", "type": "integer"}]


def test_in_json_they_are_ignored(check_rows: Callable[..., Checked]) -> None:
    checked = check_rows(A, '{"a": 1, "_row": 7, "_errors": [{"code": "type"}]}', '{"a": 2}', '{"_errors": null}')
    assert checked.errors == ()
    assert checked.rows == [("1",), ("2",), (None,)]


def test_in_csv_they_are_ignored_wherever_they_stand(check_source: Callable[..., Checked], tmp_path: Path) -> None:
    text = b'_row,_errors,a\n7,"[{""code"": ""type""}]",1\n'
    checked = check_source(A, CSVText(io.BytesIO(text), tmp_path))
    assert checked.errors == ()
    assert checked.rows == [("1",)]


def test_other_names_are_no_attributes_beside_them(check_rows: Callable[..., Checked]) -> None:
    checked = check_rows(A, '{"a": 1, "_row": 7, "_rows": 1}')
    assert checked.found == [(1, "_rows", "unknown_attribute")]


@pytest.mark.parametrize("name", ["_row", "_errors"])
def test_an_attribute_of_that_name_is_an_attribute(check_rows: Callable[..., Checked], name: str) -> None:
    checked = check_rows([{"name": name, "type": "integer"}], f'{{"{name}": "x"}}')
    assert checked.found == [(1, name, "type")]
