"""An Object in the words of a standard: Table Schema and JSON Schema, out and in; CSVW, in. Pure: no Django."""

from collections.abc import Sequence
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
    "NotOfStandardError",
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


class NotOfStandardError(ValueError):
    """A document that is not what its standard says. `problems`: what is wrong, by path in it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(map(str, problems)))
        self.problems = problems


def read_standard(standard: str, document: Any, name: str = "") -> tuple[dict[str, Any], list[Problem]]:
    """The definition that a document of one of the `READABLE` says, and what of it would not be checked.

    name: of the table that is meant, where a document describes several. What is covered is yet to be checked by
    catalog.rules.check_definition. Raises NotOfStandardError.
    """
    if standard == "csvw":
        definition, problems = from_csvw(document, name)
    else:
        definition, problems = _READERS[standard](document)
    wrong = [problem for problem in problems if problem.code != UNCOVERED]
    if wrong:
        raise NotOfStandardError(wrong)
    return definition, problems


_READERS: Final = {"table-schema": from_table_schema, "json-schema": from_json_schema}
