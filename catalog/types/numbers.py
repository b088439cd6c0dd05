"""Integers, numbers and years. Pure: no Django."""

from catalog.engine import quote_text
from catalog.types.cells import as_varchar, finite, regex_literal, unquoted
from catalog.types.settings import ANY, BOUNDS, ORDERED, AttributeType, Settings

_EXPONENT = "([eE][+-]?[0-9]+)?"


def _cast(attribute: Settings, cell: str) -> str:
    return f"CAST({cell} AS {_number_column(attribute) if attribute.type == 'number' else 'BIGINT'})"


def _lossless(attribute: Settings, cell: str) -> str:
    value = f"TRY_{_cast(attribute, cell)}"
    return f"CASE WHEN {value} = {cell} THEN {value} END"


# --- the text of a number -------------------------------------------------------------------------------------------


def _bare(attribute: Settings, cell: str) -> str:
    """The cell without what stands around a number: a currency, a unit, a percent sign."""
    if attribute.bare_number:
        return cell
    digit = f"0-9{regex_literal(attribute.decimal_char)}"
    leading, trailing = f"^[^{digit}+-]+", f"[^{digit}]+$"
    return f"regexp_replace(regexp_replace({cell}, {quote_text(leading)}, ''), {quote_text(trailing)}, '')"


def _whole_digits(attribute: Settings) -> str:
    """A regular expression of digits, grouped where the attribute says with what: groups of three, or of two and a
    last of three as in 12,34,567; so 1,2 is no number by mistake."""
    if not attribute.group_char:
        return "[0-9]+"
    group = regex_literal(attribute.group_char)
    return f"([0-9]+|[0-9]{{1,3}}({group}[0-9]{{2,3}})*{group}[0-9]{{3}})"


def _ungrouped(attribute: Settings, text: str) -> str:
    return f"replace({text}, {quote_text(attribute.group_char)}, '')" if attribute.group_char else text


def _plain_number(attribute: Settings, cell: str) -> str:
    """A number's text with a point and without groups; NULL if it is none."""
    bare, point = _bare(attribute, cell), regex_literal(attribute.decimal_char)
    lexical = f"[+-]?({_whole_digits(attribute)}({point}[0-9]*)?|{point}[0-9]+){_EXPONENT}"
    plain = _ungrouped(attribute, bare)
    if attribute.decimal_char != ".":
        plain = f"replace({plain}, {quote_text(attribute.decimal_char)}, '.')"
    return f"CASE WHEN regexp_full_match({bare}, {quote_text(lexical)}) THEN {plain} END"


def _has_plain_text(attribute: Settings) -> bool:
    return attribute.bare_number and not attribute.group_char and attribute.decimal_char == "."


# --- integer --------------------------------------------------------------------------------------------------------


def _integer_from_json(attribute: Settings, cell: str) -> str:
    return (
        f"CASE WHEN regexp_full_match({cell}, '-?[0-9]+') THEN TRY_CAST({cell} AS BIGINT) "
        f"WHEN NOT starts_with({cell}, '\"') THEN TRY_CAST({decimal(cell, 38, 0)} AS BIGINT) END"
    )


def _integer_from_usual_json(attribute: Settings, cell: str) -> str:
    return f"CASE WHEN regexp_full_match({cell}, '-?[0-9]+') THEN TRY_CAST({cell} AS BIGINT) END"


def _integer_from_text(attribute: Settings, cell: str) -> str:
    if _has_plain_text(attribute):
        return f"CASE WHEN regexp_full_match({cell}, '[+-]?[0-9]+') THEN TRY_CAST({cell} AS BIGINT) END"
    bare = _bare(attribute, cell)
    lexical = quote_text(f"[+-]?{_whole_digits(attribute)}")
    return f"CASE WHEN regexp_full_match({bare}, {lexical}) THEN TRY_CAST({_ungrouped(attribute, bare)} AS BIGINT) END"


INTEGER = AttributeType(
    title="a whole number",
    duckdb_type=lambda attribute: "BIGINT",
    from_json=_integer_from_json,
    from_usual_json=_integer_from_usual_json,
    from_text=_integer_from_text,
    from_columns={"integer": _lossless, "decimal": _lossless, "double": _lossless},
    constraints=ORDERED | {"multipleOf"},
    to_text=as_varchar,
    to_json=as_varchar,
    settings=frozenset({"groupChar", "bareNumber", "categories", "categoriesOrdered"}),
)


# --- number ---------------------------------------------------------------------------------------------------------


def is_exact(attribute: Settings) -> bool:
    """Whether this is a number with exact decimals."""
    return attribute.type == "number" and attribute.precision is not None


