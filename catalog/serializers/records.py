"""Records as they come: alone, or in a body that names their Object."""

from collections.abc import Mapping
from typing import Any

from config.api import refusal


def read_record(data: Any, member: str = "") -> Mapping[str, Any]:
    """One record. Raises a 400 for what is no JSON object; `_table` and `_id`, which were read, are left out."""
    if not isinstance(data, dict):
        raise refusal(member, "type", 'A record is a JSON object such as {"order_id": 10}.')
    return {name: value for name, value in data.items() if name not in {"_table", "_id"}}


def read_records(data: Any, member: str) -> tuple[str, Any]:
    """The Object's name and what is below `member`. Raises a 400 for what is missing or unknown."""
    expected = f'The body is such as {{"schema_name": "orders", "{member}": ...}}.'
    if not isinstance(data, dict):
        raise refusal("", "type", expected)
    for name in ("schema_name", member):
        if name not in data:
            raise refusal(name, "required", f"{name} is missing. {expected}")
    for name in data:
        if name not in {"schema_name", member}:
            raise refusal(name, "unknown_member", f"There is no {name!r} here. {expected}")
    if not isinstance(data["schema_name"], str):
        raise refusal("schema_name", "type", "schema_name is the name of an object.")
    return data["schema_name"], data[member]
