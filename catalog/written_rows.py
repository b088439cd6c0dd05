"""The JSON of a few rows that were just written, where it is known without reading them back. Pure: no Django.

A cell is known if there is one way to write it, or if its JSON as it came is what reading would give; of all others,
such as exact decimals and nested values, it is for DuckDB to say.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from catalog.attributes import Attribute
from catalog.schema import MISSING_VALUES, Schema
from catalog.sources import JSONRows, Source

LINES_MOST: Final = 1_000
DATE: Final = re.compile("[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}")
DATETIME: Final = re.compile("[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")
# Within these, a double is written in digits without an exponent, as few as tell it from its neighbours.
SMALLEST: Final = 1e-3
LARGEST: Final = 1e15


class _UnknownError(Exception):
    """It takes a look at the Part."""


def written_lines(source: Source, schema: Schema, first_row_id: int) -> list[str] | None:
    """The rows of a source that conforms, each as it is answered; None if that takes a look at the Part."""
    if not isinstance(source, JSONRows) or len(source.texts) > LINES_MOST or schema.missing_values != MISSING_VALUES:
        return None
    writers = {attribute.name: _writer(attribute) for attribute in schema.attributes}
    if None in writers.values() or not all(map(str.isprintable, writers)):
        return None
    try:
        return [_line(orjson.loads(text), writers, row_id) for row_id, text in enumerate(source.texts, first_row_id)]
    except (_UnknownError, orjson.JSONDecodeError):
        return None


def _line(row: Mapping[str, Any], writers: Mapping[str, Any], row_id: int) -> str:
    cells = {name: None if row.get(name) is None else write(row[name]) for name, write in writers.items()}
    return orjson.dumps({"_id": row_id, **cells}).decode()


def _writer(attribute: Attribute) -> Callable[[Any], Any] | None:
    """What gives a cell of this attribute as orjson is to write it."""
    is_usual = attribute.format in {None, "default"} and not attribute.is_exact and not attribute.timezone
    return _WRITERS.get(attribute.type) if is_usual else None


def _integer(cell: Any) -> int:
    return _of(int, cell)


def _string(cell: Any) -> str:
    text: str = _of(str, cell)
    if not text.isprintable():
        raise _UnknownError
    return text


def _boolean(cell: Any) -> bool:
    return _of(bool, cell)


def _number(cell: Any) -> float:
    if type(cell) not in {int, float} or not (SMALLEST <= abs(cell) < LARGEST or str(cell) in {"0", "0.0"}):
        raise _UnknownError
    return float(cell)


def _date(cell: Any) -> str:
    return _matching(DATE, cell)


def _datetime(cell: Any) -> str:
    return _matching(DATETIME, cell)


def _of(kind: type, cell: Any) -> Any:
    if type(cell) is not kind:
        raise _UnknownError
    return cell


def _matching(form: re.Pattern[str], cell: Any) -> str:
    if not isinstance(cell, str) or not form.fullmatch(cell):
        raise _UnknownError
    return cell


_WRITERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "integer": _integer,
    "string": _string,
    "boolean": _boolean,
    "number": _number,
    "date": _date,
    "datetime": _datetime,
}
