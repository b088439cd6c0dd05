"""The keys of a small write without a look at its rows by DuckDB, and what this process knows of those in Parts.

What is known is enough to say for sure that no key stands twice, or that it may (then catalog.keys finds out). It
takes keys of integers and texts only: a JSON number or text is the same cell exactly if it is the same in Python.
Pure: no Django.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import orjson

from catalog import engine
from catalog.engine import quote_name, quote_text
from catalog.keeping import Kept
from catalog.schema import Schema
from catalog.sources import JSONRows, Source

SMALL_ROWS: Final = 1_000
CELL_BYTES: Final = 100
FILE: Final = "\x1ffile"  # no attribute can have this name
PLAIN_TYPES: Final = {"integer": int, "string": str}

Names = tuple[str, ...]
KeyCells = tuple[Any, ...]


@dataclass(frozen=True)
class PartKeys:
    """The range of the first cells of a Part's keys, and, of a small Part, the keys."""

    lowest: Any
    highest: Any
    keys: Collection[KeyCells] | None

    def may_hold(self, wanted: Iterable[KeyCells]) -> bool:
        """Whether one of these keys may stand in the Part."""
        if self.lowest is None:
            return False
        near = [key for key in wanted if self.lowest <= key[0] <= self.highest]
        return bool(near) if self.keys is None else any(key in self.keys for key in near)


_known: Final[Kept[tuple[str, Names], PartKeys]] = Kept(32 * 1024**2)


def keys_of(source: Source, schema: Schema) -> dict[Names, list[KeyCells]] | None:
    """The keys of a few rows in memory, each without those of a null part; None where that takes DuckDB."""
    wanted = {key.names for key in schema.keys()}  # noqa: SIM118 (no dictionary)
    kinds = {name: PLAIN_TYPES.get(schema.attribute(name).type) for names in wanted for name in names}
    if not isinstance(source, JSONRows) or len(source.texts) > SMALL_ROWS or None in kinds.values():
        return None
    try:
        rows = [orjson.loads(text) for text in source.texts]
    except orjson.JSONDecodeError:
        return None
    if not all(isinstance(row, dict) and _are_plain(row, kinds) for row in rows):
        return None
    found = {names: [tuple(row.get(name) for name in names) for row in rows] for names in wanted}
    return {names: [cells for cells in keys if None not in cells] for names, keys in found.items()}


def _are_plain(row: dict[str, Any], kinds: dict[str, Any]) -> bool:
    cells = ((row.get(name), kind) for name, kind in kinds.items())
    return all(cell is None or (type(cell) is kind and "\0" not in str(cell)) for cell, kind in cells)


def are_distinct(keys: dict[Names, list[KeyCells]]) -> bool:
    """Whether no key stands twice among these rows."""
    return all(len(set(each)) == len(each) for each in keys.values())


def note_part(digest: str, keys: dict[Names, list[KeyCells]]) -> None:
    """Know the keys of a Part that was just written of these rows."""
    for names, cells in keys.items():
        _note(digest, names, cells)


def note_merged(digest: str, schema: Schema, merged: Sequence[str]) -> None:
    """Know the keys of a Part that was just made of small ones, if theirs are known."""
    for names in {key.names for key in schema.keys()}:  # noqa: SIM118 (no dictionary)
        known = [_known.get((each, names)) for each in merged]
        keys = [part.keys for part in known if part and part.keys is not None]
        if len(keys) == len(merged):
            _note(digest, names, [key for each in keys for key in each])


def _note(digest: str, names: Names, cells: Sequence[KeyCells]) -> None:
    firsts = [key[0] for key in cells]
    keys = frozenset(cells) if len(cells) <= SMALL_ROWS else None
    size_bytes = CELL_BYTES * (1 + len(names) * len(keys or ()))
    _known.put((digest, names), PartKeys(min(firsts, default=None), max(firsts, default=None), keys), size_bytes)


def holders(
    keys: dict[Names, list[KeyCells]],
    parts: Sequence[tuple[str, int]],
    paths: Callable[[Sequence[str]], Sequence[Path]],
) -> list[str]:
    """Which of these Parts (digest, row count) may hold one of the keys.

    paths: gives the files of Parts by digest; asked for those of which nothing is known yet.
    """
    held: set[str] = set()
    for names, wanted in keys.items():
        unknown = [part for part in parts if _known.get((part[0], names)) is None]
        if unknown and wanted:
            _look(names, dict(zip(paths([digest for digest, _ in unknown]), unknown, strict=True)))
        for digest, _ in parts if wanted else ():
            found = _known.get((digest, names))
            if found is None or found.may_hold(wanted):
                held.add(digest)
    return [digest for digest, _ in parts if digest in held]


def _look(names: Names, files: dict[Path, tuple[str, int]]) -> None:
    """Get to know the keys of Parts: two statements at most, one for small ones and one for others."""
    columns = ", ".join(map(quote_name, names))
    first = quote_name(names[0])
    whole = " AND ".join(f"{quote_name(name)} IS NOT NULL" for name in names)
    small = [path for path, (_, row_count) in files.items() if row_count <= SMALL_ROWS]
    large = [path for path in files if path not in set(small)]
    with engine.cursor(is_serial=not large) as connection:
        for path, cells in _by_file(connection, small, columns, f"WHERE {whole}"):
            _note(files[path][0], names, cells)
        for path, ranges in _by_file(connection, large, f"min({first}), max({first})", f"WHERE {whole} GROUP BY ALL"):
            lowest, highest = ranges[0] if ranges else (None, None)
            _known.put((files[path][0], names), PartKeys(lowest, highest, None), CELL_BYTES)


def _by_file(
    connection: duckdb.DuckDBPyConnection, paths: Sequence[Path], columns: str, rest: str
) -> Iterator[tuple[Path, list[KeyCells]]]:
    """These columns of each file; one statement."""
    if not paths:
        return
    files = ", ".join(quote_text(str(path)) for path in paths)
    relation = f"read_parquet([{files}], filename = {quote_text(FILE)})"
    found: dict[str, list[KeyCells]] = {str(path): [] for path in paths}
    select = f"SELECT {quote_name(FILE)}, {columns} FROM {relation} {rest}"
    for file, *cells in connection.execute(select).fetchall():
        found[file].append(tuple(cells))
    for path in paths:
        yield path, found[str(path)]
