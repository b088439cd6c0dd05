"""The settings of an attribute beside its type: precision, format, delimiter and the like. Pure: no Django."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import duckdb

from catalog import engine
from catalog.engine import quote_text
from catalog.types import TYPES
from catalog.types.nested import ITEM_TYPES
from catalog.types.texts import FALSE_VALUES, FORMATS, TRUE_VALUES
from config.problems import Problem, nearest, pointer

PRECISION_LIMIT = 38
DELIMITER_LIMIT = 100
SETTINGS = tuple(dict.fromkeys(name for kind in TYPES.values() for name in sorted(kind.settings)))
_NO_MARKS = frozenset("0123456789+-eE")
_SAMPLE = "TIMESTAMP '2001-02-03 04:05:06'"


def setting_problems(attribute: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the settings of an attribute of a known type, paths seen from it."""
    kind = attribute["type"]
    for name in SETTINGS:
        value = attribute.get(name)
        if value is None or (name == "format" and value == "default"):
            continue
        if name not in TYPES[kind].settings:
            having = [each for each, found in TYPES.items() if name in found.settings]
            message = f"Only {_either(having)} has {name}; this is of type {kind}."
            yield Problem(pointer(name), "not_allowed", message)
        else:
            for problem in _CHECKS[name](attribute, value):
                yield problem.below(pointer(name))
    yield from _contradictions(attribute)


def _either(kinds: list[str]) -> str:
    named = [f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}" for kind in kinds]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} or {named[-1]}"


def _contradictions(attribute: Mapping[str, Any]) -> Iterator[Problem]:
    precision, scale = attribute.get("precision"), attribute.get("scale")
    if scale is not None and precision is None and attribute["type"] == "number":
        yield Problem("/scale", "not_allowed", "A scale needs a precision beside it.")
    elif isinstance(precision, int) and isinstance(scale, int) and scale > precision:
        yield Problem("/scale", "contradiction", f"The scale {scale} is greater than the precision {precision}.")
    if attribute["type"] in {"number", "integer"}:
        point = attribute.get("decimalChar") or "."
        if attribute.get("groupChar") == point:
            yield Problem(
                "/groupChar", "contradiction", f"{point!r} can't be both the decimal point and between groups."
            )
    if attribute["type"] == "boolean":
        yield from _both_true_and_false(attribute)
    if attribute.get("categoriesOrdered") is not None and attribute.get("categories") is None:
        yield Problem("/categoriesOrdered", "not_allowed", "categoriesOrdered needs categories beside it.")


def _both_true_and_false(attribute: Mapping[str, Any]) -> Iterator[Problem]:
    trues, falses = attribute.get("trueValues") or TRUE_VALUES, attribute.get("falseValues") or FALSE_VALUES
    if isinstance(trues, list | tuple) and isinstance(falses, list | tuple):
        both = [value for value in trues if value in falses]
        if both:
            place = "/trueValues" if "trueValues" in attribute else "/falseValues"
            yield Problem(place, "contradiction", f"{both[0]!r} can't be both true and false.")


