"""What of a standard's words an Object doesn't have, as problems. Pure: no Django."""

from typing import Final

from config.problems import Problem

UNCOVERED: Final = "uncovered"
"""The code of a problem that is no fault: what a document says, and would not be checked."""


def uncovered(place: str, name: str) -> Problem:
    """The problem that a word at this place has no meaning here."""
    return Problem(place, UNCOVERED, f"{name!r} is not covered; it would not be checked.")
