"""Looking at rows: a page, a count, one row. What to look for is said in catalog.queries.

Rows are those of one TableVersion, or of all Tables of an Object. In the order of `_id` only the Parts are read that
can hold the page; the rows of a small version are kept in memory, for a version never changes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from catalog import engine
from catalog.formats import WritingOptions
from catalog.keeping import Kept
from catalog.models import TableVersion
from catalog.queries import RowQuery, Seek, Window
from catalog.queries.conditions import Parameters
from catalog.reading import with_parts
from catalog.rows import PartRange, Rows, VersionRows
from config.timing import step

COUNT_LIMIT: Final = 10_000
SMALL_ROWS: Final = 1_000
SMALL_BYTES: Final = 256 * 1024
FIRST_PARTS: Final = 2
Identity = tuple[Any, ...]


@dataclass(frozen=True)
class Page:
    """Rows as JSON texts, each with what tells it from all others, and whether there are more in the same direction."""

    lines: list[str]
    identities: list[Identity]
    has_more: bool = False


def look(rows: Rows, query: RowQuery, window: Window, options: WritingOptions | None = None) -> Page:
    """A page of rows, in the query's order also where the window goes backwards."""
    options = options or WritingOptions()
    if isinstance(rows, VersionRows) and _is_plain(query, options) and _is_small(rows.version):
        return _from_memory(rows, query, window)
    wanted = Window(window.limit + 1, window.offset, window.seek)
    found = _by_id(rows, query, wanted, options) if _is_by_identity(query) else _whole(rows, query, wanted, options)
    has_more, found = len(found) > window.limit, found[: window.limit]
    if window.is_backwards:
        found.reverse()
    return Page([line for line, *_ in found], [tuple(identity) for _, *identity in found], has_more)


def page(
    version: TableVersion, query: RowQuery, limit: int, offset: int = 0, masked: frozenset[str] = frozenset()
) -> list[dict[str, Any]]:
    """At most `limit` rows, each attribute name -> int, float, Decimal, bool, str or None; times as ISO 8601 text.

    Nested values are JSON text.
    """
    rows = VersionRows(version, masked=masked)
    names = [attribute.name for attribute in query.attributes]
    needed = _leading(rows.parts, limit + offset) if _is_by_identity(query) and not query.conditions else rows.parts
    found = _fetch(rows, needed, lambda relation: query.rows(relation, limit, offset))
    return [dict(zip(names, cells, strict=True)) for cells in found]


def row(rows: Rows, query: RowQuery, identity: Identity, options: WritingOptions | None = None) -> str | None:
    """One row as JSON text, by its identity (`_id`, or `_table` and `_id`); None if there is none."""
    options = options or WritingOptions()
    if isinstance(rows, VersionRows) and _is_plain(query, options) and _is_small(rows.version):
        kept = _kept_rows(rows, query)
        return dict(zip(kept.identities, kept.lines, strict=True)).get(identity)
    needed = _holding(rows, identity)
    if not needed:
        return None
    found = _fetch(rows, needed, lambda relation: query.one(relation, identity, options))
    return str(found[0][0]) if found else None


def seek(rows: Rows, query: RowQuery, identity: Identity, is_backwards: bool) -> Seek | None:
    """The place of a row in the query's order; None if the row is not there."""
    if _is_by_identity(query):
        return Seek(tuple(map(str, identity)), is_backwards)
    needed = _holding(rows, identity)
    found = _fetch(rows, needed, lambda relation: query.key_values(relation, identity)) if needed else []
    return Seek(tuple(found[0]), is_backwards) if found else None


def count(version: TableVersion | Rows, query: RowQuery, at_most: int | None = COUNT_LIMIT) -> tuple[int, bool]:
    """How many rows there are, and whether counting ended early; None counts them all."""
    rows = VersionRows(version) if isinstance(version, TableVersion) else version
    if not query.conditions:
        found = rows.row_count
    else:
        ceiling = None if at_most is None else at_most + 1
        found = int(_fetch(rows, rows.parts, lambda relation: query.count(relation, ceiling))[0][0])
    return (found, False) if at_most is None or found <= at_most else (at_most, True)


def row_ids(version: TableVersion, query: RowQuery, at_most: int) -> list[int]:
    """The `_id`s of the first rows, at most so many."""
    rows = VersionRows(version)
    return [row_id for (row_id,) in _fetch(rows, rows.parts, lambda relation: query.row_ids(relation, at_most))]


# --- which Parts to read --------------------------------------------------------------------------------------------


def _is_by_identity(query: RowQuery) -> bool:
    """Whether rows come in the order in which Parts hold them, or against it."""
    directions = {descending for _, descending in query.keys}
    return len(directions) == 1 and [name for name, _ in query.keys] == [each.name for each in query.identity]


