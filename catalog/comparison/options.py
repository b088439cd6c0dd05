"""What a comparison is asked to do: its options, and the check of what a user wrote for them."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from catalog.comparison.matchers import Matcher, check_matchers

MODES = ("exact", "subset")
LIMIT_DEFAULT = 100
LIMIT_MAX = 10_000

Problem = tuple[str, str, str]


class OptionError(ValueError):
    """Options that cannot be used.

    `problems`: list of (option path such as "per_attribute.amount.abs_tol", code, message), one for each mistake.
    Codes: type, unknown_option, unknown_attribute, enum, minimum, maximum, duplicate, conflict.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(message for _, _, message in problems))
        self.problems = list(problems)


@dataclass(frozen=True)
class Tolerance:
    """Numbers are equal when |actual - expected| <= max(abs_tol, rel_tol * |expected|)."""

    abs_tol: float = 0.0
    rel_tol: float = 0.0

    def __bool__(self) -> bool:
        return self.abs_tol > 0 or self.rel_tol > 0


@dataclass(frozen=True)
class ComparisonOptions:
    """The options of one comparison.

    key: attribute names that identify a row; empty: rows are a multiset.
    ignore: attribute names dropped before anything is compared.
    mode: "exact", or "subset" (unexpected rows and attributes are allowed).
    ordered: the order of rows counts.
    abs_tol, rel_tol: tolerance of every numeric attribute outside the key.
    per_attribute: attribute name -> Tolerance in place of these two.
    null_equal: whether null equals null outside the key.
    normalize_unicode: texts are compared in Unicode's form NFC; as they are by default.
    matchers: what cells are to be like that have no one expected value.
    literal_matchers: expected texts and JSON cells that are matchers are taken as such.
    limit: rows listed per row class; totals are always true.
    """

    key: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    mode: str = "exact"
    ordered: bool = False
    abs_tol: float = 0.0
    rel_tol: float = 0.0
    per_attribute: Mapping[str, Tolerance] = field(default_factory=dict)
    null_equal: bool = True
    normalize_unicode: bool = False
    matchers: tuple[Matcher, ...] = ()
    literal_matchers: bool = False
    limit: int = LIMIT_DEFAULT

    def tolerance_of(self, attribute_name: str) -> Tolerance:
        """The tolerance that holds for a numeric attribute."""
        if attribute_name in self.key:
            return Tolerance()
        return self.per_attribute.get(attribute_name, Tolerance(self.abs_tol, self.rel_tol))


def parse_options(raw: Mapping[str, Any], attribute_names: Sequence[str]) -> ComparisonOptions:
    """The options from their JSON form, for tables with these attributes.

    An option that is absent has its default. Raises OptionError with every mistake found; an unknown option or
    attribute name is one, and its message names the nearest known name.
    """
    if not isinstance(raw, Mapping):
        raise OptionError([("", "type", "comparison options must be an object")])
    problems = [
        (str(name), "unknown_option", f"{name!r} is not a comparison option{_nearest(str(name), OPTIONS)}")
        for name in raw
        if name not in OPTIONS
    ]
    for name, check in OPTIONS.items():
        if name in raw:
            problems += check(name, raw[name], attribute_names)
    if problems:
        raise OptionError(problems)
    problems = list(_conflicts(raw))
    if problems:
        raise OptionError(problems)
    return _options(raw)


def _options(raw: Mapping[str, Any]) -> ComparisonOptions:
    values = dict(raw)
    for name in ("key", "ignore"):
        values[name] = tuple(values.get(name) or ())
    abs_tol, rel_tol = float(values.get("abs_tol", 0)), float(values.get("rel_tol", 0))
    values |= {"abs_tol": abs_tol, "rel_tol": rel_tol}
    values["per_attribute"] = {
        name: Tolerance(float(given.get("abs_tol", abs_tol)), float(given.get("rel_tol", rel_tol)))
        for name, given in values.get("per_attribute", {}).items()
    }
    values["matchers"] = tuple(
        Matcher(given["attribute"], given["matcher"], given.get("row")) for given in values.get("matchers", ())
    )
    return ComparisonOptions(**values)


