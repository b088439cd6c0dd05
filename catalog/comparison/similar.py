"""Pairing the rows that equal none, so that a changed cell shows as a change and not as two strange rows."""

from catalog.comparison.multiset import Rest, unpaired_rows
from catalog.comparison.workspace import SIDES, Workspace, canonical_columns, canonical_names, shared_cells

CELLS_MAX = 10_000_000


def pair_similar(workspace: Workspace, rest: Rest) -> None:
    """Pair each row of the rest with the row that shares most cells with it.

    The pairs that share most come first. A row that is as like to several stays unpaired, and is counted in a note.
    Rows that share no cell are no pair. The work is the product of both sides, so beyond a limit nothing is paired.
    """
    kinds = _kinds(workspace, rest)
    counts = workspace.one(f"SELECT (SELECT count(*) FROM {kinds[0]}), (SELECT count(*) FROM {kinds[1]})")
    if not all(counts):
        return
    if counts[0] * counts[1] * len(workspace.layout.attributes) > CELLS_MAX:
        workspace.notes.append(
            f"pairing was skipped: {counts[0]} expected and {counts[1]} actual rows are too many to compare each with "
            "each, so they are listed as missing and unexpected"
        )
        return
    candidates = _candidates(workspace, kinds)
    chosen = _choose(workspace, kinds, candidates)
    workspace.add_pairs(
        "SELECT unnest(em[1:least(len(em), len(am))]), unnest(am[1:least(len(em), len(am))]) FROM ("
        f"SELECT ke.members AS em, ka.members AS am FROM {chosen} c "
        f"JOIN {kinds[0]} ke ON ke.r = c.er JOIN {kinds[1]} ka ON ka.r = c.ar)"
    )


def _kinds(workspace: Workspace, rest: Rest) -> tuple[str, str]:
    """For each side a table of the distinct rows in no pair: the first row `r` of each and all of them, `members`."""
    attributes = workspace.layout.attributes
    names = ", ".join(canonical_names(attributes))
    expected, actual = (
        workspace.create(
            f"kinds_{side}",
            "SELECT min(r) AS r, list(r ORDER BY r) AS members FROM ("
            f"SELECT s.r, {canonical_columns(attributes, side, 's')} "
            f"FROM {unpaired_rows(workspace, side, scope)} s) GROUP BY {names}",
        )
        for side, scope in zip(SIDES, rest, strict=True)
    )
    return expected, actual


def _candidates(workspace: Workspace, kinds: tuple[str, str]) -> str:
    score = shared_cells(workspace.layout.attributes)
    return workspace.create(
        "candidates",
        f"SELECT e.r AS er, a.r AS ar, {score} AS score FROM {workspace.scope('expected', kinds[0])} e, "
        f"{workspace.scope('actual', kinds[1])} a WHERE score > 0",
    )


def _choose(workspace: Workspace, kinds: tuple[str, str], candidates: str) -> str:
    """A table of the chosen pairs (er, ar), from the most shared cells downwards, with a round for each score."""
    chosen = workspace.create("chosen", "SELECT NULL::BIGINT AS er, NULL::BIGINT AS ar LIMIT 0")
    execute = workspace.connection.execute
    ambiguous_counts = [0, 0]
    while (score := workspace.one(f"SELECT max(score) FROM {candidates}")[0]) is not None:
        best = f"(SELECT er, ar FROM {candidates} WHERE score = {score})"
        execute(
            f"INSERT INTO {chosen} SELECT er, ar FROM {best} "
            "QUALIFY count(*) OVER (PARTITION BY er) = 1 AND count(*) OVER (PARTITION BY ar) = 1"
        )
        for position, column in enumerate(("er", "ar")):
            (count,) = workspace.one(
                f"SELECT coalesce(sum(len(members)), 0) FROM {kinds[position]} "
                f"WHERE r IN (SELECT {column} FROM {best}) AND r NOT IN (SELECT {column} FROM {chosen})"
            )
            ambiguous_counts[position] += int(count)
        execute(f"DELETE FROM {candidates} WHERE er IN (SELECT er FROM {best}) OR ar IN (SELECT ar FROM {best})")
    if any(ambiguous_counts):
        workspace.notes.append(
            f"{ambiguous_counts[0]} missing and {ambiguous_counts[1]} unexpected rows are ambiguous: each could "
            "as well be paired with several rows of the other side, so they were left unpaired"
        )
    return chosen