def _by_id(rows: Rows, query: RowQuery, window: Window, options: WritingOptions) -> list[tuple[Any, ...]]:
    """A page in the order of `_id`: Parts are read from where it begins, more and more of them, until it is full."""
    is_descending = query.keys[0][1] != window.is_backwards
    parts = list(reversed(rows.parts)) if is_descending else list(rows.parts)
    if window.seek is not None:
        parts = [part for part in parts if _is_beyond(part, window.seek, query, is_descending)]
    if window.offset:
        return _whole(
            rows, query, window, options, parts if query.conditions else _leading(parts, window.offset + window.limit)
        )
    found: list[tuple[Any, ...]] = []
    for group in _growing(parts, 0 if query.conditions else window.limit):
        missing = Window(window.limit - len(found), 0, window.seek)
        found += _whole(rows, query, missing, options, group, is_sorted=not is_descending and not query.is_union)
        if len(found) >= window.limit:
            break
    return found


def _is_beyond(part: PartRange, seek: Seek, query: RowQuery, is_descending: bool) -> bool:
    """Whether a Part may hold rows behind a place."""
    row_id = int(seek.values[-1] or 0)
    table = str(seek.values[0]) if query.is_union else ""
    if part.table != table:
        return part.table < table if is_descending else part.table > table
    return part.first_row_id < row_id if is_descending else part.last_row_id > row_id


def _growing(parts: Sequence[PartRange], row_count: int) -> Iterator[Sequence[PartRange]]:
    """The Parts in groups: so many rows first, or a few Parts, then twice as many as before."""
    size = max(FIRST_PARTS, len(_leading(parts, row_count)))
    start = 0
    while start < len(parts):
        yield parts[start : start + size]
        start, size = start + size, size * 2


def _leading(parts: Sequence[PartRange], row_count: int) -> Sequence[PartRange]:
    """The first Parts that have so many rows together."""
    total = 0
    for number, part in enumerate(parts):
        if total >= row_count:
            return parts[:number]
        total += part.row_count
    return parts


def _holding(rows: Rows, identity: Identity) -> list[PartRange]:
    """The Parts that may hold a row."""
    *tables, row_id = identity
    return [
        part
        for part in rows.parts
        if part.first_row_id <= row_id <= part.last_row_id and (not tables or part.table == tables[0])
    ]


def _whole(
    rows: Rows,
    query: RowQuery,
    window: Window,
    options: WritingOptions,
    parts: Sequence[PartRange] | None = None,
    is_sorted: bool = False,
) -> list[tuple[Any, ...]]:
    """A page of the rows in these Parts, or in all, found by one statement."""
    needed = rows.parts if parts is None else parts
    return _fetch(rows, needed, lambda relation: query.page(relation, window, options, is_sorted))


@step("query")
def _fetch(
    rows: Rows, parts: Sequence[PartRange], statement: Callable[[str], tuple[str, Parameters]]
) -> list[tuple[Any, ...]]:
    """What a statement over these Parts gives."""
    is_small = sum(part.row_count for part in parts) <= SMALL_ROWS

    def work() -> list[tuple[Any, ...]]:
        relation = rows.relation(parts)
        with engine.cursor(is_small) as connection:
            return connection.execute(*statement(relation)).fetchall()

    return with_parts(lambda: [part.digest for part in parts], work)


# --- small versions -------------------------------------------------------------------------------------------------


_kept: Final[Kept[tuple[str, bool, frozenset[str]], Page]] = Kept(32 * 1024**2)


def note_rows(version: TableVersion, lines: Sequence[str], first_row_id: int) -> None:
    """Know the rows of a small version that was just written, each as JSON text, in order."""
    if _is_small(version):
        identities: list[Identity] = [(row_id,) for row_id in range(first_row_id, first_row_id + len(lines))]
        _kept.put((version.pk, False, frozenset()), Page(list(lines), identities), sum(map(len, lines)))


def _is_plain(query: RowQuery, options: WritingOptions) -> bool:
    return not query.conditions and not query.ordering and query.fields is None and options == WritingOptions()


def _is_small(version: TableVersion) -> bool:
    return version.row_count <= SMALL_ROWS and version.size_bytes <= SMALL_BYTES


def _kept_rows(rows: VersionRows, query: RowQuery) -> Page:
    """All rows of a small version, kept from the first time on."""
    key = (rows.version.pk, query.is_union, rows.masked)
    whole = _kept.get(key)
    if whole is None:
        found = _whole(rows, query, Window(SMALL_ROWS), WritingOptions())
        whole = Page([line for line, *_ in found], [tuple(identity) for _, *identity in found])
        _kept.put(key, whole, sum(map(len, whole.lines)))
    return whole


def _from_memory(rows: VersionRows, query: RowQuery, window: Window) -> Page:
    whole = _kept_rows(rows, query)
    start, end = _slice(whole, window)
    return Page(
        whole.lines[start:end],
        whole.identities[start:end],
        start > 0 if window.is_backwards else end < len(whole.lines),
    )


def _slice(whole: Page, window: Window) -> tuple[int, int]:
    if window.seek is None:
        return window.offset, min(window.offset + window.limit, len(whole.lines))
    row_id = int(window.seek.values[-1] or 0)
    if window.is_backwards:
        end = sum(identity[-1] < row_id for identity in whole.identities)
        return max(end - window.limit, 0), end
    start = sum(identity[-1] <= row_id for identity in whole.identities)
    return start, min(start + window.limit, len(whole.lines))
