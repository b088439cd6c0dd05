"""Lists and sets. A function that is given as text is one of the few that the cases know."""

import re
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

_MAPPED: dict[str, Callable[[Any], Any]] = {
    "(x) => x * x": lambda x: x * x,
    "(x) => upcase(x)": lambda x: x.upper(),
    "(x) => reverse(x)": lambda x: x[::-1],
    '(x) => accumulate(["1", "2", "3"], (y) => x + y)': lambda x: [x + y for y in ("1", "2", "3")],
}
_PREDICATES: dict[str, Callable[[Any], bool]] = {
    "fn(x) -> true": lambda x: True,
    "fn(x) -> false": lambda x: False,
    "fn(x) -> x % 2 == 1": lambda x: x % 2 == 1,
    "fn(x) -> x % 2 == 0": lambda x: x % 2 == 0,
    "fn(x) -> starts_with(x, 'z')": lambda x: x.startswith("z"),
    "fn(x) -> contains(x, 5)": lambda x: 5 in x,
}


def accumulate__accumulate(list: list[Any], accumulator: str) -> list[Any]:
    """The function of each member."""
    return [_MAPPED[accumulator](each) for each in list]


def strain__keep(list: list[Any], predicate: str) -> list[Any]:
    """The members of which the predicate is true."""
    return [each for each in list if _PREDICATES[predicate](each)]


def strain__discard(list: list[Any], predicate: str) -> list[Any]:
    """The others."""
    return [each for each in list if not _PREDICATES[predicate](each)]


def binary_search__find(array: list[int], value: int) -> int:
    """The place of the value in a sorted list."""
    low, high = 0, len(array)
    while low < high:
        middle = (low + high) // 2
        if array[middle] == value:
            return middle
        low, high = (middle + 1, high) if array[middle] < value else (low, middle)
    raise ValueError("value not in array")


def custom_set__empty(set: list[int]) -> bool:
    """Whether it has no members."""
    return not set


def custom_set__contains(set: list[int], element: int) -> bool:
    """Whether it has the member."""
    return element in set


def custom_set__subset(set1: list[int], set2: list[int]) -> bool:
    """Whether the second has all members of the first."""
    return {*set1} <= {*set2}


def custom_set__disjoint(set1: list[int], set2: list[int]) -> bool:
    """Whether they share none."""
    return {*set1}.isdisjoint(set2)


def custom_set__equal(set1: list[int], set2: list[int]) -> bool:
    """Whether they have the same members."""
    return {*set1} == {*set2}


def custom_set__add(set: list[int], element: int) -> list[int]:
    """The set with one more."""
    return [*dict.fromkeys([*set, element])]


def custom_set__intersection(set1: list[int], set2: list[int]) -> list[int]:
    """What is in both."""
    return [each for each in set1 if each in set2]


def custom_set__difference(set1: list[int], set2: list[int]) -> list[int]:
    """What is in the first alone."""
    return [each for each in set1 if each not in set2]


def custom_set__union(set1: list[int], set2: list[int]) -> list[int]:
    """What is in either."""
    return [*dict.fromkeys([*set1, *set2])]


