"""What the values of a version look like: exact, whatever the type, and kept."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError

from catalog import profiling
from catalog.contents import append_rows
from catalog.models import Table, TableProfile
from catalog.profiles import version_profile
from catalog.profiling.bins import bins, scale_of
from catalog.tests.factories import ObjectSchemaFactory, TableFactory, json_rows

pytestmark = pytest.mark.django_db


def profile_of(attribute: Mapping[str, Any], cells: Iterable[str]) -> dict[str, Any]:
    """The profile of one attribute, `a`, from the JSON texts of its cells."""
    shape = ObjectSchemaFactory.create(attributes=[{"name": "a", **attribute}])
    table = TableFactory.create(object=shape, rows=[f'{{"a": {cell}}}' for cell in cells])
    return version_profile(table.current)[0]


def test_a_number_tells_its_range_its_middle_and_its_shape() -> None:
    found = profile_of({"type": "integer"}, [*map(str, range(1, 101)), "null", "100"])
    assert (found["nulls"], found["distinct"], found["distinct_exact"]) == (1, 100, True)
    assert (found["min"], found["max"]) == (1, 100)
    assert (f"{found['mean']:.3f}", f"{found['stddev']:.3f}") == ("50.990", "29.283")
    assert found["quantiles"] == {"5": 6, "25": 26, "50": 51, "75": 76, "95": 96}
    assert found["top_values"][0] == {"value": 100, "count": 2}
    assert len(found["top_values"]) == 10
    assert sum(each["count"] for each in found["histogram"]) == 101
    assert found["histogram"][0] == {"from": 1, "to": 4, "count": 4}
    assert found["histogram"][-1] == {"from": 100, "to": 100, "count": 2}


def test_few_whole_numbers_have_a_bin_each() -> None:
    found = profile_of({"type": "integer"}, ["1", "3", "3"])
    assert found["histogram"] == [
        {"from": 1, "to": 1, "count": 1},
        {"from": 2, "to": 2, "count": 0},
        {"from": 3, "to": 3, "count": 2},
    ]


def test_an_exact_decimal_keeps_its_digits() -> None:
    low, high = "12345678901234567890.123456789012345678", "12345678901234567890.123456789012345679"
    found = profile_of({"type": "number", "precision": 38, "scale": 18}, [low, high, high])
    assert (found["min"], found["max"], found["quantiles"]["50"]) == (Decimal(low), Decimal(high), Decimal(high))
    assert found["top_values"] == [{"value": Decimal(high), "count": 2}, {"value": Decimal(low), "count": 1}]
    assert found["histogram"] == [
        {"from": Decimal(low), "to": Decimal(low), "count": 1},
        {"from": Decimal(high), "to": Decimal(high), "count": 2},
    ]


def test_an_integer_beyond_a_double_is_told_in_full() -> None:
    found = profile_of({"type": "integer"}, [str(2**63 - 1), str(2**53 + 1), str(-(2**63))])
    assert (found["min"], found["max"], found["quantiles"]["50"]) == (-(2**63), 2**63 - 1, 2**53 + 1)
    assert sum(each["count"] for each in found["histogram"]) == 3


@pytest.mark.parametrize("cells", [["1.7e308", "-1.7e308", "1e-300"], ["5e-324", "0"], ["0.1", "0.1"], ["1e22", "3"]])
def test_doubles_of_any_size_are_profiled(cells: list[str]) -> None:
    found = profile_of({"type": "number"}, cells)
    assert (float(found["min"]), float(found["max"])) == (min(map(float, cells)), max(map(float, cells)))
    assert sum(each["count"] for each in found["histogram"]) == len(cells)
    assert 1 <= len(found["histogram"]) <= 22


def test_a_spread_beyond_a_double_is_left_out_and_hides_nothing_else() -> None:
    attributes = [{"name": "a", "type": "number"}, {"name": "b", "type": "integer"}]
    rows = ['{"a": 1e308, "b": 1}', '{"a": -1e308, "b": 3}']
    table = TableFactory.create(object=ObjectSchemaFactory.create(attributes=attributes), rows=rows)
    wide, narrow = version_profile(table.current)
    assert (wide["stddev"], float(wide["max"]), float(round(narrow["stddev"], 3))) == (None, 1e308, 1.414)


def test_texts_tell_their_lengths_and_empty_text_is_not_null() -> None:
    found = profile_of({"type": "string"}, ['""', '"Bergen"', '"ås"', "null", '""'])
    assert (found["nulls"], found["empty"], found["distinct"]) == (1, 2, 3)
    assert found["lengths"] == {"min": 0, "mean": 2.0, "max": 6}
    assert (found["min"], found["max"], found["top_values"][0]) == ("", "ås", {"value": "", "count": 2})
    assert "histogram" not in found


def test_a_long_text_is_cut_and_says_so() -> None:
    found = profile_of({"type": "string"}, [json.dumps("x" * 5000)])
    assert found["max"] == found["top_values"][0]["value"] == "x" * 200 + "…"
    assert found["lengths"]["max"] == 5000


@pytest.mark.parametrize(
    ("attribute", "cells", "low", "high", "bin_count"),
    [
        ({"type": "date"}, ['"0001-01-01"', '"9999-12-31"'], "0001-01-01", "9999-12-31", 20),
        ({"type": "date"}, ['"2026-01-01"', '"2026-01-03"'], "2026-01-01", "2026-01-03", 3),
        (
            {"type": "datetime"},
            ['"2026-01-01T00:30:00"', '"2026-01-01T10:00:00.25"'],
            "2026-01-01T00:30:00",
            "2026-01-01T10:00:00.25",
            20,
        ),
        (
            {"type": "datetime", "timezone": True},
            ['"2026-01-01T01:00:00+02:00"', '"2026-01-02T00:00:00Z"'],
            "2025-12-31T23:00:00Z",
            "2026-01-02T00:00:00Z",
            13,
        ),
    ],
)
def test_times_have_a_range_and_a_histogram(
    attribute: dict[str, Any], cells: list[str], low: str, high: str, bin_count: int
) -> None:
    found = profile_of(attribute, cells)
    assert (found["min"], found["max"]) == (low, high)
    assert (found["histogram"][0]["from"] <= low, found["histogram"][-1]["to"]) == (True, high)
    assert (len(found["histogram"]), sum(each["count"] for each in found["histogram"])) == (bin_count, 2)


def test_booleans_tell_how_often_each_stands() -> None:
    found = profile_of({"type": "boolean"}, ["true", "false", "true", "null"])
    assert found["top_values"] == [{"value": True, "count": 2}, {"value": False, "count": 1}]
    assert {"min", "mean", "histogram"}.isdisjoint(found)


def test_nested_values_tell_their_kinds_and_lengths() -> None:
    found = profile_of({"type": "any"}, ['{"a": 1, "b": 2}', "[1, 2, 3]", '"text"', "1", "1", "null"])
    assert found["kinds"] == {"object": 1, "array": 1, "string": 1, "number": 2}
    assert (found["nulls"], found["lengths"]["min"], found["lengths"]["max"]) == (1, 2, 4)
    assert found["top_values"][0] == {"value": 1, "count": 2}


def test_durations_have_no_least_and_no_greatest_by_their_text() -> None:
    found = profile_of({"type": "duration"}, ['"P1D"', '"PT5M"'])
    assert "min" not in found
    assert found["distinct"] == 2


@pytest.mark.parametrize("kind", ["integer", "number", "string", "boolean", "date", "datetime"])
def test_a_table_without_values_has_a_profile(kind: str) -> None:
    for cells in ([], ["null", "null"]):
        found = profile_of({"type": kind}, cells)
        assert (found["nulls"], found["distinct"], found["top_values"]) == (len(cells), 0, [])
        assert found.get("min") is None
        assert found.get("histogram", []) == []


def test_many_rows_are_estimated_and_the_answer_says_which_figures_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "EXACT_ROWS", 100)
    monkeypatch.setattr(profiling, "EXACT_DISTINCT", 50)
    attributes = [{"name": "many", "type": "integer"}, {"name": "few", "type": "string"}]
    rows = [f'{{"many": {0 if n % 10 == 0 else n}, "few": "c{n % 3}"}}' for n in range(2000)]
    table = TableFactory.create(object=ObjectSchemaFactory.create(attributes=attributes), rows=rows)
    many, few = version_profile(table.current)
    assert (many["distinct_exact"], many["quantiles_exact"], many["top_values_exact"]) == (False, False, False)
    assert 1500 < many["distinct"] <= 2000
    assert many["top_values"][0] == {"value": 0, "count": 200}  # counted, not estimated
    assert (few["distinct"], few["distinct_exact"], few["top_values"][0]["count"]) == (3, True, 667)


def test_two_thousand_attributes_with_hostile_names_are_profiled() -> None:
    names = [f"\"{n}'; DROP TABLE x; -- ü😀" for n in range(2000)]
    shape = ObjectSchemaFactory.create(attributes=[{"name": name, "type": "integer"} for name in names])
    table = TableFactory.create(object=shape, rows=[{name: n for n, name in enumerate(names)}, {}])
    found = version_profile(table.current)
    assert [each["name"] for each in found] == names
    assert all((each["nulls"], each["max"]) == (1, n) for n, each in enumerate(found))


# --- kept -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def table(db: None) -> Table:
    return TableFactory.create(rows=['{"id": 1, "amount": 1.50}', '{"id": 2, "name": "ann"}'])


def test_a_profile_is_found_once_and_kept_with_its_digits(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    first = version_profile(table.current)
    monkeypatch.setattr("catalog.profiles.profile", None)
    assert version_profile(table.current) == first
    assert str(version_profile(table.current, ["amount"])[0]["max"]) == "1.50"


def test_each_version_has_its_own_profile(table: Table) -> None:
    old = table.current
    version_profile(old)
    append_rows(table, json_rows([{"id": 9}]))
    assert (version_profile(table.current)[0]["max"], version_profile(old)[0]["max"]) == (9, 2)


def test_a_profile_of_some_attributes_is_found_without_the_rest(table: Table) -> None:
    assert [each["name"] for each in version_profile(table.current, ["name"])] == ["name"]
    assert not TableProfile.objects.exists()
    with pytest.raises(KeyError):
        version_profile(table.current, ["nmae"])


def test_who_comes_second_to_keep_a_profile_has_it_all_the_same(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    version = table.current
    original = profiling.profile

    def overtaken(*args: Any) -> Any:
        found = original(*args)
        TableProfile.objects.get_or_create(version=version, defaults={"document": found})
        return found

    monkeypatch.setattr("catalog.profiles.profile", overtaken)
    assert version_profile(version)[0]["max"] == 2
    assert TableProfile.objects.count() == 1


def test_a_profile_that_can_not_be_kept_is_answered(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise DatabaseError("database is locked")

    monkeypatch.setattr(TableProfile.objects, "bulk_create", refuse)
    assert version_profile(table.current)[0]["max"] == 2


# --- bins -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("duckdb_type", "low", "high"),
    [
        ("BIGINT", "-9223372036854775808", "9223372036854775807"),
        ("DECIMAL(38,0)", "-99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
        ("DECIMAL(5,2)", "-0.01", "0.01"),
        ("DOUBLE", "-1.7976931348623157e+308", "1.7976931348623157e+308"),
        ("DOUBLE", "1.0", "1.0000000000000002"),
        ("TIMESTAMP", "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"),
        ("TIME", "00:00:00", "23:59:59.999999"),
    ],
)
def test_bins_reach_from_the_lowest_to_the_highest_value(duckdb_type: str, low: str, high: str) -> None:
    scale = scale_of(duckdb_type)
    assert scale is not None
    found = bins(scale, low, high)
    assert (scale.number(found[0].first), scale.number(found[-1].last)) == (scale.number(low), scale.number(high))
    assert 1 <= len(found) <= 22
    lasts = [scale.number(each.last) for each in found]
    assert lasts == sorted(set(lasts))
