"""What a type of attributes is made of. Pure: no Django."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol


class Settings(Protocol):
    """What a type asks of an attribute: see catalog.attributes.Attribute."""

    @property
    def type(self) -> str: ...
    @property
    def precision(self) -> int | None: ...
    @property
    def scale(self) -> int: ...
    @property
    def timezone(self) -> bool: ...
    @property
    def format(self) -> str | None: ...
    @property
    def delimiter(self) -> str: ...
    @property
    def item_type(self) -> str: ...
    @property
    def decimal_char(self) -> str: ...
    @property
    def group_char(self) -> str: ...
    @property
    def bare_number(self) -> bool: ...
    @property
    def true_values(self) -> tuple[str, ...]: ...
    @property
    def false_values(self) -> tuple[str, ...]: ...


Read = Callable[[Settings, str], str]
"""SQL of a cell -> SQL of a value, or the other way round; NULL where it can't be read."""


@dataclass(frozen=True)
class AttributeType:
    """What an attribute type is: its column, how its cells are read and written, and what may be said of it.

    from_json, from_usual_json, from_text: SQL of a cell's raw form -> SQL of its typed value, NULL if it can't be read;
    the usual form of a value in JSON takes fewer steps, and a cell in any other form is NULL there and read with care
    later. from_columns: families of DuckDB columns that a function or a Parquet file may bring, and how they are taken.
    constraints, settings: the names of those that it allows. to_text, to_json: SQL of a column -> SQL of a cell in CSV
    or JSON, which reads back as the same value. compared: SQL of a column -> SQL of what bounds, sorting and ranges
    compare; the column itself, but for durations. length: SQL of what minLength and maxLength count.
    is_json: whether values are stored as JSON, where equal values may differ as text.
    """

    title: str
    duckdb_type: Callable[[Settings], str]
    from_json: Read
    from_usual_json: Read
    from_text: Read
    from_columns: Mapping[str, Read]
    constraints: frozenset[str]
    to_text: Read
    to_json: Read
    settings: frozenset[str] = frozenset()
    compared: Callable[[str], str] = lambda column: column
    length: Callable[[str], str] = lambda column: f"length({column})"
    is_json: bool = False

    @property
    def is_ordered(self) -> bool:
        """Whether values have an order that bounds, sorting and ranges may use."""
        return "minimum" in self.constraints

    @property
    def is_text(self) -> bool:
        """Whether values are texts that patterns and searches look into."""
        return "pattern" in self.constraints


ANY = frozenset({"required", "unique", "enum"})
BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
ORDERED = ANY | BOUNDS
LENGTHS = frozenset({"minLength", "maxLength"})
