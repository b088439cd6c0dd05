"""What stands in CSVW metadata for people and machines of other kinds: checked for its form, and not kept. Pure.

Source: https://www.w3.org/TR/tabular-metadata/#common-properties.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from config.problems import Problem, pointer

_LANGUAGE: Final = re.compile("([A-Za-z]{2,8}|[ix])(-[A-Za-z0-9]{1,8})*")
_TERM: Final = re.compile(r"[A-Za-z_][\w.-]*:\S+")
_VALUE: Final = frozenset({"@value", "@type", "@language"})
_TERMS: Final = frozenset({"TableGroup", "Table", "Schema", "Column", "Dialect", "Template", "Datatype", "Row", "Cell"})
_DEPTH: Final = 32


def node_problems(given: Mapping[str, Any], place: str, kind: str) -> Iterator[Problem]:
    """What is wrong with the identity and the type of a node, which is of this kind."""
    if "@id" in given and not _is_identity(given["@id"]):
        yield Problem(place + "/@id", "invalid_id", "An @id is an address, and does not begin with _:.")
    if "@type" in given and given["@type"] != kind:
        yield Problem(place + "/@type", "invalid_type", f"The @type here is {kind!r}.")


def annotation_problems(value: Any, place: str, depth: int = 0) -> Iterator[Problem]:
    """What is wrong with the value of a common property, such as dc:title."""
    if depth > _DEPTH:
        yield Problem(place, "out_of_range", "The annotation is nested too deep.")
    elif isinstance(value, list):
        for position, member in enumerate(value):
            yield from annotation_problems(member, place + pointer(position), depth + 1)
    elif isinstance(value, Mapping):
        yield from _object_problems(value, place, depth)


def _object_problems(value: Mapping[str, Any], place: str, depth: int) -> Iterator[Problem]:
    if "@value" in value and not (set(value) <= _VALUE and len(value) <= 2):
        yield Problem(place, "not_allowed", "Beside @value there is @type or @language, and nothing else.")
    if "@id" in value and not _is_identity(value["@id"]):
        yield Problem(place + "/@id", "invalid_id", "An @id is an address, and does not begin with _:.")
    if "@language" in value:
        told = language_problem(value["@language"]) if "@value" in value else "A @language stands beside a @value."
        if told:
            yield Problem(place + "/@language", "invalid_language", told)
    types = value.get("@type", [])
    for each in types if isinstance(types, list) else [types]:
        if not _is_type(each, is_datatype="@value" in value):
            yield Problem(place + "/@type", "invalid_type", f"{each!r} is no type: a term, or an address.")
    for name, member in value.items():
        if name.startswith("@") and name not in {"@id", *_VALUE}:
            yield Problem(place + pointer(name), "not_allowed", f"{name} may not stand in an annotation.")
        elif not name.startswith("@"):
            yield from annotation_problems(member, place + pointer(name), depth + 1)


def _is_identity(value: Any) -> bool:
    return isinstance(value, str) and not value.startswith("_:")


def _is_type(value: Any, is_datatype: bool) -> bool:
    if not isinstance(value, str) or value.startswith("_:"):
        return False
    if _TERM.fullmatch(value):
        return True
    try:
        is_address = bool(urlsplit(value).scheme)
    except ValueError:
        return False
    return is_address or is_datatype or value in _TERMS


def language_problem(value: Any) -> str | None:
    """What is wrong with the name of a language (BCP 47)."""
    if isinstance(value, str) and _LANGUAGE.fullmatch(value):
        return None
    return f"{value!r} is no name of a language such as 'en' or 'de-AT'."
