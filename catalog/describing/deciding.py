"""The type of each column out of what was counted, with the evidence for it. Pure: no Django."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from catalog.attributes import Attribute
from catalog.describing.candidates import Candidate
from catalog.describing.counting import Tally

EXACT_DIGITS: Final = 18  # what fits into 64 bits, and leaves room for greater values
MOST_DIGITS: Final = 38
MONEY_PLACES: Final = range(2, 5)
DOUBLE_DIGITS: Final = 17  # with more, a text is no longer one that a double was written as


@dataclass(frozen=True)
class Decision:
    """The type of a column. `marks`: the texts that must mean a missing value for it to hold."""

    type: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    marks: frozenset[str] = frozenset()

    @classmethod
    def text(cls, *evidence: str) -> "Decision":
        """The type that takes any text."""
        return cls("string", evidence=evidence)


@dataclass(frozen=True)
class Decisions:
    """The types of all columns, and the texts that mean a missing value beside nothing at all."""

    columns: list[Decision]
    marks: tuple[str, ...]


def decide(tallies: Sequence[Tally], row_count: int, tried: Sequence[Candidate], is_text: bool) -> Decisions:
    """The types of all columns. A mark of a missing value counts for the whole Object, so the columns must agree."""
    refused: set[str] = set()
    while True:
        columns = [_decide(tally, row_count, tried, is_text, refused) for tally in tallies]
        marks = frozenset().union(*(decision.marks for decision in columns))
        meant = {mark for mark in marks if any(_is_code(mark, t, d) for t, d in zip(tallies, columns, strict=True))}
        if not meant:
            listed = sorted(marks)
            return Decisions(
                [_with_marks(d, t, marks, refused) for d, t in zip(columns, tallies, strict=True)], tuple(listed)
            )
        refused |= meant


def _is_code(mark: str, tally: Tally, decision: Decision) -> bool:
    """Whether this text is a value like all the others of a column: NA among the two letters of countries."""
    if decision.type != "string" or not tally.marks[mark] or tally.shortest is None:
        return False
    return tally.shortest == tally.longest == len(mark)


def _with_marks(decision: Decision, tally: Tally, marks: frozenset[str], refused: set[str]) -> Decision:
    """The decision, with what marks of missing values mean for a column of text."""
    if decision.type != "string":
        return decision
    more = []
    for mark in sorted(tally.marks):
        if mark in marks:
            more.append(f"{_cells(tally.marks[mark])} {mark!r}, read as missing here as in other attributes")
        elif mark not in refused or _is_code(mark, tally, decision):
            more.append(f"{_cells(tally.marks[mark])} {mark!r}, which stays text")
    return Decision(decision.type, decision.settings, (*decision.evidence, *more), decision.marks)


def _cells(count: int) -> str:
    return f"{count} cell holds" if count == 1 else f"{count} cells hold"


def _decide(tally: Tally, row_count: int, tried: Sequence[Candidate], is_text: bool, refused: set[str]) -> Decision:
    if not tally.values:
        return Decision.text(f"All {row_count} values are empty: string" if row_count else "There is no row: string")
    marks = frozenset(tally.marks) - refused
    others = tally.values - sum(tally.marks[mark] for mark in marks)
    fitting = [candidate for candidate in tried if others and tally.hits[candidate.key] == others]
    if fitting:
        return _fitting(fitting[0], tally, row_count, marks, is_text)
    if not is_text:
        return _mixed(tally, row_count, tried)
    return Decision.text(*_near_misses(tally, row_count, tried, others, refused))


def _fitting(chosen: Candidate, tally: Tally, row_count: int, marks: frozenset[str], is_text: bool) -> Decision:
    """The decision for a type that reads all values; numerals may still be names rather than numbers."""
    reason = _why_no_number(tally) if chosen.attribute.type in {"integer", "number"} and is_text else None
    if reason:
        return Decision.text(reason)
    evidence = [_count_sentence(tally, row_count, chosen, marks)]
    evidence += [f"{_cells(tally.marks[mark])} {mark!r}: missing" for mark in sorted(marks) if tally.marks[mark]]
    settings: Mapping[str, Any] = {"timezone": True} if chosen.attribute.timezone else {}
    if chosen.attribute.type == "number":
        settings, why = _number_settings(tally)
        evidence.append(why)
    return Decision(chosen.attribute.type, settings, tuple(evidence), marks)


def _why_no_number(tally: Tally) -> str | None:
    """Why numerals stay text: as numbers they would lose what is written."""
    if tally.leading_zeros:
        return f"{_values(tally.leading_zeros, 'has', 'have')} leading zeros: string"
    if tally.leading_pluses:
        return f"{_values(tally.leading_pluses, 'begins', 'begin')} with +, as dialling prefixes do: string"
    marked = sum(tally.marks.values())
    if tally.whole_numbers + marked == tally.values and tally.hits["integer"] < tally.whole_numbers:
        beyond = tally.whole_numbers - tally.hits["integer"]
        return f"{_values(beyond, 'has', 'have')} more digits than a 64-bit integer holds: string"
    if tally.most_digits > MOST_DIGITS:
        return f"Values have up to {tally.most_digits} digits, more than a number holds: string"
    return None


def _values(count: int, one: str, many: str) -> str:
    return f"{count} value {one}" if count == 1 else f"{count} values {many}"


def _count_sentence(tally: Tally, row_count: int, chosen: Candidate, marks: frozenset[str]) -> str:
    """ "998 of 1000 values are integers; 2 are empty"."""
    hits, empty = tally.hits[chosen.key], row_count - tally.values
    if hits == row_count:
        return f"All {hits} values are {chosen.words}" if hits != 1 else f"The only value is one of the {chosen.words}"
    return f"{hits} of {row_count} values are {chosen.words}" + (f"; {_are(empty)} empty" if empty else "")


def _are(count: int) -> str:
    return f"{count} is" if count == 1 else f"{count} are"


def _number_settings(tally: Tally) -> tuple[Mapping[str, Any], str]:
    """Exact or double, and why."""
    least, most = tally.least_places or 0, tally.most_places
    digits, needed = max(tally.most_digits, most), max(tally.most_digits, most) + most
    if tally.exponents:
        return {}, f"{_values(tally.exponents, 'has', 'have')} an exponent: double"
    if least == most and most in MONEY_PLACES and needed <= MOST_DIGITS:
        precision = EXACT_DIGITS if needed <= EXACT_DIGITS else MOST_DIGITS
        return {"precision": precision, "scale": most}, f"All fractions have {most} places: exact decimal"
    if digits > DOUBLE_DIGITS and needed <= MOST_DIGITS:
        why = f"Values have up to {digits} digits, more than a double holds: exact decimal"
        return {"precision": MOST_DIGITS, "scale": most}, why
    places = f"{least} to {most} places" if least != most else f"{most} place{'s' * (most != 1)}"
    return {}, f"Fractions have {places}: double"


def _mixed(tally: Tally, row_count: int, tried: Sequence[Candidate]) -> Decision:
    """JSON values of several kinds."""
    told = [each for each in tried if tally.hits[each.key] and each.key != "integer"]  # these are numbers too
    kinds = [f"{tally.hits[each.key]} are {each.words}" for each in told]
    return Decision("any", evidence=(f"Of {tally.values} values {', '.join(kinds)}: any",))


def _near_misses(tally: Tally, row_count: int, tried: Sequence[Candidate], others: int, refused: set[str]) -> list[str]:
    """What most values of a column of text could be, and a value that stands against it."""
    empty = row_count - tally.values
    meant = [mark for mark in sorted(refused) if tally.marks[mark]]
    told = others - sum(tally.marks[mark] for mark in meant)
    best = max(tried, key=lambda each: tally.hits[each.key])
    hits, found = tally.hits[best.key], []
    if 2 * hits > told:
        said = [f"{hits} of {row_count} values are {best.words}", *([f"{_are(empty)} empty"] if empty else [])]
        if told > hits:
            said.append(f"{_are(told - hits)} not, such as {tally.misses.get(best.key, '')!r}")
        found.append("; ".join(said) + ": string")
    elsewhere = [mark for mark in meant if not tally.shortest == tally.longest == len(mark)]
    found += [
        f"{_cells(tally.marks[mark])} {mark!r}, a value of other attributes, so not missing" for mark in elsewhere
    ]
    if tally.empty_texts:
        found.append(f"{_values(tally.empty_texts, 'is', 'are')} empty text in quotes, which is not missing")
    return found or [f"{_values(tally.values, 'is', 'are')} text" + (f"; {_are(empty)} empty" if empty else "")]


_TYPED: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"), ("integer", {})),
    **dict.fromkeys(("UBIGINT", "HUGEINT", "UHUGEINT"), ("number", {"precision": MOST_DIGITS, "scale": 0})),
    **dict.fromkeys(("FLOAT", "DOUBLE"), ("number", {})),
    "BOOLEAN": ("boolean", {}),
    "DATE": ("date", {}),
    "TIME": ("time", {}),
    "TIMESTAMP WITH TIME ZONE": ("datetime", {"timezone": True}),
}


def decide_typed(columns: Sequence[tuple[str, str]], can_be: Callable[[int, Attribute], bool]) -> Decisions:
    """The types of columns that have types of their own. can_be: whether a column can be taken as an attribute."""
    decided = []
    for place, (_, column_type) in enumerate(columns):
        kind, settings = _typed(column_type)
        if not can_be(place, Attribute.from_definition({"name": "", "type": kind, **settings})):
            kind, settings = "any", {}
        decided.append(Decision(kind, settings, (f"The file has it as {column_type}",)))
    return Decisions(decided, ())


def _typed(column_type: str) -> tuple[str, Mapping[str, Any]]:
    """The attribute type and settings that a column's type comes nearest to."""
    if column_type.startswith("DECIMAL("):
        precision, scale = column_type.removeprefix("DECIMAL(").rstrip(")").split(",")
        return "number", {"precision": int(precision), "scale": int(scale)}
    if column_type.endswith("]"):
        return "array", {}
    if column_type.startswith(("STRUCT", "MAP")):
        return "object", {}
    if column_type.startswith("TIMESTAMP") and column_type not in _TYPED:
        return "datetime", {}
    return _TYPED.get(column_type, ("string", {}))
