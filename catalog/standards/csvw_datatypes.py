"""Datatypes of CSVW as types, settings and constraints of attributes. Pure: no Django.

Source: https://www.w3.org/TR/tabular-metadata/#datatypes and https://www.w3.org/TR/tabular-data-model/#parsing-cells.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from catalog.rules import check_attribute
from catalog.standards.coverage import UNCOVERED
from catalog.standards.csvw_annotations import node_problems
from config.problems import Problem, nearest, pointer

LENGTHS: Final = ("length", "minLength", "maxLength")
BOUNDS: Final = ("minimum", "maximum", "minInclusive", "maxInclusive", "minExclusive", "maxExclusive")
PROPERTIES: Final = frozenset({"@id", "@type", "base", "format", *LENGTHS, *BOUNDS})
_OURS: Final = {
    "minimum": "minimum", "minInclusive": "minimum", "minExclusive": "exclusiveMinimum",
    "maximum": "maximum", "maxInclusive": "maximum", "maxExclusive": "exclusiveMaximum",
}  # fmt: skip
_INTEGERS: Final[Mapping[str, tuple[int | None, int | None]]] = {
    "integer": (None, None), "long": (None, None), "int": (-(2**31), 2**31 - 1), "short": (-(2**15), 2**15 - 1),
    "byte": (-(2**7), 2**7 - 1), "nonNegativeInteger": (0, None), "positiveInteger": (1, None),
    "unsignedLong": (0, None), "unsignedInt": (0, 2**32 - 1), "unsignedShort": (0, 2**16 - 1),
    "unsignedByte": (0, 2**8 - 1), "nonPositiveInteger": (None, 0), "negativeInteger": (None, -1),
}  # fmt: skip
_BUILT_IN: Final = ("http://www.w3.org/2001/XMLSchema#", "http://www.w3.org/ns/csvw#")
_ZONE: Final = "(Z|[+-][0-9]{2}:[0-9]{2})?"
_MONTH: Final = "(0[1-9]|1[0-2])"
_DAY: Final = "(0[1-9]|[12][0-9]|3[01])"
_PART: Final = r"[\pL_][-\pL\pM\pN._]*"
_TEXTS: Final[Mapping[str, str | None]] = {
    "string": None,
    "normalizedString": r"[^\r\n\t]*",
    "token": r"([^\s]+( [^\s]+)*)?",
    "language": "[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*",
    "Name": r"[\pL_:][-\pL\pM\pN._:]*",
    "NMTOKEN": r"[-\pL\pM\pN._:]+",
    "QName": f"{_PART}(:{_PART})?",
    "gDay": f"---{_DAY}{_ZONE}",
    "gMonth": f"--{_MONTH}{_ZONE}",
    "gMonthDay": f"--{_MONTH}-{_DAY}{_ZONE}",
    "hexBinary": "([0-9A-Fa-f]{2})*",
    **dict.fromkeys(("base64Binary", "anyURI", "anyAtomicType", "xml", "html", "json")),
}
"""Datatypes that are texts, and what the whole of one must match (RE2)."""

_NUMBERS: Final = frozenset({"decimal", "double", "float", "number"})
_MOMENTS: Final = {"date": "date", "time": "time", "dateTime": "datetime", "dateTimeStamp": "datetime"}
_TYPES: Final = {
    **dict.fromkeys(_NUMBERS, "number"),
    **_MOMENTS,
    **dict.fromkeys(("duration", "dayTimeDuration", "yearMonthDuration"), "duration"),
    "gYear": "year",
    "gYearMonth": "yearmonth",
}
_TOLD: Final = {
    "decimal": "A decimal is a double here; give the attribute precision and scale to keep its digits.",
    **dict.fromkeys(("double", "float", "number"), "NaN, INF and -INF are no numbers here."),
    **{name: f"A {name} is any duration here." for name in ("dayTimeDuration", "yearMonthDuration")},
}
_ALIASES: Final = {"any": "anyAtomicType", "binary": "base64Binary", "datetime": "dateTime"}
BASES: Final = (
    *_TEXTS, *_INTEGERS, "boolean", *_TYPES, *_ALIASES,
)  # fmt: skip
_NUMBER_PATTERN: Final = re.compile("[^#0]*[#0][#0.,]*(E[+-]?[#0]+)?[^#0]*")
_DATE_MARKS: Final = {"yyyy": "%Y", "MM": "%m", "M": "%-m", "dd": "%d", "d": "%-d", "HH": "%H", "mm": "%M", "ss": "%S"}
_MOMENT: Final = re.compile("yyyy|MM?|dd?|HH|mm|ss|[.]S+| ?[Xx]{1,3}|T|[-/. :]")


@dataclass
class Found:
    """What a datatype says: type and settings, constraints, and what is wrong or not covered, by path in it."""

    attribute: dict[str, Any] = field(default_factory=lambda: {"type": "string"})
    constraints: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def tell(self, place: str, message: str) -> None:
        """Something is not covered."""
        self.problems.append(Problem(place, UNCOVERED, message))

    def refuse(self, place: str, code: str, message: str) -> None:
        """Something is wrong."""
        self.problems.append(Problem(place, code, message))


def read_datatype(given: Any) -> Found:
    """The type, settings and constraints that a datatype (its name, or an object) says."""
    found = Found()
    if isinstance(given, str):
        given = {"base": given}
    if not isinstance(given, Mapping):
        found.tell("", "A datatype is a name or an object; it is taken for string.")
        return found
    found.problems += node_problems(given, "", "Datatype")
    if isinstance(given.get("@id"), str) and given["@id"].startswith(_BUILT_IN):
        found.refuse("/@id", "invalid_id", "An @id is not that of a built-in datatype.")
    for name in given:
        if name not in PROPERTIES and ":" not in name:
            found.tell(pointer(name), f"{name!r} is no property of a datatype.")
    base = given.get("base", "string")
    known = _ALIASES.get(base, base) if isinstance(base, str) else None
    if known not in BASES:
        found.tell("/base", f"{base!r} is no datatype; {nearest(base, BASES)} It is taken for string.")
        known = "string"
    _read_base(found, known)
    if given.get("format") is not None:
        _read_format(found, known, given["format"])
    _read_lengths(found, known, given)
    _read_bounds(found, known, given)
    return found


def _read_base(found: Found, base: str) -> None:
    if base in _TEXTS:
        _read_text(found, base)
    elif base in _INTEGERS:
        found.attribute = {"type": "integer"}
        bounds = zip(("minimum", "maximum"), _INTEGERS[base], strict=True)
        found.constraints |= {name: value for name, value in bounds if value is not None}
    elif base == "boolean":
        found.attribute = {"type": "boolean", "trueValues": ["true", "1"], "falseValues": ["false", "0"]}
    else:
        found.attribute = {"type": _TYPES[base]} | ({"timezone": True} if base == "dateTimeStamp" else {})
        if base in _TOLD:
            found.tell("/base", _TOLD[base])


def _read_text(found: Found, base: str) -> None:
    if base == "base64Binary":
        found.attribute["format"] = "binary"
    elif base in {"xml", "html", "json"}:
        found.tell("/base", f"That a text is sound {base.upper()} is not checked.")
    elif _TEXTS[base]:
        found.constraints["pattern"] = _TEXTS[base]


# --- formats --------------------------------------------------------------------------------------------------------


def _read_format(found: Found, base: str, given: Any) -> None:
    if base in _INTEGERS or base in _NUMBERS:
        _read_number_format(found, given)
    elif not isinstance(given, str):
        found.tell("/format", "The format is no text; it is left out.")
    elif base == "boolean":
        words = given.split("|")
        if len(words) == 2 and all(words) and words[0] != words[1]:
            found.attribute |= {"trueValues": words[:1], "falseValues": words[1:]}
        else:
            found.refuse("/format", "invalid_format", f"The format of a boolean is such as 'Y|N', not {given!r}.")
    elif base in _MOMENTS:
        _read_moment_format(found, given)
    elif found.attribute["type"] == "string":
        _read_pattern(found, given)
    else:
        found.tell("/format", f"A {base} has no format here.")


def _read_pattern(found: Found, given: str) -> None:
    attribute = {"name": "text", "type": "string", "constraints": {"pattern": given}}
    problem = next(check_attribute(attribute), None)
    if problem is not None:
        found.tell("/format", f"{problem.message} It is left out.")
        return
    if "pattern" in found.constraints:
        found.tell("/format", "Of the base, only the format is checked.")
    found.constraints["pattern"] = given


def _read_number_format(found: Found, given: Any) -> None:
    settings = {"pattern": given} if isinstance(given, str) else given
    if not isinstance(settings, Mapping):
        found.tell("/format", "The format of a number is a pattern or an object; it is left out.")
        return
    pattern, group = settings.get("pattern"), settings.get("groupChar")
    if pattern is not None:
        if not isinstance(pattern, str) or not _NUMBER_PATTERN.fullmatch(pattern):
            found.tell("/format", f"{pattern!r} is no pattern of a number; it is left out.")
            return
        if re.search("[%‰E]", pattern):
            found.tell("/format", f"Numbers written as {pattern!r} are not read here; they are texts.")
            found.attribute, found.constraints = {"type": "string"}, {}
            return
        found.tell("/format", f"How many digits {pattern!r} asks for is not checked.")
        group = group or ("," if "," in pattern else None)
    if group:
        found.attribute["groupChar"] = group
    point = settings.get("decimalChar")
    if point and found.attribute["type"] == "number":
        found.attribute["decimalChar"] = point


def _read_moment_format(found: Found, given: str) -> None:
    """A format in the letters of UAX 35, as one of strptime."""
    parts = _MOMENT.findall(given)
    if "".join(parts) != given:
        found.tell("/format", f"{given!r} is no format of dates and times that CSVW names; it is left out.")
        return
    form = "".join(_strptime(part) for part in parts)
    if ".%f" in form:
        found.tell("/format", "How many digits of a second there are is not checked.")
    attribute = {"name": "moment", **found.attribute, "format": form}
    if "%z" in form and attribute["type"] == "datetime":
        attribute["timezone"] = True
    problem = next(check_attribute(attribute), None)
    if problem is not None or ("%z" in form and attribute["type"] != "datetime"):
        found.tell("/format", f"Values written as {given!r} are not read here; they are texts.")
        found.attribute = {"type": "string"}
        return
    found.attribute = {name: value for name, value in attribute.items() if name != "name"}


def _strptime(part: str) -> str:
    if part.startswith(".S"):
        return ".%f"
    if part.strip().lower().startswith("x"):
        return part[: len(part) - len(part.lstrip())] + "%z"
    return _DATE_MARKS.get(part, part)


# --- constraints ----------------------------------------------------------------------------------------------------


def _read_lengths(found: Found, base: str, given: Mapping[str, Any]) -> None:
    lengths = {name: given[name] for name in LENGTHS if name in given}
    for name, value in lengths.items():
        if base not in _TEXTS:
            found.refuse(f"/{name}", "not_allowed", f"A {base} can't have {name}.")
            return
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            found.refuse(f"/{name}", "type", f"{name} is a whole number of at least 0.")
            return
    exact = lengths.get("length")
    least, most = lengths.get("minLength", exact), lengths.get("maxLength", exact)
    if exact is not None and ((least or 0) > exact or (most or 0) < exact):
        found.refuse("/length", "contradiction", "length is not between minLength and maxLength.")
    elif least is not None and most is not None and least > most:
        found.refuse("/minLength", "contradiction", f"minLength {least} is greater than maxLength {most}.")
    elif lengths and base in {"hexBinary", "base64Binary"}:
        found.tell("/length", "Lengths of binary data count bytes, and are not checked.")
    elif found.attribute["type"] == "string":
        sizes = {"minLength": least, "maxLength": most}
        found.constraints |= {name: value for name, value in sizes.items() if value is not None}


def _read_bounds(found: Found, base: str, given: Mapping[str, Any]) -> None:
    bounds = {name: given[name] for name in BOUNDS if name in given}
    for least, most in (("minInclusive", "minExclusive"), ("maxInclusive", "maxExclusive")):
        both = {least, most, least[:3] + "imum"} & set(bounds)
        if most in both and len(both) > 1:
            found.refuse(f"/{most}", "contradiction", f"Both an inclusive and an exclusive {least[:3]}imum are given.")
            return
    if base in _TEXTS and bounds:
        name = next(iter(bounds))
        found.refuse(f"/{name}", "not_allowed", f"A {base} can't have {name}.")
        return
    if found.attribute["type"] == "string" and bounds:
        found.tell("", "Limits of what is a text here are not checked.")
        return
    found.constraints |= dict(_read_bound(found, name, value) for name, value in bounds.items())


def _read_bound(found: Found, name: str, value: Any) -> tuple[str, Any]:
    if isinstance(value, str) and found.attribute["type"] in {"number", "integer", "year"}:
        try:
            number = Decimal(value)
        except InvalidOperation:
            return _OURS[name], value  # refused by the rules
        value = int(number) if number.is_finite() and number == number.to_integral_value() else float(number)
    return _OURS[name], value


def problems_below(found: Found, place: str) -> Iterator[Problem]:
    """The problems of a datatype that stands at this place."""
    return (problem.below(place) for problem in found.problems)