def flatten_array__flatten(array: list[Any]) -> list[Any]:
    """All that is in the nested lists, without nulls."""

    def leaves(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            for each in value:
                yield from leaves(each)
        elif value is not None:
            yield value

    return [*leaves(array)]


def _enrolled(students: list[list[Any]]) -> tuple[dict[str, int], list[bool]]:
    grades: dict[str, int] = {}
    taken = []
    for name, grade in students:
        taken.append(name not in grades)
        grades.setdefault(name, grade)
    return grades, taken


def grade_school__roster(students: list[list[Any]]) -> list[str]:
    """The names by grade and alphabet."""
    grades, _ = _enrolled(students)
    return sorted(grades, key=lambda name: (grades[name], name))


def grade_school__add(students: list[list[Any]]) -> list[bool]:
    """Whether each was added: nobody is twice in a school."""
    return _enrolled(students)[1]


def grade_school__grade(students: list[list[Any]], desiredGrade: int) -> list[str]:  # noqa: N803 (theirs)
    """The names in one grade."""
    grades, _ = _enrolled(students)
    return sorted(name for name, grade in grades.items() if grade == desiredGrade)


def _matrix(text: str) -> list[list[int]]:
    return [[int(number) for number in line.split()] for line in text.split("\n")]


def matrix__row(string: str, index: int) -> list[int]:
    """A row, counted from 1."""
    return _matrix(string)[index - 1]


def matrix__column(string: str, index: int) -> list[int]:
    """A column, counted from 1."""
    return [row[index - 1] for row in _matrix(string)]


def saddle_points__saddle_points(matrix: list[list[int]]) -> list[dict[str, int]]:
    """Where a cell is the greatest of its row and the least of its column."""
    if not matrix or not matrix[0]:
        return []
    columns = [*zip(*matrix, strict=True)]
    return [
        {"row": row + 1, "column": column + 1}
        for row, column in product(range(len(matrix)), range(len(columns)))
        if matrix[row][column] == max(matrix[row]) == min(columns[column])
    ]


SHARPS = ("A", "A#", "B", "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#")
FLATS = ("A", "Bb", "B", "C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab")
WITH_FLATS = frozenset(["F", "Bb", "Eb", "Ab", "Db", "Gb", "d", "g", "c", "f", "bb", "eb"])


def scale_generator__chromatic(tonic: str) -> list[str]:
    """The twelve tones from the tonic."""
    notes = FLATS if tonic in WITH_FLATS else SHARPS
    start = notes.index(tonic[0].upper() + tonic[1:])
    return [*notes[start:], *notes[:start]]


def scale_generator__interval(tonic: str, intervals: str) -> list[str]:
    """The tones at these intervals: m a half tone, M a tone, A one and a half."""
    tones = scale_generator__chromatic(tonic)
    places = [0]
    for interval in intervals:
        places.append(places[-1] + {"m": 1, "M": 2, "A": 3}[interval])
    return [tones[place % len(tones)] for place in places]


def spiral_matrix__spiral_matrix(size: int) -> list[list[int]]:
    """The numbers from 1 inwards."""
    matrix = [[0] * size for _ in range(size)]
    row, column, down, right = 0, 0, 0, 1
    for number in range(1, size * size + 1):
        matrix[row][column] = number
        is_inside = 0 <= row + down < size and 0 <= column + right < size
        if not is_inside or matrix[row + down][column + right]:
            down, right = right, -down
        row, column = row + down, column + right
    return matrix


def word_search__search(grid: list[str], wordsToSearchFor: list[str]) -> dict[str, Any]:  # noqa: N803 (theirs)
    """Where each word begins and ends, in any of eight directions; null where it is not."""
    return {word: _place(grid, word) for word in wordsToSearchFor}


def _place(grid: list[str], word: str) -> dict[str, dict[str, int]] | None:
    for row, column, down, right in product(range(len(grid)), range(len(grid[0])), (-1, 0, 1), (-1, 0, 1)):
        last_row, last_column = row + down * (len(word) - 1), column + right * (len(word) - 1)
        if not (0 <= last_row < len(grid) and 0 <= last_column < len(grid[0])) or not (down or right):
            continue
        if all(grid[row + down * step][column + right * step] == letter for step, letter in enumerate(word)):
            return {
                "start": {"column": column + 1, "row": row + 1},
                "end": {"column": last_column + 1, "row": last_row + 1},
            }
    return None


_RANKS = {
    rank: place for place, rank in enumerate(["2", "3", "4", "5", "6", "7", "8", "9", "10", "J", "Q", "K", "A"], 2)
}


def poker__best_hands(hands: list[str]) -> list[str]:
    """The hands that win."""
    best = max(map(_strength, hands))
    return [hand for hand in hands if _strength(hand) == best]


def _strength(hand: str) -> tuple[Any, ...]:
    ranks = [_RANKS[rank] for rank in re.findall(r"(10|[2-9JQKA])[SHDC]", hand)]
    if sorted(ranks) == [2, 3, 4, 5, 14]:
        ranks = [1, 2, 3, 4, 5]
    groups = sorted(((ranks.count(rank), rank) for rank in {*ranks}), reverse=True)
    counts, order = [count for count, _ in groups], [rank for _, rank in groups]
    is_flush = len({card[-1] for card in hand.split()}) == 1
    is_straight = len(groups) == 5 and order[0] - order[-1] == 4
    kinds = [[1, 1, 1, 1, 1], [2, 1, 1, 1], [2, 2, 1], [3, 1, 1], None, None, [3, 2], [4, 1], None]
    if is_flush or is_straight:
        return (8 if is_flush and is_straight else 5 if is_flush else 4), order
    return kinds.index(counts), order
