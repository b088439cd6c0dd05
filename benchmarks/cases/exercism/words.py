"""Text."""

import re
from collections import Counter
from datetime import datetime, timedelta


def _bottles(count: int) -> str:
    return f"{count or 'no more'} bottle{'' if count == 1 else 's'}"


def _beer_verse(count: int) -> list[str]:
    wall = f"{_bottles(count)} of beer on the wall, {_bottles(count)} of beer."
    if count == 0:
        taken = "Go to the store and buy some more, 99 bottles of beer on the wall."
    else:
        one = "it" if count == 1 else "one"
        taken = f"Take {one} down and pass it around, {_bottles(count - 1)} of beer on the wall."
    return [wall[0].upper() + wall[1:], taken]


def _with_blank_lines(verses: list[list[str]]) -> list[str]:
    return [line for verse in verses for line in ["", *verse]][1:]


def beer_song__recite(startBottles: int, takeDown: int) -> list[str]:  # noqa: N803 (theirs)
    """The verses, with an empty line between two."""
    return _with_blank_lines([_beer_verse(startBottles - taken) for taken in range(takeDown)])


_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def _green_verse(count: int) -> list[str]:
    def bottles(number: int) -> str:
        return f"{_COUNTS[number]} green bottle{'' if number == 1 else 's'} hanging on the wall"

    return [
        f"{bottles(count).capitalize()},",
        f"{bottles(count).capitalize()},",
        "And if one green bottle should accidentally fall,",
        f"There'll be {bottles(count - 1)}.",
    ]


def bottle_song__recite(startBottles: int, takeDown: int) -> list[str]:  # noqa: N803 (theirs)
    """The verses, with an empty line between two."""
    return _with_blank_lines([_green_verse(startBottles - taken) for taken in range(takeDown)])


def bob__response(heyBob: str) -> str:  # noqa: N803 (theirs)
    """What Bob says to that."""
    said = heyBob.strip()
    if not said:
        return "Fine. Be that way!"
    is_shouted, is_question = said.isupper(), said.endswith("?")
    if is_shouted:
        return "Calm down, I know what I'm doing!" if is_question else "Whoa, chill out!"
    return "Sure." if is_question else "Whatever."


_HOUSE = (
    "the house that Jack built.",
    "the malt that lay in",
    "the rat that ate",
    "the cat that killed",
    "the dog that worried",
    "the cow with the crumpled horn that tossed",
    "the maiden all forlorn that milked",
    "the man all tattered and torn that kissed",
    "the priest all shaven and shorn that married",
    "the rooster that crowed in the morn that woke",
    "the farmer sowing his corn that kept",
    "the horse and the hound and the horn that belonged to",
)


def house__recite(startVerse: int, endVerse: int) -> list[str]:  # noqa: N803 (theirs)
    """The verses."""
    return ["This is " + " ".join(reversed(_HOUSE[:verse])) for verse in range(startVerse, endVerse + 1)]


_PLANTS = {"R": "radishes", "C": "clover", "G": "grass", "V": "violets"}


def kindergarten_garden__plants(diagram: str, student: str) -> list[str]:
    """The four plants of a student: two in each row, by the alphabet of the twelve names."""
    place = 2 * (ord(student[0]) - ord("A"))
    return [_PLANTS[plant] for row in diagram.split("\n") for plant in row[place : place + 2]]


def line_up__format(name: str, number: int) -> str:
    """The customer's number as an ordinal."""
    endings = {1: "st", 2: "nd", 3: "rd"}
    ending = "th" if number % 100 in {11, 12, 13} else endings.get(number % 10, "th")
    return f"{name}, you are the {number}{ending} customer we serve today. Thank you!"


def matching_brackets__is_paired(value: str) -> bool:
    """Whether each bracket is closed, and in order."""
    closing = {")": "(", "]": "[", "}": "{"}
    opened: list[str] = []
    for character in value:
        if character in closing.values():
            opened.append(character)
        elif character in closing and (not opened or opened.pop() != closing[character]):
            return False
    return not opened


