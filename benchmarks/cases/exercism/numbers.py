"""Arithmetic."""

import cmath
import math
import re
from itertools import count, islice, permutations
from typing import Any


def all_your_base__rebase(inputBase: int, digits: list[int], outputBase: int) -> list[int]:  # noqa: N803 (theirs)
    """The digits of the same number in another base."""
    if inputBase < 2:
        raise ValueError("input base must be >= 2")
    if any(not 0 <= digit < inputBase for digit in digits):
        raise ValueError("all digits must satisfy 0 <= d < input base")
    if outputBase < 2:
        raise ValueError("output base must be >= 2")
    number = 0
    for digit in digits:
        number = number * inputBase + digit
    found = [number % outputBase]
    while number := number // outputBase:
        found.append(number % outputBase)
    return found[::-1]


def alphametics__solve(puzzle: str) -> dict[str, int] | None:
    """The digit of each letter in a sum of words."""
    left, right = puzzle.split("==")
    words = re.findall(r"[A-Z]+", left)
    result = right.strip()
    weights: dict[str, int] = {}
    for word, sign in [*((word, 1) for word in words), (result, -1)]:
        for place, letter in enumerate(reversed(word)):
            weights[letter] = weights.get(letter, 0) + sign * 10**place
    leading = {word[0] for word in [*words, result] if len(word) > 1}
    letters = sorted(weights, key=lambda letter: -abs(weights[letter]))
    found = _digits(letters, weights, leading, 0, {})
    return {letter: found[letter] for letter in dict.fromkeys(re.findall("[A-Z]", puzzle))} if found else None


def _digits(
    letters: list[str], weights: dict[str, int], leading: set[str], total: int, chosen: dict[str, int]
) -> dict[str, int] | None:
    rest = letters[len(chosen) :]
    if not rest:
        return chosen if total == 0 else None
    reach = 9 * sum(abs(weights[letter]) for letter in rest)
    if abs(total) > reach:
        return None
    letter = rest[0]
    for digit in range(10):
        if digit in chosen.values() or (digit == 0 and letter in leading):
            continue
        found = _digits(letters, weights, leading, total + digit * weights[letter], {**chosen, letter: digit})
        if found:
            return found
    return None


def binary__decimal(binary: str) -> int | None:
    """The number, or None if the text is not binary."""
    return int(binary, 2) if re.fullmatch("[01]+", binary) else None


