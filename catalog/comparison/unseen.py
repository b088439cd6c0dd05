"""What a reader can't see of two texts that differ: spaces, characters without a shape, Unicode forms. Pure."""

import unicodedata
from typing import Any


def unseen_difference(expected: Any, actual: Any) -> str:
    """In words, how two texts differ that look the same; empty where the eye sees it."""
    if not (isinstance(expected, str) and isinstance(actual, str)) or expected == actual:
        return ""
    if unicodedata.normalize("NFC", expected) == unicodedata.normalize("NFC", actual):
        return f"the same text in another Unicode form: {_form(expected)}, {_form(actual)}"
    if _seen(expected) != _seen(actual):
        return ""
    return f"they differ in what is not seen: {_codes(expected)}, {_codes(actual)}"


def _form(text: str) -> str:
    return next((form for form in ("NFC", "NFD") if unicodedata.is_normalized(form, text)), "neither NFC nor NFD")


def _seen(text: str) -> str:
    return "".join(character for character in text if _has_shape(character))


def _has_shape(character: str) -> bool:
    return not character.isspace() and unicodedata.category(character) not in {"Cc", "Cf"}


def _codes(text: str, most: int = 5) -> str:
    """The characters without a shape, such as "U+0020 at the end"; "none"."""
    hidden = [(place, character) for place, character in enumerate(text) if not _has_shape(character)]
    told = [f"U+{ord(character):04X} {_where(place, len(text))}" for place, character in hidden[:most]]
    return " and ".join(told + (["more"] if len(hidden) > most else [])) or "none"


def _where(place: int, length: int) -> str:
    return "at the end" if place == length - 1 else f"at place {place + 1}"