def micro_blog__truncate(phrase: str) -> str:
    """The first five characters."""
    return phrase[:5]


def parallel_letter_frequency__calculate_frequencies(texts: list[str]) -> dict[str, int]:
    """How often each letter stands in the texts."""
    return dict(Counter(letter for text in texts for letter in text.lower() if letter.isalpha()))


def pig_latin__translate(phrase: str) -> str:
    """The phrase in Pig Latin: what stands before the first vowel sound goes to the end."""
    return " ".join(_pig_latin(word) for word in phrase.split())


def _pig_latin(word: str) -> str:
    if re.match(r"[aeiou]|xr|yt", word):
        return f"{word}ay"
    consonants, rest = re.fullmatch(r"(.[^aeiouy]*?qu|qu|.[^aeiouy]*)(.*)", word).groups()  # type: ignore[union-attr]
    return f"{rest}{consonants}ay"


def reverse_string__reverse(value: str) -> str:
    """The text backwards, whole characters kept."""
    clusters = re.findall(r".[\u0300-\u036f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]*", value, re.DOTALL)
    return "".join(reversed(clusters))


_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def say__say(number: int) -> str:
    """The number in words."""
    if not 0 <= number < 10**12:
        raise ValueError("input out of range")
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens - 2] + (f"-{_ONES[ones]}" if ones else "")
    scales = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
    size, word = next(scale for scale in scales if number >= scale[0])
    count, rest = divmod(number, size)
    return f"{say__say(count)} {word}" + (f" {say__say(rest)}" if rest else "")


def swift_scheduling__delivery_date(meetingStart: str, description: str) -> str:  # noqa: N803 (theirs)
    """When a delivery is due that was promised in a meeting."""
    start = datetime.fromisoformat(meetingStart)
    day = start.replace(hour=0, minute=0, second=0)
    if description == "NOW":
        due = start + timedelta(hours=2)
    elif description == "ASAP":
        due = day + (timedelta(hours=17) if start.hour < 13 else timedelta(days=1, hours=13))
    elif description == "EOW":
        is_early = start.weekday() < 3
        due = day + timedelta(days=(4 if is_early else 6) - start.weekday(), hours=17 if is_early else 20)
    elif description.endswith("M"):
        month = int(description[:-1])
        first = datetime(start.year + (month <= start.month), month, 1, 8)
        due = first + timedelta(days=max(0, 7 - first.weekday()) % 7 if first.weekday() > 4 else 0)
    else:
        quarter = int(description[1:])
        year = start.year + (quarter < (start.month + 2) // 3)
        last = datetime(year + quarter // 4, quarter * 3 % 12 + 1, 1, 8) - timedelta(days=1)
        due = last - timedelta(days=max(0, last.weekday() - 4))
    return due.isoformat()


def tournament__tally(rows: list[str]) -> list[str]:
    """The table of a tournament, the best first."""
    results: dict[str, list[int]] = {}
    other = {"win": "loss", "loss": "win", "draw": "draw"}
    place = {"win": 0, "draw": 1, "loss": 2}
    for row in rows:
        home, away, outcome = row.split(";")
        for team, own in ((home, outcome), (away, other[outcome])):
            results.setdefault(team, [0, 0, 0])[place[own]] += 1
    lines = [
        (
            -(3 * won + drawn),
            team,
            f"{team:<31}| {won + drawn + lost:>2} | {won:>2} | {drawn:>2} | {lost:>2} | {3 * won + drawn:>2}",
        )
        for team, (won, drawn, lost) in results.items()
    ]
    return [f"{'Team':<31}| MP |  W |  D |  L |  P", *(line for *_, line in sorted(lines))]


def transpose__transpose(lines: list[str]) -> list[str]:
    """Columns for rows; padded on the left and never on the right."""
    width = max(map(len, lines), default=0)
    columns = []
    for place in range(width):
        height = max(row for row, line in enumerate(lines) if len(line) > place) + 1
        columns.append("".join(line[place] if place < len(line) else " " for line in lines[:height]))
    return columns
