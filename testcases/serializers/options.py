"""What a test case says of its comparison and of the error that it expects, as OpenAPI describes them.

The rules are `catalog.comparison.options`, `catalog.comparison.matchers` and `testcases.rules`, which judge every face
with the same codes; what stands here describes them.
"""

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field

from catalog.comparison.matchers import BOUNDS, MATCHERS_MAX
from catalog.comparison.options import LIMIT_DEFAULT, LIMIT_MAX, MODES
from config.api import JSONField
from testcases.rules import MATCHES, PATTERN_LENGTH

Schema = dict[str, Any]


def _names(description: str) -> Schema:
    return {"type": ["array", "null"], "items": {"type": "string"}, "uniqueItems": True, "description": description}


def _text(description: str) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": PATTERN_LENGTH, "description": description}


def _flag(default: bool, description: str) -> Schema:
    return {"type": "boolean", "default": default, "description": description}


def _closed(properties: Schema, description: str, **more: Any) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "description": description,
        **more,
    }


_TOLERANCES: Final[Schema] = {
    "abs_tol": {"type": "number", "minimum": 0, "description": "Numbers may differ by so much,"},
    "rel_tol": {"type": "number", "minimum": 0, "description": "or by this share of the expected one."},
}
_CONDITION: Final[Schema] = _closed(
    {
        "$any": {"const": True, "description": "Whatever stands there."},
        "$not_null": {"const": True},
        "$regex": {"type": "string", "description": "A pattern of RE2 that the whole text matches."},
        **{name: {"type": ["number", "string"]} for name in BOUNDS},
        "$approx": {"type": "number", "description": "With abs_tol, rel_tol or both beside it."},
        **_TOLERANCES,
    },
    "What the actual cell is like; all of it holds.",
    minProperties=1,
    examples=[{"$not_null": True}, {"$gt": 0, "$lt": 1}, {"$approx": 3.0, "abs_tol": 0.05}],
)
_ROW: Final[Schema] = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}},
        {"type": "null"},
    ],
    "description": "The place of an expected row, or values that it has; every row by default.",
}
COMPARISON_EXAMPLE: Final[Schema] = {
    "ordered": False,
    "abs_tol": 0.001,
    "matchers": [{"attribute": "total", "matcher": {"$gt": 0}, "row": {"id": 2}}],
}
COMPARISON_SCHEMA: Final[Schema] = _closed(
    {
        "key": _names("Attributes that identify a row; by default the Object's primary key, else rows are a multiset."),
        "ignore": _names("Attributes that are left out before anything is compared."),
        "mode": {
            "type": "string",
            "enum": list(MODES),
            "default": MODES[0],
            "description": "`subset`: unexpected rows and attributes are allowed.",
        },
        "ordered": _flag(False, "Whether the order of rows counts."),
        **_TOLERANCES,
        "per_attribute": {
            "type": "object",
            "additionalProperties": _closed(_TOLERANCES, "What holds for this attribute instead."),
            "description": "Tolerances by attribute.",
        },
        "null_equal": _flag(True, "Whether null equals null outside the key."),
        "normalize_unicode": _flag(False, "Whether texts are compared in Unicode's form NFC."),
        "matchers": {
            "type": "array",
            "maxItems": MATCHERS_MAX,
            "items": _closed(
                {"attribute": {"type": "string"}, "matcher": _CONDITION, "row": _ROW},
                "What cells without one expected value are like.",
                required=["attribute", "matcher"],
            ),
        },
        "literal_matchers": _flag(False, "Whether expected texts and JSON cells that are matchers are taken as such."),
        "limit": {
            "type": "integer",
            "minimum": 0,
            "maximum": LIMIT_MAX,
            "default": LIMIT_DEFAULT,
            "description": "How many rows of each class are listed; totals are always true.",
        },
    },
    "How actual and expected are compared. Attributes are those of any output.",
    examples=[COMPARISON_EXAMPLE],
)
EXPECTED_ERROR_SCHEMA: Final[Schema] = _closed(
    {
        "kind": _text("What the message begins with, a class of exception, or a code."),
        "pattern": _text("A pattern of RE2 that the message matches."),
        "match": {"type": "string", "enum": list(MATCHES), "description": "Whether the pattern is of the whole."},
    },
    "The error that is expected in place of tables; empty for none.",
    examples=[{"kind": "conversion", "pattern": ".*abc.*", "match": "whole"}],
)


@extend_schema_field(COMPARISON_SCHEMA)
class ComparisonField(JSONField):
    """The options of a comparison."""


@extend_schema_field(EXPECTED_ERROR_SCHEMA)
class ExpectedErrorField(JSONField):
    """An error that is expected."""
