"""Matching rows that are equal, some attributes within a tolerance.

A cell with a tolerance has no form that could be hashed: rows are grouped by their other attributes, and within a group
the cells are compared.
"""

from catalog.comparison.assignment import maximum_matching
from catalog.comparison.multiset import (
    Rest,
    Rows,
    agreeing_pairs,
    cancel_identical,
    create_members,
    group_query,
    unpaired_rows,
)
from catalog.comparison.order import match_in_order
from catalog.comparison.workspace import SIDES, Workspace


def match_equal(workspace: Workspace, rows: Rows) -> Rest:
    """Match rows whose cells all agree, each at most once; answers the rows left over, some perhaps in pairs."""
    if workspace.is_ordered:
        rows = match_in_order(workspace, rows)
    if not workspace.layout.tolerant_attributes:
        return cancel_identical(workspace, rows)
    rest = _match_by_rank(workspace, rows)
    if _match_by_search(workspace, rest):
        return rest
    if workspace.layout.has_one_form:
        rest = cancel_identical(workspace, rest)
    if not _match_by_search(workspace, rest):
        workspace.notes.append(
            "too many rows differ only in attributes with a tolerance or a matcher, so they were not matched within "
            "it: a key would help"
        )
    return rest


def _match_by_rank(workspace: Workspace, rows: Rows) -> Rest:
    """Match whole groups whose n-th smallest rows agree on both sides, and answer the rows of all other groups.

    The order is only a proposal, taken only when every pair of the group agrees: with one attribute in play it finds a
    perfect matching whenever there is one, with several it may not, and then the search decides.
    """
    layout = workspace.layout
    both = "on_expected > 0 AND on_actual > 0"
    groups = workspace.create("near_groups", group_query(workspace, layout.exact_attributes, rows, both))
    orders = ["", ""]
    for position, side in enumerate(SIDES):
        cells = [attribute.raw_cell(side, "s") for attribute in layout.tolerant_attributes]
        orders[position] = ", ".join([*cells, "s.r"])
    members = create_members(workspace, layout.exact_attributes, groups, rows, (orders[0], orders[1]))
    ranked = workspace.create(
        "ranked",
        f"SELECT me.g, e.r AS er, a.r AS ar, {_tolerant_cells_agree(workspace)} AS agrees "
        f"FROM {members[0]} me JOIN {members[1]} ma ON me.g = ma.g AND me.n = ma.n "
        f"JOIN {workspace.expected} e ON e.r = me.r JOIN {workspace.actual} a ON a.r = ma.r",
    )
    workspace.add_pairs(
        f"SELECT er, ar FROM {ranked} WHERE g IN (SELECT g FROM {ranked} GROUP BY g HAVING bool_and(agrees)) "
        f"AND g IN (SELECT g FROM {groups} WHERE on_expected = on_actual)"
    )
    expected_rest, actual_rest = (
        workspace.create(
            f"near_rest_{side}",
            f"SELECT r FROM {unpaired_rows(workspace, side, scope)}",
        )
        for side, scope in zip(SIDES, rows, strict=True)
    )
    return expected_rest, actual_rest


def _match_by_search(workspace: Workspace, rest: Rest) -> bool:
    """Find the most pairs that agree, trying all of a group; False, and nothing matched, when these are too many."""
    edges = agreeing_pairs(workspace, rest)
    if edges is None:
        return False
    workspace.add_found_pairs(maximum_matching(edges))
    return True


def _tolerant_cells_agree(workspace: Workspace) -> str:
    return " AND ".join(attribute.agrees() for attribute in workspace.layout.tolerant_attributes)
