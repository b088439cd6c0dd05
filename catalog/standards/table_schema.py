"""Table Schema (Data Package v2), out and in. Pure: no Django."""

from collections.abc import Mapping
from typing import Any, Final

from catalog.rules import ATTRIBUTE_PROPERTIES, DEFINITION_PROPERTIES
from catalog.standards.coverage import uncovered
from config.problems import Problem, pointer

TABLE_SCHEMA: Final = "https://datapackage.org/profiles/2.0/tableschema.json"


def table_schema(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A definition as a Table Schema: `attributes` are called `fields` there, all else is the same."""
    rest = {name: value for name, value in definition.items() if name != "attributes" and value != []}
    return {"$schema": TABLE_SCHEMA, "fields": definition["attributes"], **rest}


def from_table_schema(document: Any) -> tuple[dict[str, Any], list[Problem]]:
    """The definition that a Table Schema says, and what of it isn't covered, by path in the document.

    A field without a type is of type any, as the standard has it. What is covered is yet to be checked by
    catalog.rules.check_definition.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("fields"), list):
        return {}, [Problem("/fields", "type", 'A Table Schema has "fields", a list of fields.')]
    definition: dict[str, Any] = {"attributes": []}
    problems = [
        uncovered(pointer(name), name)
        for name in document
        if name not in {"fields", "$schema", *DEFINITION_PROPERTIES} - {"attributes"}
    ]
    for position, field in enumerate(document["fields"]):
        if not isinstance(field, Mapping):
            problems.append(Problem(pointer("fields", position), "type", "A field is an object with a name."))
            continue
        covered = {name: value for name, value in field.items() if name in ATTRIBUTE_PROPERTIES}
        definition["attributes"].append({"type": "any"} | _with_plain_missing_values(covered))
        problems += [uncovered(pointer("fields", position, name), name) for name in field if name not in covered]
    definition |= {name: document[name] for name in DEFINITION_PROPERTIES if name in document and name != "attributes"}
    return _with_plain_missing_values(definition), problems


def _with_plain_missing_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """The same with missing values that have no labels."""
    missing = given.get("missingValues")
    if not isinstance(missing, list):
        return {**given}
    return {**given, "missingValues": [each.get("value") if isinstance(each, Mapping) else each for each in missing]}