def _conflicts(raw: Mapping[str, Any]) -> Iterator[Problem]:
    key = raw.get("key") or ()
    for name in key:
        if name in (raw.get("ignore") or ()):
            yield "ignore", "conflict", f"{name!r} is in the key, so it can't be ignored"
    for position, given in enumerate(raw.get("matchers", ())):
        name = given["attribute"]
        for option, words in (("key", "in the key"), ("ignore", "ignored")):
            if name in (raw.get(option) or ()):
                yield f"matchers.{position}", "conflict", f"{name!r} is {words}, so it can't have a matcher"
    for name in raw.get("per_attribute", {}):
        if name in key:
            yield f"per_attribute.{name}", "conflict", f"{name!r} is in the key, so it can't have a tolerance"
        if name in (raw.get("ignore") or ()):
            yield f"per_attribute.{name}", "conflict", f"{name!r} is ignored, so it can't have a tolerance"


def _check_names(path: str, value: Any, attribute_names: Sequence[str]) -> Iterator[Problem]:
    if value is None:
        return
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(name, str) for name in value):
        yield path, "type", f"{path} must be a list of attribute names"
        return
    for position, name in enumerate(value):
        yield from _check_name(path, name, attribute_names)
        if name in value[:position]:
            yield path, "duplicate", f"{path} names {name!r} twice"


def _check_name(path: str, name: str, attribute_names: Sequence[str]) -> Iterator[Problem]:
    if name not in attribute_names:
        yield path, "unknown_attribute", f"{path}: there is no attribute {name!r}{_nearest(name, attribute_names)}"


def _check_mode(path: str, value: Any, attribute_names: Sequence[str]) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield path, "type", f"{path} must be a string"
    elif value not in MODES:
        yield path, "enum", f"{path} must be one of: {', '.join(MODES)}"


def _check_boolean(path: str, value: Any, attribute_names: Sequence[str]) -> Iterator[Problem]:
    if not isinstance(value, bool):
        yield path, "type", f"{path} must be true or false"


def _check_tolerance(path: str, value: Any, attribute_names: Sequence[str]) -> Iterator[Problem]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield path, "type", f"{path} must be a number"
    elif value < 0:
        yield path, "minimum", f"{path} is {value}; the minimum is 0"
    elif not _is_finite(value):
        yield path, "type", f"{path} must be a finite number"


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond the doubles
        return False


def _check_per_attribute(path: str, value: Any, attribute_names: Sequence[str]) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield path, "type", f"{path} must be an object: attribute name to its tolerances"
        return
    for name, tolerances in value.items():
        yield from _check_name(f"{path}.{name}", str(name), attribute_names)
        if not isinstance(tolerances, Mapping):
            yield f"{path}.{name}", "type", f"{path}.{name} must be an object with abs_tol, rel_tol or both"
            continue
        for option, tolerance in tolerances.items():
            option_path = f"{path}.{name}.{option}"
            if option in ("abs_tol", "rel_tol"):
                yield from _check_tolerance(option_path, tolerance, attribute_names)
            else:
                hint = _nearest(str(option), ("abs_tol", "rel_tol"))
                yield option_path, "unknown_option", f"{option!r} is not an option of an attribute{hint}"


def _check_matchers(path: str, value: Any, attribute_names: Sequence[str]) -> Iterator[Problem]:
    yield from ((each.path, each.code, each.message) for each in check_matchers(path, value, attribute_names))


def _check_limit(path: str, value: Any, attribute_names: Sequence[str]) -> Iterator[Problem]:
    if isinstance(value, bool) or not isinstance(value, int):
        yield path, "type", f"{path} must be an integer"
    elif value < 0:
        yield path, "minimum", f"{path} is {value}; the minimum is 0"
    elif value > LIMIT_MAX:
        yield path, "maximum", f"{path} is {value}; the maximum is {LIMIT_MAX}"


OPTIONS: Mapping[str, Callable[[str, Any, Sequence[str]], Iterator[Problem]]] = {
    "key": _check_names,
    "ignore": _check_names,
    "mode": _check_mode,
    "ordered": _check_boolean,
    "abs_tol": _check_tolerance,
    "rel_tol": _check_tolerance,
    "per_attribute": _check_per_attribute,
    "null_equal": _check_boolean,
    "normalize_unicode": _check_boolean,
    "matchers": _check_matchers,
    "literal_matchers": _check_boolean,
    "limit": _check_limit,
}


def _nearest(name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    """The end of a message: the known name that is most like `name`, or else all of them when they are few."""
    nearest = get_close_matches(name, list(known), n=1, cutoff=0.5)
    if nearest:
        return f"; did you mean {nearest[0]!r}?"
    if known and len(known) <= 20:
        return f"; there are: {', '.join(known)}"
    return ""
