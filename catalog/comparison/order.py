"""Matching when the order of rows counts: first what both sides have in the same order, and then what moved."""

from catalog.comparison.assignment import longest_common_order, runs_off_the_longest_order
from catalog.comparison.multiset import Rest, Rows, agreeing_pairs, unpaired_rows
from catalog.comparison.workspace import SIDES, Workspace


def match_in_order(workspace: Workspace, rows: Rows) -> Rest:
    """Match rows that agree and stand in the same order on both sides; answers the rows left over.

    Which of several equal rows is matched decides what seems moved. So rows are matched from both ends as far as they
    agree, and between these by the longest common order, unless there are too many pairs to look at.
    """
    placed = (_number_rows(workspace, "expected", rows[0]), _number_rows(workspace, "actual", rows[1]))
    expected_count, actual_count = workspace.one(
        f"SELECT (SELECT count(*) FROM {placed[0]}), (SELECT count(*) FROM {placed[1]})"
    )
    shorter = min(expected_count, actual_count)
    shift = actual_count - expected_count
    first_difference = _first_or_last_difference(workspace, placed, "pa.p = pe.p", "min")
    start = shorter if first_difference is None else first_difference - 1
    last_difference = _first_or_last_difference(workspace, placed, f"pa.p = pe.p + {shift}", "max")
    end = min(shorter if last_difference is None else expected_count - last_difference, shorter - start)
    for first, last, offset in ((1, start, 0), (expected_count - end + 1, expected_count, shift)):
        workspace.add_pairs(
            f"SELECT e.r, a.r FROM {placed[0]} e JOIN {placed[1]} a ON a.p = e.p + {offset} "
            f"WHERE e.p BETWEEN {first} AND {last}"
        )
    rest = _create_rest(workspace, rows)
    between = agreeing_pairs(workspace, rest)
    if not between:
        return rest
    workspace.add_found_pairs(longest_common_order(between))
    return _create_rest(workspace, rest)


def find_moved(workspace: Workspace) -> str:
    """A table of the expected rows (`er`) off the longest order that both sides have in common.

    SQL cuts the rows into runs that follow each other on both sides; only the runs, few when few rows moved, leave it.
    """
    runs = workspace.create(
        "runs",
        "SELECT er, e, a, sum(starts) OVER (ORDER BY e) AS run FROM ("
        "SELECT *, ((a - lag(a) OVER (ORDER BY e)) IS DISTINCT FROM 1)::INTEGER AS starts FROM ("
        "SELECT er, row_number() OVER (ORDER BY er) AS e, row_number() OVER (ORDER BY ar) AS a "
        f"FROM {workspace.pairs} WHERE er IS NOT NULL AND ar IS NOT NULL))",
    )
    starts = workspace.all(f"SELECT min(a), count(*) FROM {runs} GROUP BY run ORDER BY run")
    moved = [position + 1 for position in runs_off_the_longest_order(starts)]
    table = workspace.create("moved", "SELECT NULL::BIGINT AS er LIMIT 0")
    workspace.connection.execute(
        f"INSERT INTO {table} SELECT er FROM {runs} WHERE run IN (SELECT unnest($1::BIGINT[]))",
        [moved],
    )
    return table


def _number_rows(workspace: Workspace, side: str, rows: str | None) -> str:
    """A table of the rows `r` and their places among themselves, `p`."""
    return workspace.create(
        f"placed_{side}", f"SELECT r, row_number() OVER (ORDER BY r) AS p FROM {workspace.scope(side, rows)}"
    )


def _first_or_last_difference(workspace: Workspace, placed: tuple[str, str], same_place: str, which: str) -> int | None:
    """The first or last place (on the expected side) at which the rows do not agree."""
    agree = " AND ".join(attribute.agrees() for attribute in workspace.layout.attributes) or "true"
    (place,) = workspace.one(
        f"SELECT {which}(pe.p) FROM {placed[0]} pe JOIN {placed[1]} pa ON {same_place} "
        f"JOIN {workspace.expected} e ON e.r = pe.r JOIN {workspace.actual} a ON a.r = pa.r WHERE NOT ({agree})"
    )
    return place


def _create_rest(workspace: Workspace, rows: Rows) -> Rest:
    expected, actual = (
        workspace.create(f"off_order_{side}", f"SELECT r FROM {unpaired_rows(workspace, side, scope)}")
        for side, scope in zip(SIDES, rows, strict=True)
    )
    return expected, actual
