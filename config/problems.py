"""A problem in what a writer sent, as data. Pure: no Django, no app."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any


@dataclass(frozen=True)
class Problem:
    """What is wrong, and where.

    `path` is a JSON pointer below the field that holds it ("/2/constraints/minimum"), `code` is part of the contract,
    `message` is a sentence that a curator can act on.
    """

    path: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message

    def below(self, prefix: str) -> "Problem":
        """The same problem, seen from further up."""
        return replace(self, path=prefix + self.path)


def has_control_character(text: str) -> bool:
    """Whether a text holds a control character or half of a surrogate pair, which no name may."""
    return any(unicodedata.category(character) in {"Cc", "Cs"} for character in text)


def pointer(*steps: str | int) -> str:
    """A JSON pointer (RFC 6901) from its steps."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def nearest(name: Any, allowed: Sequence[str]) -> str:
    """The hint that ends a message about an unknown name: the nearest one, or what is allowed."""
    close = get_close_matches(str(name), allowed, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"allowed: {', '.join(allowed)}." if allowed else "none is allowed."
