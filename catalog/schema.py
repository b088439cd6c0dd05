"""A parsed ObjectVersion: attributes, keys, and how a file of rows is read. Pure: no Django."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from catalog.attributes import Attribute

MISSING_VALUES = ("",)


@dataclass(frozen=True)
class ForeignKey:
    """Attributes whose values, unless one of them is null, stand in a row of another Object's Tables.

    object: the name of an Object in the same application, "" for the Object itself. table: which of its Tables; None
    means any.
    """

    fields: tuple[str, ...]
    object: str
    reference_fields: tuple[str, ...]
    table: str | None = None

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any]) -> "ForeignKey":
        """A foreign key from its normalised definition (see catalog.rules)."""
        reference = definition["reference"]
        return cls(tuple(definition["fields"]), reference["object"], tuple(reference["fields"]), reference.get("table"))

    def definition(self) -> dict[str, Any]:
        """The reference as data: which attributes of which Object, and of which Table if it says so."""
        found: dict[str, Any] = {"object": self.object, "fields": list(self.reference_fields)}
        return found if self.table is None else {**found, "table": self.table}


@dataclass(frozen=True)
class Schema:
    """A parsed ObjectVersion."""

    attributes: tuple[Attribute, ...]
    primary_key: tuple[str, ...] = ()
    unique_keys: tuple[tuple[str, ...], ...] = ()
    missing_values: tuple[str, ...] = MISSING_VALUES
    foreign_keys: tuple[ForeignKey, ...] = ()
    fields_match: str = "equal"  # what a file's header may lack or bring besides (attributes.md)
    sensitive: frozenset[str] = frozenset()  # the attributes whose values not everybody may see

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any]) -> "Schema":
        """A schema from its sound definition (see catalog.rules)."""
        return cls(
            attributes=tuple(Attribute.from_definition(each) for each in definition["attributes"]),
            primary_key=tuple(definition.get("primaryKey", ())),
            unique_keys=tuple(tuple(key) for key in definition.get("uniqueKeys", ())),
            missing_values=tuple(definition.get("missingValues", MISSING_VALUES)),
            foreign_keys=tuple(ForeignKey.from_definition(key) for key in definition.get("foreignKeys", ())),
            fields_match=definition.get("fieldsMatch", "equal"),
            sensitive=frozenset(each["name"] for each in definition["attributes"] if each.get("sensitive")),
        )

    @cached_property
    def names(self) -> list[str]:
        """The attributes' names, in order."""
        return [attribute.name for attribute in self.attributes]

    def missing_values_of(self, attribute: Attribute) -> tuple[str, ...]:
        """The texts that are no value of an attribute: its own, or else the Object's."""
        return self.missing_values if attribute.missing_values is None else attribute.missing_values

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Name and DuckDB type of each attribute, in order."""
        return tuple((attribute.name, attribute.duckdb_type) for attribute in self.attributes)

    def attribute(self, name: str) -> Attribute:
        """The attribute of this name. KeyError if there is none."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Attribute]:
        return {attribute.name: attribute for attribute in self.attributes}

    @cached_property
    def is_related(self) -> bool:
        """Whether a row must be seen beside other rows to be right: keys, foreign keys."""
        return bool(self.foreign_keys) or any(self.keys())

    def keys(self) -> "Iterator[Key]":
        """Everything that must be unique: the primary key, the unique keys and the unique attributes."""
        if self.primary_key:
            yield Key("primary_key", self.primary_key)
        for names in self.unique_keys:
            yield Key("unique_key", names)
        for attribute in self.attributes:
            if attribute.constraints.get("unique"):
                yield Key("unique", (attribute.name,))


@dataclass(frozen=True)
class Key:
    """Attributes whose values, taken together, stand at most once in a Table. A null part exempts the row."""

    code: str
    names: tuple[str, ...]
