"""The values of filters: read by the rules that read cells, and kept as texts that a cast reads. Pure: no Django."""

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from catalog import engine
from catalog.attributes import Attribute
from config.exact_json import dump_json

_WHOLE: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL: Final = re.compile(r"-?([0-9]{1,9})(?:[.]([0-9]{1,6}))?")
_BARE: Final = frozenset({"integer", "number", "boolean"})  # stand in JSON without quotes
# A list travels as one JSON text: as a list parameter, DuckDB takes seconds for ten thousand members.
_GIVEN: Final = "SELECT unnest(CAST(CAST($texts AS JSON) AS VARCHAR[])) AS given"


def read_texts(attribute: Attribute, texts: Sequence[str]) -> list[str | None]:
    """Texts as a URL has them, read as CSV cells are; None for what is no value of the attribute.

    The form in which the value is answered is read too, where the attribute has a format of its own.
    """
    if attribute.type == "string" or all(_is_usual(attribute, text) for text in texts):
        return list(texts)
    as_json = "given" if attribute.type in _BARE else "CAST(to_json(given) AS VARCHAR)"
    answered = attribute.kind.from_json(attribute, as_json)
    return _read(attribute, f"coalesce({attribute.kind.from_text(attribute, 'given')}, {answered})", texts)


def _is_usual(attribute: Attribute, text: str) -> bool:
    """Whether a text is surely a value, in the form that a cast reads. Most are, and take no statement to be read."""
    if attribute.type == "integer":
        return _WHOLE.fullmatch(text) is not None
    if attribute.type != "number" or attribute.decimal_char != "." or attribute.group_char:
        return False
    found = _DECIMAL.fullmatch(text)
    if found is None or not attribute.is_exact:
        return found is not None
    return len(found[1]) <= (attribute.precision or 0) - attribute.scale and len(found[2] or "") <= attribute.scale


def read_json(attribute: Attribute, values: Sequence[Any]) -> list[str | None]:
    """JSON values, read as strictly as those of rows; None for what is no value of the attribute."""
    if attribute.type == "string":
        return [value if isinstance(value, str) else None for value in values]
    texts = [dump_json(value).decode() for value in values]
    if all(_is_usual(attribute, text) for text in texts):
        return list(texts)
    return _read(attribute, attribute.kind.from_json(attribute, "given"), texts)


def _read(attribute: Attribute, value: str, texts: Sequence[str]) -> list[str | None]:
    with engine.cursor(is_serial=True) as connection:
        found = connection.execute(
            f"SELECT CAST(CAST(({value}) AS {attribute.duckdb_type}) AS VARCHAR) FROM ({_GIVEN})",
            {"texts": json.dumps(list(texts))},
        ).fetchall()
    return [text for (text,) in found]
