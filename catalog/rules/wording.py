"""What several rules say alike. Pure: no Django."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from config.problems import Problem, nearest, pointer


def unknown_properties(given: Mapping[str, Any], allowed: Sequence[str], noun: str) -> Iterator[Problem]:
    for name in given:
        if name not in allowed:
            yield Problem(
                pointer(name), "unknown_property", f"The {noun} {name!r} is unknown; {nearest(name, allowed)}"
            )
