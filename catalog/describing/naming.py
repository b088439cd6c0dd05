"""Names for attributes out of names of columns, which may be blank, stand twice or be no names at all. Pure."""

from collections.abc import Iterable, Sequence

from catalog.attributes import RESERVED_NAMES
from catalog.rules.attribute import NAME_LIMIT
from config.problems import has_control_character


def proposed_names(columns: Sequence[str]) -> list[tuple[str, str | None]]:
    """Per column a name that an attribute may bear, no two alike, and why it is not the column's own (or None)."""
    taken: set[str] = set()
    whole = {column.casefold() for column in columns}
    found = []
    for place, column in enumerate(columns, start=1):
        name, reason = _sound(column, place)
        if name.casefold() in taken:
            reason = reason or f"The name {column!r} stands twice (case is no difference)"
            name = _free(name, taken | whole)
        taken.add(name.casefold())
        found.append((name, f"{reason}; proposed: {name!r}" if reason else None))
    return found


def _sound(column: str, place: int) -> tuple[str, str | None]:
    """A name that keeps the rules, and what was wrong with the column's."""
    if not column.strip():
        return f"column_{place}", f"Column {place} has no name"
    name, reasons = column, []
    if has_control_character(name):
        name = "".join(" " if has_control_character(character) else character for character in name)
        reasons.append("holds control characters")
    if name != name.strip():
        name = name.strip()
        reasons.append("begins or ends with a space")
    if len(name) > NAME_LIMIT:
        name = name[:NAME_LIMIT].strip()
        reasons.append(f"has {len(column)} characters")
    if not name:
        return f"column_{place}", f"The name of column {place} holds nothing that can be shown"
    if name.casefold() in RESERVED_NAMES:
        name = f"{name.strip('_')}_{place}"
        reasons.append("is reserved")
    return name, f"The name of column {place} {' and '.join(reasons)}" if reasons else None


def _free(name: str, taken: Iterable[str]) -> str:
    """The name with the first number behind it that makes it new."""
    used = set(taken)
    number = 2
    while f"{name[: NAME_LIMIT - 8]}_{number}".casefold() in used:
        number += 1
    return f"{name[: NAME_LIMIT - 8]}_{number}"
