"""What every way to write rows has in common: where rows come from, what may be chosen, what comes out. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

import duckdb

from catalog.attributes import Attribute

Answer = TypeVar("Answer")
Query = Callable[[duckdb.DuckDBPyConnection, str, Mapping[str, Any]], Answer]


class PartReader(Protocol):
    """Runs a query over the rows of one Part, those that are wanted: `query(connection, relation, parameters)`.

    relation: SQL with a column to each attribute, usable as `FROM (relation)`, in the order in which rows are written;
    parameters: the values that it names. The query may run again, when a cached file was gone.
    """

    def __call__(self, query: Query[Answer]) -> Answer: ...


@dataclass(frozen=True)
class WritingOptions:
    """What a reader of a file may ask for.

    spreadsheet: text in CSV that a spreadsheet would take for a formula gets an apostrophe in front.
    decimals, integers: in JSON and NDJSON, exact decimals and integers as JSON numbers or as strings of digits.
    """

    spreadsheet: bool = False
    decimals: Literal["number", "string"] = "number"
    integers: Literal["number", "string"] = "number"


class FormatLimitError(Exception):
    """The format can't hold these rows: said before the first byte is written, as far as it can be known."""


class RowFormat(Protocol):
    """A way to write rows as a stream of bytes."""

    @property
    def name(self) -> str: ...

    @property
    def suffix(self) -> str: ...

    @property
    def media_type(self) -> str: ...

    def blocks(
        self,
        parts: Iterable[PartReader],
        attributes: Sequence[Attribute],
        missing_values: Sequence[str] = ("",),
        options: WritingOptions = WritingOptions(),
    ) -> Iterator[bytes]:
        """The rows of all Parts, in order. Memory is bounded by a Part, or by what the format's own library takes.

        attributes: the columns, in order; `catalog.attributes.ROW_ID` is one of them where ids are wanted.
        Raises FormatLimitError when the first block is asked for.
        """
        ...
