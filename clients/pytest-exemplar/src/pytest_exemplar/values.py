"""Values between JSON and Python: as the attributes of an object say, with all digits."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

JSON_TYPES = frozenset({"object", "array", "list", "any"})
_MICROSECOND = timedelta(microseconds=1)


def is_exact(attribute: Mapping[str, Any]) -> bool:
    """Whether a number has a fixed count of digits: then it is a Decimal."""
    return attribute["type"] == "number" and attribute.get("precision") is not None


def read_row(row: Mapping[str, Any], attributes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A row of the API, whose fractions are Decimals, as Python has it."""
    return {each["name"]: read_value(row.get(each["name"]), each) for each in attributes}


def read_value(value: Any, attribute: Mapping[str, Any]) -> Any:
    """A value of the API as the attribute's Python type."""
    kind = attribute["type"]
    if kind in JSON_TYPES:
        return _plain(value)
    if value is None:
        return None
    if kind == "number":
        return Decimal(value) if is_exact(attribute) else float(value)
    readers = {"date": date.fromisoformat, "time": time.fromisoformat, "datetime": datetime.fromisoformat}
    return readers[kind](value) if kind in readers else value


def _plain(value: Any) -> Any:
    """A value inside of JSON: a float where that shows the same number."""
    if isinstance(value, Decimal):
        near = float(value)
        return near if Decimal(repr(near)) == value else value
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def as_json(value: Any) -> str:
    """The JSON text of a value; a Decimal is a number with every digit. Raises ValueError for what JSON has not."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(name))}: {as_json(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(as_json, value)) + "]"
    if isinstance(value, date | time | timedelta):
        return json.dumps(_moment(value))
    if value is None or isinstance(value, bool | str):
        return json.dumps(value)
    if isinstance(value, int | float | Decimal):
        return _number(value)
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        return as_json(value.item())
    raise ValueError(f"a {type(value).__name__} is no value of a table")


def _number(value: float | Decimal) -> str:
    if isinstance(value, int):
        return int.__repr__(value)
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number that JSON has")
    return float.__repr__(value) if isinstance(value, float) else str(value)


def _moment(value: date | time | timedelta) -> str:
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat()


def _duration(value: timedelta) -> str:
    """ISO 8601, as in `-PT90.5S`."""
    microseconds = value // _MICROSECOND
    seconds = Decimal(abs(microseconds)).scaleb(-6).normalize()
    return f"{'-' if microseconds < 0 else ''}PT{seconds:f}S"
