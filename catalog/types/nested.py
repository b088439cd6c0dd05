"""Values stored as JSON: lists, arrays, objects and anything at all. Pure: no Django."""

from collections.abc import Callable
from dataclasses import dataclass

from catalog.engine import quote_text
from catalog.types.moments import DATE, DATETIME, TIME
from catalog.types.numbers import INTEGER, NUMBER
from catalog.types.settings import LENGTHS, AttributeType, Read, Settings
from catalog.types.texts import BOOLEAN, STRING

# --- strictness -----------------------------------------------------------------------------------------------------
# DuckDB takes a comma behind the last member, NaN and Infinity, and members that stand twice; JSON doesn't.

_STRING = r'"(?:[^"\\]|\\.)*"'
_PERHAPS_LENIENT = r"(?i)nan|inf|,[ \t\r\n]*[\]}]"


def is_lenient(text: str) -> str:
    """Whether a text that DuckDB reads as JSON holds what is none; strings are left out where one could be meant."""
    outside = f"regexp_replace({text}, {quote_text(_STRING)}, '0', 'g')"
    doubtful = quote_text(_PERHAPS_LENIENT)
    return f"(regexp_matches({text}, {doubtful}) AND regexp_matches({outside}, {doubtful}))"


def _has_twins(cell: str) -> str:
    """Whether an object in minified JSON holds a member twice. Its members are only gone through where two of the whole
    text have the same name, as they rightly have in a list of objects."""
    names = f"regexp_extract_all({cell}, {quote_text(_STRING + ':')})"
    doubtful = f"CASE WHEN list_unique({names}) < len({names}) THEN {cell} END"
    return f"(SELECT count(*) > count(DISTINCT (parent, key)) FROM json_tree({doubtful}))"


def _value(cell: str, condition: str) -> str:
    """Minified JSON as a value, if it meets a condition and no member stands twice in it."""
    return f"CASE WHEN {condition} AND NOT {_has_twins(cell)} THEN CAST({cell} AS JSON) END"


def _minified(cell: str, begin: str = "") -> str:
    """A text as minified JSON; NULL if it is none, or doesn't begin as it should."""
    begins = f"starts_with(ltrim({cell}, ' \t\r\n'), '{begin}') AND " if begin else ""
    strict = f"{begins}json_valid({cell}) AND NOT {is_lenient(cell)}"
    return f"CAST(json(CASE WHEN {strict} THEN {cell} END) AS VARCHAR)"


def _to_json(attribute: Settings, column: str) -> str:
    return f"CAST({column} AS VARCHAR)"


def _from_nested_column(begin: str) -> Read:
    """A column of DuckDB's lists, structs, maps or JSON as JSON of the kind that begins so."""

    def read(attribute: Settings, cell: str) -> str:
        text = f"CAST(to_json({cell}) AS VARCHAR)"
        strict = f"starts_with({text}, '{begin}') AND NOT {is_lenient(text)}"
        return _value(text, strict)

    return read


# --- array and object -----------------------------------------------------------------------------------------------


def _bracketed(title: str, begin: str, families: tuple[str, ...], length: Callable[[str], str]) -> AttributeType:
    def from_json(attribute: Settings, cell: str) -> str:
        return _value(cell, f"starts_with({cell}, '{begin}')")

    def from_text(attribute: Settings, cell: str) -> str:
        return _value(_minified(cell, begin), "true")

    return AttributeType(
        title=title,
        duckdb_type=lambda attribute: "JSON",
        from_json=from_json,
        from_usual_json=from_json,
        from_text=from_text,
        from_columns=dict.fromkeys(families, _from_nested_column(begin)) | {"varchar": from_text},
        constraints=frozenset({"required", "enum", "jsonSchema"}) | LENGTHS,
        to_text=_to_json,
        to_json=_to_json,
        length=length,
        is_json=True,
    )


def _array_length(column: str) -> str:
    return f"json_array_length({column})"


ARRAY = _bracketed('an array such as [1, "two"]', "[", ("json", "list"), _array_length)
OBJECT = _bracketed(
    'an object such as {"a": 1}', "{", ("json", "struct", "map"), lambda column: f"len(json_keys({column}))"
)


# --- list -----------------------------------------------------------------------------------------------------------

ITEM_TYPES = {
    "string": STRING,
    "integer": INTEGER,
    "number": NUMBER,
    "boolean": BOOLEAN,
    "datetime": DATETIME,
    "date": DATE,
    "time": TIME,
}


