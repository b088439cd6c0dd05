"""A JSON value of a definition as a value of its attribute. Pure: no Django."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from catalog import engine
from catalog.attributes import NUMERAL, Attribute
from catalog.constraints import value_sql


def read_value(attribute: Attribute, value: Any) -> Any:
    """A JSON value of a definition as a Python value that compares as the attribute does; None if it isn't one.

    integer, year: int. number: Decimal. boolean: bool. string, yearmonth: str. date: date. time: time. datetime:
    datetime without zone. duration: timedelta, a month as 30 days. list, array, object, any: the JSON value.

    At most one small DuckDB query: the definition is read by the same rule as the rows.
    """
    if attribute.kind.is_json:
        return value if _is_json_value(attribute, value) else None
    if isinstance(value, dict | list):
        return None
    if attribute.type == "string":
        return value if isinstance(value, str) else None
    if attribute.type == "boolean":
        return value if isinstance(value, bool) else None
    if attribute.type in {"integer", "number", "year"}:
        return _read_numeral(attribute, value)
    return _read_text(attribute, value) if isinstance(value, str) else None


def _is_json_value(attribute: Attribute, value: Any) -> bool:
    read = attribute.kind.from_json(attribute, "cell")
    cell = json.dumps(value, default=str)
    with engine.cursor(is_serial=True) as connection:
        found = connection.execute(
            f"SELECT ({read}) IS NOT NULL FROM (SELECT $cell AS cell)", {"cell": cell}
        ).fetchone()
    return bool(found and found[0])


def _read_text(attribute: Attribute, text: str) -> Any:
    # The value has a name before it is compared: a duration's SQL would stand in itself nine times over.
    read, value = value_sql(attribute, "cell"), attribute.kind.compared("value")
    if attribute.type == "yearmonth":
        read, value = attribute.kind.from_text(attribute, "cell"), "value"
    if attribute.timezone:  # an instant compares, and travels to Python, as UTC without zone
        value = f"({value}) AT TIME ZONE 'UTC'"
    with engine.cursor(is_serial=True) as connection:
        rows = f"WITH read AS MATERIALIZED (SELECT {read} AS value FROM (SELECT $cell AS cell))"
        found = connection.execute(f"{rows} SELECT {value} FROM read", {"cell": text}).fetchone()
    return found[0] if found else None


def _read_numeral(attribute: Attribute, value: Any) -> Any:
    """A number; an exact decimal may be written as a string of digits, which keeps all of them in any JSON."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return _read_number(attribute, value) if attribute.is_exact and NUMERAL.fullmatch(value) else None
    if attribute.type == "number":
        return _read_number(attribute, value)
    if value != value or value in (float("inf"), float("-inf")) or value != int(value):
        return None
    low, high = (0, 10_000) if attribute.type == "year" else (-(2**63), 2**63)
    return int(value) if low <= value < high else None


def _read_number(attribute: Attribute, value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    if attribute.precision is not None:
        whole_digits = max(number.adjusted() + 1, 0) if number else 0
        digits = str(int("1" + "".join(map(str, number.as_tuple().digits))))
        places = len(digits.rstrip("0")) - len(digits) - int(number.as_tuple().exponent) if number else 0
        if whole_digits > attribute.precision - attribute.scale or places > attribute.scale:
            return None
    return number
