"""Text as every database keeps it. Pure: no Django."""

import re
from collections.abc import Mapping
from typing import Any

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""NUL, which PostgreSQL refuses, and half of a surrogate pair, which has no UTF-8."""


def storable_json(value: Any) -> Any:
    """A JSON value, such as a text, with all its texts, with U+FFFD in place of what no database keeps."""
    if isinstance(value, str):
        return UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, Mapping):
        return {storable_json(name): storable_json(member) for name, member in value.items()}
    return [storable_json(member) for member in value] if isinstance(value, list | tuple) else value
