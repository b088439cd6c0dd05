"""What was found out about rows, as data: a Description and what it proposes. Pure: no Django."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

SUGGESTIONS: Final = ("required", "unique", "enum", "format", "primaryKey")
"""What a Description may suggest beside types; `definition` takes of it what is accepted."""


@dataclass(frozen=True)
class Suggestion:
    """Something that all rows looked at keep, and that a person may want to demand of all rows to come.

    kind: one of SUGGESTIONS. attributes: one, or the parts of a key. value: of the constraint or setting. count: how
    many rows or values speak for it.
    """

    kind: str
    attributes: tuple[str, ...]
    value: Any
    count: int
    evidence: str

    def as_dict(self) -> dict[str, Any]:
        """The suggestion as in the answer."""
        return {
            "kind": self.kind,
            "attributes": list(self.attributes),
            "value": self.value,
            "count": self.count,
            "evidence": self.evidence,
        }


@dataclass(frozen=True)
class AttributeDescription:
    """A column: the attribute that is proposed for it, and why.

    settings: what belongs to the type (precision, scale, timezone). counts: `values` (cells that hold something),
    `nulls`, `distinct` (where all values differ, or they are few) and, per type that was tried, how many values it
    reads. examples: the first few values, as text. minimum, maximum: of numbers, dates and the like, as text.
    """

    name: str
    type: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[str, ...] = ()
    minimum: str | None = None
    maximum: str | None = None
    column: str | None = None  # its name in the input, where that can't be an attribute's

    def as_dict(self) -> dict[str, Any]:
        """The attribute as in the answer."""
        found: dict[str, Any] = {
            "name": self.name,
            "type": self.type,
            **self.settings,
            "evidence": list(self.evidence),
            "counts": dict(self.counts),
            "examples": list(self.examples),
            "minimum": self.minimum,
            "maximum": self.maximum,
        }
        return found if self.column is None else {**found, "column": self.column}


@dataclass(frozen=True)
class Description:
    """What was found out about rows.

    row_count: rows looked at. is_whole: whether these were all. found: format, delimiter and the like. notes: what a
    person should know about the input as a whole, such as rows that can't be read.
    """

    attributes: tuple[AttributeDescription, ...]
    row_count: int
    is_whole: bool = True
    unreadable_count: int = 0
    missing_values: tuple[str, ...] = ("",)
    suggestions: tuple[Suggestion, ...] = ()
    notes: tuple[str, ...] = ()
    found: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The description as in the answer, without the Object that it proposes."""
        return {
            "row_count": self.row_count,
            "is_whole": self.is_whole,
            "unreadable_count": self.unreadable_count,
            "found": dict(self.found),
            "attributes": [attribute.as_dict() for attribute in self.attributes],
            "missingValues": list(self.missing_values),
            "suggestions": [suggestion.as_dict() for suggestion in self.suggestions],
            "notes": list(self.notes),
        }

    def definition(self, accepted: Collection[str] = ()) -> dict[str, Any]:
        """An Object's definition, ready to post: the types, and those kinds of suggestions that are accepted."""
        taken = [each for each in self.suggestions if each.kind in accepted]
        attributes = [
            _attribute(each, [one for one in taken if one.attributes == (each.name,) and one.kind != "primaryKey"])
            for each in self.attributes
        ]
        key = next((each.attributes for each in taken if each.kind == "primaryKey"), ())
        definition: dict[str, Any] = {"attributes": attributes}
        if key:
            definition["primaryKey"] = list(key)
        if self.missing_values != ("",):
            definition["missingValues"] = list(self.missing_values)
        return definition

    def suggestions_for(self, name: str) -> Sequence[Suggestion]:
        """What is suggested for one attribute, its part in the proposed key included."""
        return [each for each in self.suggestions if name in each.attributes]


def _attribute(found: AttributeDescription, taken: Sequence[Suggestion]) -> dict[str, Any]:
    attribute: dict[str, Any] = {"name": found.name, "type": found.type, **found.settings}
    attribute |= {each.kind: each.value for each in taken if each.kind == "format"}
    constraints = {each.kind: each.value for each in taken if each.kind != "format"}
    return attribute | ({"constraints": constraints} if constraints else {})
