"""Rows without a key are a multiset: equal rows cancel each other, and are counted."""

from catalog.comparison.assignment import Edge
from catalog.comparison.shape import ComparedAttribute
from catalog.comparison.workspace import (
    SIDES,
    Workspace,
    canonical_columns,
    canonical_names,
    has_canonical_cells,
)

Attributes = tuple[ComparedAttribute, ...]
Rows = tuple[str | None, str | None]  # for each side a table of rows (`r`), or None for all its rows
Rest = tuple[str, str]

CANDIDATES_MAX = 50_000_000
EDGES_MAX = 100_000


def cancel_identical(workspace: Workspace, rows: Rows) -> Rest:
    """Cancel rows that are identical: of each kind as many as stand on both sides, in their order.

    Answers the rows left over. Rows are grouped, not sorted; only groups that do not balance are looked into.
    """
    attributes = workspace.layout.attributes
    having = "true" if workspace.is_ordered else "on_expected <> on_actual"
    groups = workspace.create("groups", group_query(workspace, attributes, rows, having))
    members = create_members(workspace, attributes, groups, rows, ("s.r", "s.r"))
    if workspace.is_ordered:
        workspace.add_pairs(f"SELECT e.r, a.r FROM {members[0]} e JOIN {members[1]} a ON e.g = a.g AND e.n = a.n")
    expected_rest, actual_rest = (
        workspace.create(
            f"rest_{side}",
            f"SELECT m.r FROM {table} m JOIN {groups} g ON m.g = g.g WHERE m.n > least(g.on_expected, g.on_actual)",
        )
        for side, table in zip(SIDES, members, strict=True)
    )
    return expected_rest, actual_rest


def group_query(workspace: Workspace, attributes: Attributes, rows: Rows, condition: str) -> str:
    """A query of the distinct rows: number `g`, cells x0, ..., and how often they stand on each side."""
    names = ", ".join(canonical_names(attributes))
    expected, actual = (workspace.scope(side, scope) for side, scope in zip(SIDES, rows, strict=True))
    return (
        "SELECT row_number() OVER () AS g, * FROM ("
        f"SELECT {names}, sum(on_expected) AS on_expected, sum(on_actual) AS on_actual FROM ("
        f"SELECT {canonical_columns(attributes, 'expected', 'e')}, 1 AS on_expected, 0 AS on_actual FROM {expected} e "
        f"UNION ALL SELECT {canonical_columns(attributes, 'actual', 'a')}, 0, 1 FROM {actual} a) GROUP BY {names}) "
        f"WHERE {condition}"
    )


def agreeing_pairs(workspace: Workspace, rest: Rest) -> list[Edge] | None:
    """All pairs of rows of the rest whose cells agree, or None when they are too many to be looked at one by one."""
    layout = workspace.layout
    groups = group_query(workspace, layout.exact_attributes, rest, "true")
    (candidate_count,) = workspace.one(f"SELECT coalesce(sum(on_expected * on_actual), 0) FROM ({groups})")
    if candidate_count > CANDIDATES_MAX:
        return None
    if candidate_count == 0:
        return []
    agree = " AND ".join(attribute.agrees() for attribute in layout.tolerant_attributes) or "true"
    same = [attribute.is_equal() for attribute in layout.exact_attributes]
    edges = workspace.all(
        f"SELECT e.r, a.r FROM {workspace.scope('expected', rest[0])} e "
        f"JOIN {workspace.scope('actual', rest[1])} a ON {' AND '.join([*same, agree])} LIMIT {EDGES_MAX + 1}"
    )
    return sorted(edges) if len(edges) <= EDGES_MAX else None


def create_members(
    workspace: Workspace, attributes: Attributes, groups: str, rows: Rows, orders: tuple[str, str]
) -> tuple[str, str]:
    """For each side a table of the rows in the groups: row `r`, group `g`, number `n` in the group by `orders`."""
    expected, actual = (
        workspace.create(
            f"members_{side}",
            f"SELECT s.r, g.g, row_number() OVER (PARTITION BY g.g ORDER BY {order}) AS n "
            f"FROM {workspace.scope(side, scope)} s JOIN {groups} g "
            f"ON {has_canonical_cells(attributes, side, 's', 'g')}",
        )
        for side, scope, order in zip(SIDES, rows, orders, strict=True)
    )
    return expected, actual


def unpaired_rows(workspace: Workspace, side: str, rows: str | None) -> str:
    """The rows of a side that are in no pair yet, in a FROM clause."""
    column = "er" if side == "expected" else "ar"
    return f"(SELECT s.* FROM {workspace.scope(side, rows)} s ANTI JOIN {workspace.pairs} p ON p.{column} = s.r)"


def add_unmatched(workspace: Workspace, rest: Rest) -> None:
    """Add the rows of the rest that are in no pair, without a partner."""
    workspace.add_pairs(
        f"SELECT e.r, NULL FROM {rest[0]} e ANTI JOIN {workspace.pairs} p ON p.er = e.r UNION ALL "
        f"SELECT NULL, a.r FROM {rest[1]} a ANTI JOIN {workspace.pairs} p ON p.ar = a.r"
    )