@dataclass(frozen=True)
class _Item:
    """The items of a list: always in the default form of their type."""

    type: str
    precision: int | None = None
    scale: int = 0
    timezone: bool = False
    format: str | None = None
    delimiter: str = ","
    item_type: str = "string"
    decimal_char: str = "."
    group_char: str = ""
    bare_number: bool = True
    true_values: tuple[str, ...] = ()
    false_values: tuple[str, ...] = ()


def _list_from_json(attribute: Settings, cell: str) -> str:
    """An array of which each item is of the item type; an item that is null is none of them."""
    kind = ITEM_TYPES[attribute.item_type]
    read = kind.from_json(_Item(attribute.item_type), "item")
    items = f"json_extract(CASE WHEN starts_with({cell}, '[') THEN {cell} END, '$[*]')"
    texts = f"list_transform({items}, lambda each: CAST(each AS VARCHAR))"
    bad = f"list_contains(list_transform({texts}, lambda item: ({read}) IS NULL), true)"
    return f"CASE WHEN NOT {bad} THEN CAST({cell} AS JSON) END"


def _list_from_text(attribute: Settings, cell: str) -> str:
    """Items between delimiters, or a JSON array: so a list is written of which an item holds the delimiter."""
    item, kind = _Item(attribute.item_type), ITEM_TYPES[attribute.item_type]
    split = f"CASE WHEN {cell} = '' THEN [] ELSE string_split({cell}, {quote_text(attribute.delimiter)}) END"
    value = f"({kind.from_text(item, 'item')})"
    json = f"list_transform({split}, lambda item: {kind.to_json(item, value)})"
    joined = f"'[' || array_to_string({json}, ',') || ']'"
    whole = f"CASE WHEN NOT list_contains(list_transform({json}, lambda text: text IS NULL), true) THEN {joined} END"
    as_array = _list_from_json(attribute, f"({_minified(cell, '[')})")
    return f"coalesce({as_array}, CAST(({whole}) AS JSON))"


def _list_to_text(attribute: Settings, column: str) -> str:
    delimiter = quote_text(attribute.delimiter)
    items = f"list_transform(json_extract({column}, '$[*]'), lambda each: json_extract_string(each, '$'))"
    text = f"array_to_string({items}, {delimiter})"
    plain = (
        f"len({items}) = length({text}) - length(replace({text}, {delimiter}, '')) + 1 AND {text} <> '' "
        f"AND NOT starts_with({text}, '[')"
        if len(attribute.delimiter) == 1
        else "false"
    )
    return f"CASE WHEN {plain} THEN {text} ELSE CAST({column} AS VARCHAR) END"


def _list_from_column(attribute: Settings, cell: str) -> str:
    return _list_from_json(attribute, f"CAST(to_json({cell}) AS VARCHAR)")


LIST = AttributeType(
    title="a list",
    duckdb_type=lambda attribute: "JSON",
    from_json=_list_from_json,
    from_usual_json=_list_from_json,
    from_text=_list_from_text,
    from_columns={"json": _list_from_column, "list": _list_from_column, "varchar": _list_from_text},
    constraints=frozenset({"required", "enum"}) | LENGTHS,
    to_text=_list_to_text,
    to_json=_to_json,
    settings=frozenset({"delimiter", "itemType"}),
    length=_array_length,
    is_json=True,
)


# --- any ------------------------------------------------------------------------------------------------------------


def _any_from_json(attribute: Settings, cell: str) -> str:
    return _value(cell, "true")


def _any_from_text(attribute: Settings, cell: str) -> str:
    """Text says nothing of its type, and is not guessed at: it is a string."""
    return f"to_json({cell})"


def _any_from_column(attribute: Settings, cell: str) -> str:
    text = f"CAST(to_json({cell}) AS VARCHAR)"
    return _value(text, f"NOT {is_lenient(text)}")


def _any_to_text(attribute: Settings, column: str) -> str:
    """A string as its text, anything else as its JSON."""
    return f"json_extract_string({column}, '$')"


_COLUMNS = ("json", "list", "struct", "map", "varchar", "integer", "decimal", "double", "boolean", "date", "time")

ANY_VALUE = AttributeType(
    title="any value",
    duckdb_type=lambda attribute: "JSON",
    from_json=_any_from_json,
    from_usual_json=_any_from_json,
    from_text=_any_from_text,
    from_columns=dict.fromkeys(_COLUMNS, _any_from_column),
    constraints=frozenset({"required", "enum"}),
    to_text=_any_to_text,
    to_json=_to_json,
    is_json=True,
)
