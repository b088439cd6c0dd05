"""What makes a test case sound, beyond what its function asks for. Pure: no Django."""

from collections.abc import Sequence
from typing import Any

from catalog.comparison import OptionError, parse_options
from config.problems import Problem, has_control_character, pointer
from processes.rules import check_arguments

TAG_LENGTH = 64

__all__ = ["check_arguments", "check_comparison", "check_tags"]


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
            Problem(pointer(*path.split(".", 1)) if path else "", code, message)
            for path, code, message in error.problems
        ]
    return []
