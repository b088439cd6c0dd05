"""JSON that keeps what was written: exact decimals, integers of any size, and no second meaning. Pure: no Django."""

import json
from decimal import Decimal
from typing import Any, Final, NoReturn

import orjson

SAFE_DIGITS: Final = 15  # a double surely holds these
SHOWN_CHARACTERS: Final = 40
_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


class JSONError(ValueError):
    """A text is not JSON as Exemplar reads it. The message says what is wrong and where."""


def load_json(text: bytes) -> Any:
    """The value of a JSON text in UTF-8.

    A number with a fraction is a float if the float shows the same number, else a Decimal with every digit. Raises
    JSONError for a syntax error, a member that stands twice, NaN and what is beyond a double, and text that isn't
    Unicode.
    """
    try:
        orjson.loads(text)
        return json.loads(
            text, parse_float=_exact_float, parse_constant=_refuse_constant, object_pairs_hook=_distinct_members
        )
    except orjson.JSONDecodeError as error:
        raise JSONError(_described(text, error)) from error
    except RecursionError as error:
        raise JSONError("The JSON is nested too deep.") from error
    except JSONError:
        raise
    except ValueError as error:
        raise JSONError(f"The JSON holds a number that is too long: {error}") from error


def _described(text: bytes, error: orjson.JSONDecodeError) -> str:
    """ "line 2, column 7: unexpected character, at `,]`" """
    reason = error.msg.split(": line ")[0]
    near = error.doc[error.pos : error.pos + SHOWN_CHARACTERS] if isinstance(error.doc, str) else ""
    place = f", at `{near}`" if near.strip() else ""
    if not text.strip():
        return "The body is empty; JSON was expected."
    return f"The JSON can't be read at line {error.lineno}, column {error.colno}: {reason}{place}."


def _exact_float(text: str) -> float | Decimal:
    value = float(text)
    if len(text) <= SAFE_DIGITS and "e" not in text and "E" not in text:
        return value
    exact = Decimal(text)
    return value if Decimal(repr(value)) == exact else exact


def _refuse_constant(name: str) -> NoReturn:
    raise JSONError(f"JSON has no {name}.")


def _distinct_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in members if names.count(name) > 1)
        raise JSONError(f"The member {twice!r} stands twice in one JSON object.")
    return members


def dump_json(value: Any) -> bytes:
    """A value as JSON in UTF-8: Decimals and integers with all their digits, dates as in ISO 8601, NaN as null.

    Raises TypeError for what has no JSON form.
    """
    try:
        return orjson.dumps(value, default=_encoded, option=_OPTIONS)
    except orjson.JSONEncodeError as error:
        if "64-bit" not in str(error):
            raise
        return orjson.dumps(_without_long_integers(value), default=_encoded, option=_OPTIONS)


def _encoded(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value)) if value.is_finite() else None
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


def _without_long_integers(value: Any) -> Any:
    """The same value, with the integers that orjson refuses as ready-made text."""
    if isinstance(value, dict):
        return {name: _without_long_integers(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_without_long_integers(member) for member in value]
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 63:
        return orjson.Fragment(str(value))
    return value
