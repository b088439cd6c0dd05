"""Pieces of SQL that several types read and write cells with. Pure: no Django."""

from catalog.types.settings import Read, Settings


def unquoted(cell: str) -> str:
    """The text of a JSON string, given its JSON; escapes are rare, so most need only their quotes taken off."""
    plain = f"substring({cell}, 2, length({cell}) - 2)"
    return (
        f"CASE WHEN starts_with({cell}, '\"') THEN "
        f"CASE WHEN contains({cell}, '\\') THEN json_extract_string({cell}, '$') ELSE {plain} END END"
    )


def via_string(from_text: Read) -> Read:
    """A type whose JSON form is a string with the type's text."""
    return lambda attribute, cell: from_text(attribute, unquoted(cell))


def same(attribute: Settings, cell: str) -> str:
    """The cell as it is."""
    return cell


def as_varchar(attribute: Settings, column: str) -> str:
    """DuckDB's own text of a value."""
    return f"CAST({column} AS VARCHAR)"


def quoted(to_text: Read) -> Read:
    """A JSON string of a text that needs no escapes."""
    return lambda attribute, column: f"'\"' || {to_text(attribute, column)} || '\"'"


def finite(value: str) -> str:
    return f"CASE WHEN isfinite({value}) THEN {value} END"


def regex_literal(text: str) -> str:
    """A regular expression that matches just this text, whatever it holds, quotes included."""
    return "".join(each if each.isascii() and each.isalnum() else f"\\x{{{ord(each):x}}}" for each in text)
