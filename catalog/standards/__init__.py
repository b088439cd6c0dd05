"""An Object in the words of a standard: Table Schema and JSON Schema, out and in; CSVW, in. Pure: no Django."""

from typing import Any, Final

from catalog.standards.coverage import UNCOVERED
from catalog.standards.csvw import from_csvw
from catalog.standards.json_schema import JSON_SCHEMA, from_json_schema, json_schema
from catalog.standards.table_schema import TABLE_SCHEMA, from_table_schema, table_schema
from config.problems import Problem

__all__ = [
    "JSON_SCHEMA",
    "READABLE",
    "TABLE_SCHEMA",
    "UNCOVERED",
    "WRITABLE",
    "from_csvw",
    "from_json_schema",
    "from_table_schema",
    "json_schema",
    "read_standard",
    "table_schema",
]

WRITABLE: Final = ("table-schema", "json-schema")
"""The standards in whose words an Object can be had."""

READABLE: Final = (*WRITABLE, "csvw")
"""The standards whose documents become Objects."""


def read_standard(standard: str, document: Any, name: str = "") -> tuple[dict[str, Any], list[Problem]]:
    """The definition that a document of one of the `READABLE` says, and what of it is not covered or wrong.

    name: of the table that is meant, where a document describes several. A problem with the code `UNCOVERED` tells
    what would not be checked; with any other, the document is none of its standard. What is covered is yet to be
    checked by catalog.rules.check_definition.
    """
    if standard == "csvw":
        return from_csvw(document, name)
    return from_table_schema(document) if standard == "table-schema" else from_json_schema(document)
