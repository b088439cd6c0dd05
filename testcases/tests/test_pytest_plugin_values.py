"""How the plugin of pytest reads and writes values: with Python's types, and with all digits."""

import json
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "clients" / "pytest-exemplar" / "src"
EXACT = {"type": "number", "precision": 30, "scale": 12}


@pytest.fixture
def values(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SOURCE))
    return import_module("pytest_exemplar.values")


@pytest.mark.parametrize(
    ("attribute", "text", "value"),
    [
        ({"type": "string"}, '"ann"', "ann"),
        ({"type": "integer"}, "9007199254740993", 9007199254740993),
        ({"type": "number"}, "2", 2.0),
        (EXACT, "123456789012345678.123456789012", Decimal("123456789012345678.123456789012")),
        (EXACT, "4", Decimal(4)),
        ({"type": "boolean"}, "true", True),
        ({"type": "date"}, '"2024-02-29"', date(2024, 2, 29)),
        ({"type": "time"}, '"12:30:00.5"', time(12, 30, 0, 500_000)),
        ({"type": "datetime"}, '"2024-02-29T12:30:00"', datetime(2024, 2, 29, 12, 30)),
        ({"type": "datetime", "timezone": True}, '"2024-02-29T12:30:00Z"', datetime(2024, 2, 29, 12, 30, tzinfo=UTC)),
        ({"type": "object"}, '{"a": [1.5, null]}', {"a": [1.5, None]}),
        ({"type": "any"}, "0.1234567890123456789", Decimal("0.1234567890123456789")),
        ({"type": "date"}, "null", None),
    ],
)
def test_a_value_of_the_api_becomes_its_python_type_and_comes_back(
    values: ModuleType, attribute: dict[str, Any], text: str, value: Any
) -> None:
    found = values.read_value(json.loads(text, parse_float=Decimal), attribute)
    assert (found, type(found)) == (value, type(value))
    again = values.read_value(json.loads(values.as_json(found), parse_float=Decimal), attribute)
    assert again == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1.10"), "1.10"),
        (Decimal("1E+3"), "1E+3"),
        (datetime(2024, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), '"2024-01-01T00:00:00Z"'),
        (timedelta(seconds=90, microseconds=500_000), '"PT90.5S"'),
        (-timedelta(days=1), '"-PT86400S"'),
        ({"a": (1, None)}, '{"a": [1, null]}'),
    ],
)
def test_what_a_function_gives_is_written_whole(values: ModuleType, value: Any, text: str) -> None:
    assert values.as_json(value) == text


@pytest.mark.parametrize("value", [math.nan, Decimal("Infinity"), object(), {1, 2}])
def test_what_json_has_not_is_refused(values: ModuleType, value: Any) -> None:
    with pytest.raises(ValueError):
        values.as_json(value)