def decimal(text: str, precision: int, scale: int) -> str:
    """A DECIMAL that takes the digits as they are: more places than the scale are refused, never rounded."""
    value = f"TRY_CAST({text} AS DECIMAL({precision},{scale}))"
    plain = f"regexp_full_match({text}, '[+-]?[0-9]*([.][0-9]{{0,{scale}}}0*)?')"
    scientific = "[+-]?([0-9]+)[.]?([0-9]*)[eE]([+-]?[0-9]+)"
    whole, fraction, exponent = (f"regexp_extract({text}, '{scientific}', {group})" for group in (1, 2, 3))
    digits = f"({whole} || {fraction})"
    zeros = f"(length({digits}) - length(rtrim({digits}, '0')))"
    places = f"length({fraction}) - {zeros} - TRY_CAST({exponent} AS INTEGER)"
    return (
        f"CASE WHEN {plain} THEN {value} "
        f"WHEN regexp_full_match({text}, '{scientific}') THEN CASE WHEN {places} <= {scale} THEN {value} END END"
    )


def _exact(attribute: Settings, text: str) -> str:
    return decimal(text, attribute.precision or 0, attribute.scale)


def _number_column(attribute: Settings) -> str:
    return f"DECIMAL({attribute.precision},{attribute.scale})" if is_exact(attribute) else "DOUBLE"


def _number_from_json(attribute: Settings, cell: str) -> str:
    if is_exact(attribute):
        return _exact(attribute, f"(CASE WHEN starts_with({cell}, '\"') THEN {unquoted(cell)} ELSE {cell} END)")
    return f"CASE WHEN NOT starts_with({cell}, '\"') THEN {finite(f'TRY_CAST({cell} AS DOUBLE)')} END"


def _number_from_text(attribute: Settings, cell: str) -> str:
    if not _has_plain_text(attribute):
        text = f"({_plain_number(attribute, cell)})"
        return _exact(attribute, text) if is_exact(attribute) else finite(f"TRY_CAST({text} AS DOUBLE)")
    if is_exact(attribute):
        return _exact(attribute, cell)
    lexical = f"regexp_full_match({cell}, '[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+){_EXPONENT}')"
    return f"CASE WHEN {lexical} THEN {finite(f'TRY_CAST({cell} AS DOUBLE)')} END"


def _number_to_text(attribute: Settings, column: str) -> str:
    text = as_varchar(attribute, column)
    return text if attribute.decimal_char == "." else f"replace({text}, '.', {quote_text(attribute.decimal_char)})"


def _number_from_whole(attribute: Settings, cell: str) -> str:
    return _lossless(attribute, cell) if is_exact(attribute) else _cast(attribute, cell)


def _number_from_double(attribute: Settings, cell: str) -> str:
    """A double counts as the decimal that it stands nearest to, if it reads back as the same double."""
    if not is_exact(attribute):
        return finite(_cast(attribute, cell))
    value = f"TRY_{_cast(attribute, cell)}"
    return f"CASE WHEN CAST({value} AS DOUBLE) = {cell} THEN {value} END"


NUMBER = AttributeType(
    title="a number",
    duckdb_type=_number_column,
    from_json=_number_from_json,
    from_usual_json=_number_from_json,
    from_text=_number_from_text,
    from_columns={"integer": _number_from_whole, "decimal": _number_from_whole, "double": _number_from_double},
    constraints=ORDERED | {"multipleOf"},
    to_text=_number_to_text,
    to_json=as_varchar,
    settings=frozenset({"precision", "scale", "decimalChar", "groupChar", "bareNumber"}),
)


# --- year -----------------------------------------------------------------------------------------------------------
# A BIGINT, so that it compares and joins with any whole number that a function works out from a date.


def _in_calendar(value: str) -> str:
    return f"CASE WHEN {value} BETWEEN 0 AND 9999 THEN {value} END"


def _year_from_json(attribute: Settings, cell: str) -> str:
    return _in_calendar(f"({_integer_from_json(attribute, cell)})")


def _year_from_text(attribute: Settings, cell: str) -> str:
    return f"CASE WHEN regexp_full_match({cell}, '[0-9]{{4}}') THEN CAST({cell} AS BIGINT) END"


def _year_from_number(attribute: Settings, cell: str) -> str:
    return _in_calendar(f"({_lossless(attribute, cell)})")


def _year_to_text(attribute: Settings, column: str) -> str:
    return f"lpad(CAST({column} AS VARCHAR), 4, '0')"


YEAR = AttributeType(
    title="a year from 0 to 9999 such as 2026",
    duckdb_type=lambda attribute: "BIGINT",
    from_json=_year_from_json,
    from_usual_json=_year_from_json,
    from_text=_year_from_text,
    from_columns={"integer": _year_from_number, "decimal": _year_from_number, "double": _year_from_number},
    constraints=ANY | BOUNDS,
    to_text=_year_to_text,
    to_json=as_varchar,
)
