"""The two questions about rows that are no set operations; both see only the few rows that SQL left open."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence

Edge = tuple[int, int]


def maximum_matching(edges: Iterable[Edge]) -> list[Edge]:
    """As many of the edges as can be chosen when no expected and no actual row is used twice.

    Augmenting paths, found breadth first; where there is a choice, edges given first are preferred.
    """
    neighbours: dict[int, list[int]] = {}
    for expected, actual in edges:
        neighbours.setdefault(expected, []).append(actual)
    partner_of_actual: dict[int, int] = {}
    partner_of_expected: dict[int, int] = {}
    for expected in neighbours:
        _augment(expected, neighbours, partner_of_expected, partner_of_actual)
    return sorted(partner_of_expected.items())


def _augment(
    start: int,
    neighbours: dict[int, list[int]],
    partner_of_expected: dict[int, int],
    partner_of_actual: dict[int, int],
) -> None:
    reached_from: dict[int, int] = {}
    queue = deque([start])
    while queue:
        expected = queue.popleft()
        for actual in neighbours[expected]:
            if actual in reached_from:
                continue
            reached_from[actual] = expected
            if actual in partner_of_actual:
                queue.append(partner_of_actual[actual])
                continue
            _flip(start, actual, reached_from, partner_of_expected, partner_of_actual)
            return


def _flip(
    start: int,
    end: int,
    reached_from: dict[int, int],
    partner_of_expected: dict[int, int],
    partner_of_actual: dict[int, int],
) -> None:
    actual: int | None = end
    while actual is not None:
        expected = reached_from[actual]
        former = partner_of_expected.get(expected)
        partner_of_expected[expected], partner_of_actual[actual] = actual, expected
        actual = None if expected == start else former


def assign_best(scored_edges: Sequence[tuple[int, int, int]]) -> list[Edge]:
    """Pairs from (expected row, actual row, shared cells): those with most shared cells first, as many as possible."""
    by_score: dict[int, list[Edge]] = {}
    for expected, actual, score in scored_edges:
        by_score.setdefault(score, []).append((expected, actual))
    chosen: list[Edge] = []
    used_expected: set[int] = set()
    used_actual: set[int] = set()
    for score in sorted(by_score, reverse=True):
        free = [edge for edge in by_score[score] if edge[0] not in used_expected and edge[1] not in used_actual]
        found = maximum_matching(free)
        chosen += found
        used_expected.update(expected for expected, _ in found)
        used_actual.update(actual for _, actual in found)
    return chosen


def longest_common_order(edges: Iterable[Edge]) -> list[Edge]:
    """As many of the edges as can be chosen so that both their expected and their actual rows only rise.

    Hunt and Szymanski's way to the longest common subsequence: O(n log n) in the number of edges.
    """
    ends: list[int] = []  # for each length the smallest actual row that an order so long can end in
    last_edges: list[int] = []
    previous: list[int | None] = []
    ordered = sorted(edges, key=lambda edge: (edge[0], -edge[1]))  # falling, so that no expected row is used twice
    for position, (_, actual) in enumerate(ordered):
        place = bisect_left(ends, actual)
        previous.append(last_edges[place - 1] if place else None)
        ends[place : place + 1], last_edges[place : place + 1] = [actual], [position]
    chosen: list[Edge] = []
    edge = last_edges[-1] if last_edges else None
    while edge is not None:
        chosen.append(ordered[edge])
        edge = previous[edge]
    return chosen[::-1]


def runs_off_the_longest_order(runs: Sequence[tuple[int, int]]) -> list[int]:
    """The positions of the runs that must move so that the fewest rows do.

    runs: in the order of the expected side, (place of the run's first row on the actual side, number of rows); a run is
    rows that follow each other on both sides, so it stays or moves as a whole. O(n log n).
    """
    ends: list[int] = []  # places of last rows, rising
    weights: list[int] = []  # the most rows in order that end there, rising too: anything less is of no use
    last_runs: list[int] = []
    previous: list[int | None] = []
    for position, (first, length) in enumerate(runs):
        place = bisect_left(ends, first)
        weight = length + (weights[place - 1] if place else 0)
        previous.append(last_runs[place - 1] if place else None)
        beaten = place
        while beaten < len(ends) and weights[beaten] <= weight:
            beaten += 1
        ends[place:beaten], weights[place:beaten], last_runs[place:beaten] = [first + length - 1], [weight], [position]
    kept: set[int] = set()
    run = last_runs[-1] if last_runs else None
    while run is not None:
        kept.add(run)
        run = previous[run]
    return [position for position in range(len(runs)) if position not in kept]
