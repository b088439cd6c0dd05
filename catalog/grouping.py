"""Work on the columns of many attributes, some at a time, over staged cells. Pure: no Django.

DuckDB plans a statement of thousands of expressions in seconds, and in gigabytes; many small ones in a fraction.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import duckdb

GROUP: Final = 50
Member = TypeVar("Member")


def grouped(members: Sequence[Member], size: int = GROUP) -> Iterator[Sequence[Member]]:
    """The members in order, `size` at a time."""
    for start in range(0, len(members), size):
        yield members[start : start + size]


def columns(letter: str, places: Sequence[int]) -> str:
    """SQL of the columns of these places: "r0, r1"."""
    return ", ".join(f"{letter}{place}" for place in places)


def stage(connection: duckdb.DuckDBPyConnection, raw: str, parameters: Mapping[str, Any]) -> None:
    """Keep raw cells (see catalog.sources.Reading) as the temporary table `staged`, in their order."""
    with as_written(connection):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE staged AS {raw}", dict(parameters))


@contextmanager
def as_written(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Plans as the SQL says, not optimised: of a cell of a thousand members, what is known of all is copied for each.

    For statements in which there is nothing to move or to leave out.
    """
    connection.execute("PRAGMA disable_optimizer")
    try:
        yield
    finally:
        connection.execute("PRAGMA enable_optimizer")


def type_in_groups(
    connection: duckdb.DuckDBPyConnection,
    typed: Sequence[str],
    faults: Callable[[Sequence[int]], tuple[str, Mapping[str, Any]]] | None = None,
) -> list[str]:
    """Temporary tables of the typed cells, a group of columns in each; row by row the same as the staged ones.

    faults: of some places, SQL of whether a row is at fault there, and its parameters; it becomes the columns
    `faulty_0`, `faulty_1`, ... of these tables.
    """
    names = []
    for number, places in enumerate(grouped(range(len(typed)))):
        cells = ", ".join(f"{typed[place]} AS c{place}" for place in places)
        read = f"SELECT {cells} FROM staged"
        parameters: Mapping[str, Any] = {}
        if faults:
            faulty, parameters = faults(places)
            raw = columns("r", places)
            read = (
                f"SELECT {columns('c', places)}, coalesce({faulty}, false) AS faulty_{number} "
                f"FROM (SELECT {raw}, {cells} FROM staged)"
            )
        connection.execute(f"CREATE OR REPLACE TEMP TABLE typed_{number} AS {read}", dict(parameters))
        names.append(f"typed_{number}")
    return names


def side_by_side(tables: Sequence[str]) -> str:
    """SQL of tables as one, row by row."""
    return " POSITIONAL JOIN ".join(tables)