def collatz_conjecture__steps(number: int) -> int:
    """How many steps lead to 1."""
    if number < 1:
        raise ValueError("Only positive integers are allowed")
    steps = 0
    while number != 1:
        number, steps = (number // 2 if number % 2 == 0 else 3 * number + 1), steps + 1
    return steps


_NAMED: dict[Any, float] = {
    "e": math.e,
    "pi": math.pi,
    "ln(2)": math.log(2),
    "ln(2)/2": math.log(2) / 2,
    "pi/4": math.pi / 4,
}
Given = int | float | list[Any]


def _complex(given: Given) -> complex:
    real, imaginary = given if isinstance(given, list) else (given, 0)
    return complex(_NAMED.get(real, real), _NAMED.get(imaginary, imaginary))


def _pair(number: complex) -> list[float]:
    return [number.real, number.imag]


def complex_numbers__real(z: Given) -> float:
    """The real part."""
    return _complex(z).real


def complex_numbers__imaginary(z: Given) -> float:
    """The imaginary part."""
    return _complex(z).imag


def complex_numbers__abs(z: Given) -> float:
    """The modulus."""
    return abs(_complex(z))


def complex_numbers__conjugate(z: Given) -> list[float]:
    """The conjugate."""
    return _pair(_complex(z).conjugate())


def complex_numbers__exp(z: Given) -> list[float]:
    """e to the power of z."""
    return _pair(cmath.exp(_complex(z)))


def complex_numbers__add(z1: Given, z2: Given) -> list[float]:
    """The sum."""
    return _pair(_complex(z1) + _complex(z2))


def complex_numbers__sub(z1: Given, z2: Given) -> list[float]:
    """The difference."""
    return _pair(_complex(z1) - _complex(z2))


def complex_numbers__mul(z1: Given, z2: Given) -> list[float]:
    """The product."""
    return _pair(_complex(z1) * _complex(z2))


def complex_numbers__div(z1: Given, z2: Given) -> list[float]:
    """The quotient."""
    return _pair(_complex(z1) / _complex(z2))


def difference_of_squares__square_of_sum(number: int) -> int:
    """The square of 1 + ... + number."""
    return int(sum(range(number + 1)) ** 2)


def difference_of_squares__sum_of_squares(number: int) -> int:
    """The sum of the squares up to the number's."""
    return sum(each * each for each in range(number + 1))


def difference_of_squares__difference_of_squares(number: int) -> int:
    """The one less the other."""
    return difference_of_squares__square_of_sum(number) - difference_of_squares__sum_of_squares(number)


def knapsack__maximum_value(maximumWeight: int, items: list[dict[str, int]]) -> int:  # noqa: N803 (theirs)
    """The greatest value that weighs no more."""
    best = [0] * (maximumWeight + 1)
    for item in items:
        for weight in range(maximumWeight, item["weight"] - 1, -1):
            best[weight] = max(best[weight], best[weight - item["weight"]] + item["value"])
    return best[-1]


def luhn__valid(value: str) -> bool:
    """Whether the digits' check sum is right."""
    digits = value.replace(" ", "")
    if not re.fullmatch(r"[0-9]{2,}", digits):
        return False
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def nth_prime__prime(number: int) -> int:
    """The prime with that number, counting from 1."""
    if number < 1:
        raise ValueError("there is no zeroth prime")
    primes: list[int] = []
    for candidate in count(2):
        if all(candidate % prime for prime in primes if prime * prime <= candidate):
            primes.append(candidate)
            if len(primes) == number:
                break
    return primes[-1]


def pythagorean_triplet__triplets_with_sum(n: int) -> list[list[int]]:
    """The triplets a < b < c with a + b + c = n and a squared + b squared = c squared."""
    found = []
    for a in range(1, n // 3):
        b, rest = divmod(n * (n - 2 * a), 2 * (n - a))
        if not rest and a < b:
            found.append([a, b, n - a - b])
    return found


def sieve__primes(limit: int) -> list[int]:
    """The primes up to the limit."""
    is_prime = [True] * (limit + 1)
    for number in range(2, math.isqrt(limit) + 1):
        if is_prime[number]:
            is_prime[number * number :: number] = [False] * len(range(number * number, limit + 1, number))
    return [number for number in range(2, limit + 1) if is_prime[number]]


YEARS = {
    "Mercury": 0.2408467,
    "Venus": 0.61519726,
    "Earth": 1.0,
    "Mars": 1.8808158,
    "Jupiter": 11.862615,
    "Saturn": 29.447498,
    "Uranus": 84.016846,
    "Neptune": 164.79132,
}


def space_age__age(planet: str, seconds: int) -> float:
    """The years of a planet that the seconds make."""
    if planet not in YEARS:
        raise ValueError("not a planet")
    return round(seconds / 31_557_600 / YEARS[planet], 2)


def square_root__square_root(radicand: int) -> int:
    """The root."""
    return math.isqrt(radicand)


_OPERATIONS = {
    "plus": lambda a, b: a + b,
    "minus": lambda a, b: a - b,
    "multiplied by": lambda a, b: a * b,
    "divided by": lambda a, b: a // b,
}


def wordy__answer(question: str) -> int:
    """What a question such as "What is 5 plus 3?" asks for, from left to right."""
    asked = re.fullmatch(r"What is(.*)\?", question)
    if not asked:
        raise ValueError("unknown operation")
    words = re.findall(r"-?\d+|multiplied by|divided by|\w+", asked[1])
    numbers = [bool(re.fullmatch(r"-?\d+", word)) for word in words]
    if any(word not in _OPERATIONS for word, is_number in zip(words, numbers, strict=True) if not is_number):
        raise ValueError("unknown operation")
    if numbers != [place % 2 == 0 for place in range(len(words))] or len(words) % 2 == 0:
        raise ValueError("syntax error")
    answer = int(words[0])
    for operation, operand in zip(words[1::2], words[2::2], strict=True):
        answer = _OPERATIONS[operation](answer, int(operand))
    return answer


def two_bucket__measure(bucketOne: int, bucketTwo: int, goal: int, startBucket: str) -> dict[str, Any]:  # noqa: N803
    """The fewest moves that leave `goal` litres in a bucket, never emptying the first beside a full second."""
    sizes = (bucketOne, bucketTwo) if startBucket == "one" else (bucketTwo, bucketOne)
    names = ("one", "two") if startBucket == "one" else ("two", "one")
    states, seen = [(sizes[0], 0)], {(sizes[0], 0), (0, sizes[1])}
    for moves in count(1):
        for state in states:
            if goal in state:
                place = state.index(goal)
                return {"moves": moves, "goalBucket": names[place], "otherBucket": state[1 - place]}
        states = [after for state in states for after in _poured(state, sizes) if after not in seen]
        seen.update(states)
        if not states:
            raise ValueError("impossible")
    raise AssertionError("count does not end")


def _poured(state: tuple[int, int], sizes: tuple[int, int]) -> list[tuple[int, int]]:
    first, second = state
    onwards, back = min(first, sizes[1] - second), min(second, sizes[0] - first)
    return [
        (sizes[0], second),
        (first, sizes[1]),
        (0, second),
        (first, 0),
        (first - onwards, second + onwards),
        (first + back, second - back),
    ]


def zebra_puzzle__drinks_water() -> str:
    """Who drinks water."""
    return _zebra()[0]


def zebra_puzzle__owns_zebra() -> str:
    """Who owns the zebra."""
    return _zebra()[1]


def _zebra() -> tuple[str, str]:
    def orders() -> Any:
        return permutations(range(5))

    def are_neighbours(one: int, other: int) -> bool:
        return abs(one - other) == 1

    solutions = (
        {water: "water", zebra: "zebra", "people": (english, spaniard, ukrainian, japanese, norwegian)}
        for red, green, ivory, yellow, blue in orders()
        if green == ivory + 1
        for english, spaniard, ukrainian, japanese, norwegian in orders()
        if english == red and norwegian == 0 and are_neighbours(norwegian, blue)
        for coffee, tea, milk, juice, water in orders()
        if coffee == green and ukrainian == tea and milk == 2
        for dancer, painter, reader, footballer, chess in orders()
        if painter == yellow and footballer == juice and japanese == chess
        for dog, snails, fox, horse, zebra in orders()
        if spaniard == dog and dancer == snails and are_neighbours(reader, fox) and are_neighbours(painter, horse)
    )
    (solution,) = islice(solutions, 1)
    people = dict(
        zip(solution["people"], ("Englishman", "Spaniard", "Ukrainian", "Japanese", "Norwegian"), strict=True)
    )
    places = {name: place for place, name in solution.items() if isinstance(place, int)}
    return people[places["water"]], people[places["zebra"]]