def _digits_problems(least: int, name: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= PRECISION_LIMIT:
        yield Problem("", "out_of_range", f"The {name} is a whole number of at most {PRECISION_LIMIT}.")


def _flag_problems(name: str, meaning: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, bool):
        yield Problem("", "type", f"The {name} is true ({meaning}) or false.")


def _format_problems(attribute: Mapping[str, Any], value: Any) -> Iterator[Problem]:
    if not isinstance(value, str) or not value:
        yield Problem("", "type", "The format is a text.")
    elif attribute["type"] == "string":
        if value not in FORMATS:
            message = f"The format {value!r} of a string is not checked; {nearest(value, list(FORMATS))}"
            yield Problem("", "unknown_format", message)
    elif value == "any":
        message = "The format 'any' is a guess, and one text may be two dates; say how it is written, as in '%d/%m/%Y'."
        yield Problem("", "unknown_format", message)
    else:
        yield from _strptime_problems(attribute, value.removeprefix("fmt:"))


def _strptime_problems(attribute: Mapping[str, Any], form: str) -> Iterator[Problem]:
    """A format must be one that reads what it writes, and say all that its type has to know."""
    reads_zone = "%z" in form or "%Z" in form
    if attribute["type"] == "datetime" and reads_zone != bool(attribute.get("timezone")):
        need = "needs %z for the offset" if attribute.get("timezone") else "reads an offset; say so by timezone: true"
        yield Problem("", "contradiction", f"The format {form!r} {need}.")
        return
    written = quote_text(form.replace("%z", "+00").replace("%Z", "UTC"))
    read = f"strptime(strftime({_SAMPLE}, {written}), {quote_text(form)})"
    same = (
        f"{read} = {_SAMPLE}::TIMESTAMPTZ" if reads_zone else _SAME[attribute["type"]].format(read=read, sample=_SAMPLE)
    )
    try:
        with engine.cursor(is_serial=True) as connection:
            found = connection.execute(f"SELECT {same}").fetchone()
    except duckdb.Error as error:
        yield Problem("", "unknown_format", f"The format {form!r} can't be read: {str(error).splitlines()[0]}.")
        return
    # A format may leave out the seconds, but not the day or the hour.
    if not (found and found[0]) and not _tells_enough(attribute["type"], form):
        message = (
            f"The format {form!r} doesn't say a whole {attribute['type']}, as '{_EXAMPLES[attribute['type']]}' does."
        )
        yield Problem("", "unknown_format", message)


_SAME = {
    "date": "CAST({read} AS DATE) = CAST({sample} AS DATE)",
    "time": "CAST({read} AS TIME) = CAST({sample} AS TIME)",
    "datetime": "{read} = {sample}",
}
_EXAMPLES = {"date": "%d/%m/%Y", "time": "%H:%M:%S", "datetime": "%d/%m/%Y %H:%M"}
_YEAR, _MONTH, _DAY = ("%Y", "%y", "%-y"), ("%m", "%-m", "%b", "%B"), ("%d", "%-d")
_HOUR = ("%H", "%-H", "%I", "%-I")
_DATE_PARTS = (_YEAR, _MONTH, _DAY)


def _tells_enough(kind: str, form: str) -> bool:
    wanted = {"date": _DATE_PARTS, "time": (_HOUR,), "datetime": (*_DATE_PARTS, _HOUR)}[kind]
    return all(any(mark in form for mark in marks) for marks in wanted)


def _character_problems(name: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, str) or len(value) != 1 or value in _NO_MARKS:
        yield Problem("", "type", f"The {name} is one character, and no digit, sign or e.")


def _delimiter_problems(attribute: Mapping[str, Any], value: Any) -> Iterator[Problem]:
    if not isinstance(value, str) or not 0 < len(value) <= DELIMITER_LIMIT:
        yield Problem("", "type", "The delimiter is a text that stands between two items, such as ';'.")


def _item_type_problems(attribute: Mapping[str, Any], value: Any) -> Iterator[Problem]:
    if not isinstance(value, str) or value not in ITEM_TYPES:
        yield Problem("", "unknown_type", f"The itemType {value!r} is unknown; {nearest(value, list(ITEM_TYPES))}")


def _words_problems(name: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
        yield Problem("", "type", f'{name} is a list of texts, such as ["yes"].')
    elif len(set(value)) < len(value):
        yield Problem("", "duplicate", f"{name} holds a text twice.")


def _categories_problems(attribute: Mapping[str, Any], value: Any) -> Iterator[Problem]:
    if not isinstance(value, list) or not value:
        yield Problem("", "type", 'categories is a list of values, or of {"value": ..., "label": ...}.')
        return
    wanted = str if attribute["type"] == "string" else int
    seen: list[Any] = []
    for position, each in enumerate(value):
        is_labelled = isinstance(each, Mapping)
        member = each.get("value") if is_labelled else each
        if is_labelled and not (
            {"value"} <= set(each) <= {"value", "label"} and isinstance(each.get("label", ""), str)
        ):
            yield Problem(pointer(position), "type", 'A category is a value, or {"value": ..., "label": "..."}.')
        elif not isinstance(member, wanted) or isinstance(member, bool):
            message = f"categories holds {member!r}; each value must be of type {attribute['type']}."
            yield Problem(pointer(position), "type", message)
        elif member in seen:
            yield Problem(pointer(position), "duplicate", f"categories holds {member!r} twice.")
        seen.append(member)


_Check = Callable[[Mapping[str, Any], Any], Iterator[Problem]]
_CHECKS: Mapping[str, _Check] = {
    "precision": lambda attribute, value: _digits_problems(1, "precision", value),
    "scale": lambda attribute, value: _digits_problems(0, "scale", value),
    "timezone": lambda attribute, value: _flag_problems("timezone", "an offset is required", value),
    "format": _format_problems,
    "decimalChar": lambda attribute, value: _character_problems("decimalChar", value),
    "groupChar": lambda attribute, value: _character_problems("groupChar", value),
    "bareNumber": lambda attribute, value: _flag_problems("bareNumber", "nothing stands around the number", value),
    "trueValues": lambda attribute, value: _words_problems("trueValues", value),
    "falseValues": lambda attribute, value: _words_problems("falseValues", value),
    "delimiter": _delimiter_problems,
    "itemType": _item_type_problems,
    "categories": _categories_problems,
    "categoriesOrdered": lambda attribute, value: _flag_problems("categoriesOrdered", "in the order given", value),
}
