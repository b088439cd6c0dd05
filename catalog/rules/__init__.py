"""What makes an Object's definition sound (invariant 2). Pure: no Django.

The structure is Table Schema v2 with `attributes` in place of `fields`; what is declared here is enforced on every row,
so a type, constraint or key that Exemplar doesn't enforce is refused, not stored.
"""

from catalog.rules.attribute import ATTRIBUTE_PROPERTIES, check_attribute
from catalog.rules.definition import ATTRIBUTE_LIMIT, DEFINITION_PROPERTIES, check_definition, normalised
from catalog.rules.keys import reference_problems, referenced_object, referrer_problems
from catalog.rules.values import read_value

__all__ = [
    "ATTRIBUTE_LIMIT",
    "ATTRIBUTE_PROPERTIES",
    "DEFINITION_PROPERTIES",
    "check_attribute",
    "check_definition",
    "normalised",
    "read_value",
    "reference_problems",
    "referenced_object",
    "referrer_problems",
]
