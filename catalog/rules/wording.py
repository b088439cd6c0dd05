"""What several rules say alike. Pure: no Django."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from config.problems import Problem, nearest, pointer


def missing_value_problems(given: Any) -> Iterator[Problem]:
    """What is wrong with the texts that stand for no value, of an Object or of an attribute."""
    if not isinstance(given, list) or not all(isinstance(value, str) for value in given):
        yield Problem("/missingValues", "type", 'missingValues is a list of texts such as ["", "NA"].')


def unknown_properties(given: Mapping[str, Any], allowed: Sequence[str], noun: str) -> Iterator[Problem]:
    for name in given:
        if name not in allowed:
            yield Problem(
                pointer(name), "unknown_property", f"The {noun} {name!r} is unknown; {nearest(name, allowed)}"
            )
