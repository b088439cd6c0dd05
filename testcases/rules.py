"""What makes a test case sound, beyond what its function asks for. Pure: no Django."""

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from catalog import engine
from catalog.comparison import OptionError, parse_options
from catalog.comparison.cells import is_numeric_pair
from catalog.schema import Schema
from config.problems import Problem, has_control_character, nearest, pointer
from processes.rules import check_arguments

TAG_LENGTH = 64

ERROR_PROPERTIES = ("kind", "pattern", "match")
MATCHES = ("whole", "part")
PATTERN_LENGTH = 1000

__all__ = [
    "check_arguments",
    "check_comparison",
    "check_comparison_of_outputs",
    "check_expected_error",
    "check_tags",
    "matched_attributes",
    "matches_pattern",
]


def check_tags(tags: Any) -> list[Problem]:
    """What is wrong with a list of tags."""
    if not isinstance(tags, list):
        return [Problem("", "type", 'Tags are a list of texts such as ["small"].')]
    problems = []
    for position, tag in enumerate(tags):
        if not isinstance(tag, str) or not tag.strip() or has_control_character(tag) or len(tag) > TAG_LENGTH:
            message = f"A tag is a text of 1 to {TAG_LENGTH} characters."
            problems.append(Problem(pointer(position), "invalid", message))
        elif tag in tags[:position]:
            problems.append(Problem(pointer(position), "duplicate", f"The tag {tag!r} stands twice."))
    return problems


def check_comparison(options: Any, attribute_names: Sequence[str]) -> list[Problem]:
    """What is wrong with comparison options; an attribute may be one of any output's Object."""
    if not isinstance(options, dict):
        return [Problem("", "type", 'Comparison options are an object such as {"ordered": false}.')]
    try:
        parse_options(options, attribute_names)
    except OptionError as error:
        return [
            Problem(pointer(*path.split(".", 3 if path.startswith("matchers.") else 1)) if path else "", code, message)
            for path, code, message in error.problems
        ]
    return []


def matched_attributes(matcher: Mapping[str, Any]) -> set[str]:
    """The attributes that a matcher names."""
    row = matcher.get("row")
    return {matcher["attribute"], *(row if isinstance(row, Mapping) else ())}


def check_comparison_of_outputs(options: Mapping[str, Any], outputs: Sequence[Schema]) -> list[Problem]:
    """What would be silent: options, sound by themselves, that mean nothing for any of the outputs."""
    problems = []
    key = options.get("key") or ()
    if key and not any(set(schema.names) >= set(key) for schema in outputs):
        message = f"No output has {', '.join(map(repr, key))} together, so they are no key."
        problems.append(Problem("/key", "unknown_attribute", message))
    for position, matcher in enumerate(options.get("matchers", ())):
        named = matched_attributes(matcher)
        if not any(set(schema.names) >= named for schema in outputs):
            message = f"No output has {', '.join(map(repr, sorted(named)))} together, so the matcher holds for no row."
            problems.append(Problem(pointer("matchers", position), "unknown_attribute", message))
    for name in options.get("per_attribute", ()):
        kinds = {schema.attribute(name).type: dict(schema.columns)[name] for schema in outputs if name in schema.names}
        if not any(is_numeric_pair(kind, kind) for kind in kinds.values()):
            message = f"{name!r} is {' and '.join(sorted(kinds))}, not a number: it can't have a tolerance."
            problems.append(Problem(pointer("per_attribute", name), "type", message))
    return problems


def check_expected_error(expected: Any) -> list[Problem]:
    """What is wrong with `{"kind": "conversion", "pattern": ".*abc.*", "match": "whole"}`; {} expects none.

    A kind is what the Result's message begins with, a class of exception or a code; a pattern is RE2's.
    """
    if not isinstance(expected, dict):
        return [Problem("", "type", 'An expected error is an object such as {"pattern": ".*out of range.*"}.')]
    problems = []
    for name, value in expected.items():
        if name not in ERROR_PROPERTIES:
            message = f"An expected error has no {name!r}; {nearest(name, ERROR_PROPERTIES)}"
            problems.append(Problem(pointer(name), "unknown_property", message))
        elif name == "match":
            if value not in MATCHES:
                message = f"match is {value!r}; it must be whole (the pattern is the whole message) or part."
                problems.append(Problem("/match", "enum", message))
        elif not isinstance(value, str) or not value.strip() or len(value) > PATTERN_LENGTH or "\0" in value:
            message = f"The {name} of an expected error is a text of 1 to {PATTERN_LENGTH} characters."
            problems.append(Problem(pointer(name), "type", message))
        elif name == "pattern" and (wrong := _pattern_error(value)):
            problems.append(Problem("/pattern", "pattern", f"The pattern can't be read: {wrong}"))
    if expected and not set(expected) & {"kind", "pattern"}:
        problems.append(Problem("", "required", 'Give a kind or a pattern; {"pattern": ".*"} is any error.'))
    return problems


def matches_pattern(message: str, pattern: str, is_whole: bool) -> bool:
    """Whether a message matches a pattern, whole or in part; `.` is any character. Linear in the message (RE2)."""
    with engine.cursor(is_serial=True) as connection:
        found = connection.execute(
            f"SELECT regexp_{'full_match' if is_whole else 'matches'}($1, $2, 's')", [message, pattern]
        ).fetchone()
    return bool(found and found[0])


def _pattern_error(pattern: str) -> str:
    try:
        matches_pattern("", pattern, True)
    except duckdb.Error as error:
        return str(error).removeprefix("Invalid Input Error: ").splitlines()[0]
    return ""
