"""Strings, with the formats that are checked, and booleans. Pure: no Django."""

from catalog.engine import quote_text
from catalog.types.cells import as_varchar, same, unquoted
from catalog.types.settings import ANY, LENGTHS, AttributeType, Settings

TRUE_VALUES = ("true", "True", "TRUE", "1")
FALSE_VALUES = ("false", "False", "FALSE", "0")

_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_SEGMENT = "([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_HOST = r"(\[[0-9A-Fa-f:.]+\]|([A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)"
_USER = "(([A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?"

FORMATS = {
    # The addresses of HTML's <input type=email>, without dots that RFC 5321 has no place for.
    "email": rf"{_ATOM}([.]{_ATOM})*@{_LABEL}([.]{_LABEL})*",
    # RFC 3986, with a scheme; what follows // names a host.
    "uri": (
        rf"[A-Za-z][A-Za-z0-9+.-]*:(//{_USER}{_HOST}(:[0-9]*)?(/{_SEGMENT}*)*|///{_SEGMENT}*(/{_SEGMENT}*)*"
        rf"|/({_SEGMENT}+(/{_SEGMENT}*)*)?|{_SEGMENT}+(/{_SEGMENT}*)*)"
        rf"([?]({_SEGMENT}|[/?])*)?(#({_SEGMENT}|[/?])*)?"
    ),
    "uuid": "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    "binary": "([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
}
"""Formats of strings -> what the whole of a value must match (RE2)."""

FORMAT_TITLES = {
    "email": "an email address",
    "uri": "a URI such as https://example.org/",
    "uuid": "a UUID",
    "binary": "data in base64",
}


def _string_from_json(attribute: Settings, cell: str) -> str:
    return unquoted(cell)


def _string_to_json(attribute: Settings, column: str) -> str:
    return f"CAST(to_json({column}) AS VARCHAR)"


def _cast_text(attribute: Settings, cell: str) -> str:
    return f"CAST({cell} AS VARCHAR)"


STRING = AttributeType(
    title="text",
    duckdb_type=lambda attribute: "VARCHAR",
    from_json=_string_from_json,
    from_usual_json=_string_from_json,
    from_text=same,
    from_columns={"varchar": _cast_text, "uuid": _cast_text, "enum": _cast_text},
    constraints=ANY | LENGTHS | {"pattern"},
    to_text=same,
    to_json=_string_to_json,
    settings=frozenset({"format", "categories", "categoriesOrdered"}),
)


def _boolean_from_json(attribute: Settings, cell: str) -> str:
    return f"CASE {cell} WHEN 'true' THEN true WHEN 'false' THEN false END"


def _boolean_from_text(attribute: Settings, cell: str) -> str:
    trues, falses = (
        ", ".join(map(quote_text, given or usual))
        for given, usual in ((attribute.true_values, TRUE_VALUES), (attribute.false_values, FALSE_VALUES))
    )
    return f"CASE WHEN {cell} IN ({trues}) THEN true WHEN {cell} IN ({falses}) THEN false END"


def _boolean_to_text(attribute: Settings, column: str) -> str:
    if not attribute.true_values and not attribute.false_values:
        return as_varchar(attribute, column)
    true, false = (*attribute.true_values, "true")[0], (*attribute.false_values, "false")[0]
    return f"CASE WHEN {column} THEN {quote_text(true)} WHEN NOT {column} THEN {quote_text(false)} END"


def _cast_boolean(attribute: Settings, cell: str) -> str:
    return f"CAST({cell} AS BOOLEAN)"


BOOLEAN = AttributeType(
    title="true or false",
    duckdb_type=lambda attribute: "BOOLEAN",
    from_json=_boolean_from_json,
    from_usual_json=_boolean_from_json,
    from_text=_boolean_from_text,
    from_columns={"boolean": _cast_boolean},
    constraints=ANY,
    to_text=_boolean_to_text,
    to_json=as_varchar,
    settings=frozenset({"trueValues", "falseValues"}),
)
