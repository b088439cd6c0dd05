"""Matching rows by key."""

from catalog.comparison.assignment import assign_best
from catalog.comparison.multiset import Rest, add_unmatched, unpaired_rows
from catalog.comparison.near import match_equal
from catalog.comparison.order import match_in_order
from catalog.comparison.workspace import (
    SIDES,
    Workspace,
    canonical_columns,
    canonical_names,
    has_canonical_cells,
    shared_cells,
)

BUCKET_PAIRS_MAX = 100_000


def match_by_key(workspace: Workspace) -> str:
    """Match rows with equal keys, null being a value, and answer the table of duplicate keys.

    That table has the key (x0, ...) and the first row with it on each side (er, ar). Rows under a duplicate key are
    matched among themselves: equal ones first, then those that share most cells.
    """
    duplicates = _find_duplicates(workspace)
    (duplicate_count,) = workspace.one(f"SELECT count(*) FROM {duplicates}")
    if duplicate_count and workspace.is_ordered:  # which row of a key is matched decides what seems moved
        match_in_order(workspace, (None, None))
    _match_unique(workspace, duplicates if duplicate_count else None)
    if duplicate_count:
        _match_buckets(workspace, duplicates)
    return duplicates


def _find_duplicates(workspace: Workspace) -> str:
    key = workspace.layout.key
    names = ", ".join(canonical_names(key))
    return workspace.create(
        "duplicates",
        f"SELECT {names}, min(er) AS er, min(ar) AS ar FROM ("
        f"SELECT {canonical_columns(key, 'expected', 'e')}, e.r AS er, NULL AS ar FROM {workspace.expected} e "
        f"UNION ALL SELECT {canonical_columns(key, 'actual', 'a')}, NULL, a.r FROM {workspace.actual} a) "
        f"GROUP BY {names} HAVING count(er) > 1 OR count(ar) > 1",
    )


def _match_unique(workspace: Workspace, duplicates: str | None) -> None:
    layout = workspace.layout
    sources = []
    for side, alias in zip(SIDES, "ea", strict=True):
        table = workspace.side_table(side)
        if duplicates:
            has_key = has_canonical_cells(layout.key, side, "s", "d")
            table = f"(SELECT s.* FROM {unpaired_rows(workspace, side, None)} s ANTI JOIN {duplicates} d ON {has_key})"
        sources.append(f"{table} {alias}")
    same_key = " AND ".join(attribute.is_equal() for attribute in layout.key)
    different = [f"NOT ({attribute.is_equal()})" for attribute in layout.attributes if attribute not in layout.key]
    condition = " OR ".join(["e.r IS NULL", "a.r IS NULL", *different])
    workspace.add_pairs(
        f"SELECT e.r, a.r FROM {sources[0]} FULL JOIN {sources[1]} ON {same_key} "
        f"WHERE {'true' if workspace.is_ordered else condition}"
    )


def _match_buckets(workspace: Workspace, duplicates: str) -> None:
    key = workspace.layout.key
    scopes = []
    for side in SIDES:
        has_key = has_canonical_cells(key, side, "s", "d")
        scopes.append(
            workspace.create(
                f"bucket_rows_{side}",
                f"SELECT s.r FROM {unpaired_rows(workspace, side, None)} s SEMI JOIN {duplicates} d ON {has_key}",
            )
        )
    rest = match_equal(workspace, (scopes[0], scopes[1]))
    _assign_within_buckets(workspace, rest)
    add_unmatched(workspace, rest)


def _assign_within_buckets(workspace: Workspace, rest: Rest) -> None:
    """Pair the rest of each bucket by most shared cells; rows that share nothing but the key are no pair."""
    layout = workspace.layout
    others = [attribute for attribute in layout.attributes if attribute not in layout.key]
    if not others:
        return
    same_key = " AND ".join(attribute.is_equal() for attribute in layout.key)
    expected, actual = (unpaired_rows(workspace, side, scope) for side, scope in zip(SIDES, rest, strict=True))
    edges = workspace.all(
        f"SELECT e.r, a.r, {shared_cells(others)} AS score FROM {expected} e JOIN {actual} a ON {same_key} "
        f"WHERE score > 0 LIMIT {BUCKET_PAIRS_MAX + 1}"
    )
    if len(edges) > BUCKET_PAIRS_MAX:
        workspace.notes.append(
            "the keys that stand more than once have too many differing rows: these were not paired but are listed as "
            "missing and unexpected"
        )
        return
    workspace.add_found_pairs(assign_best(sorted(edges)))
