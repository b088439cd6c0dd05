"""What every REST resource shares. A leaf: it knows no app.

The viewsets' base is in `config.api.viewsets`, imported from there: DRF reads the names below, which settings hold,
while it makes its own views.
"""

from config.api.authentication import SessionAuthentication
from config.api.errors import ProblemDetails, Refusal, describe, handle_exception, refusal
from config.api.filters import StrictFilterBackend, refuse_unknown_parameters
from config.api.media import JSONParser, JSONRenderer
from config.api.pages import CompletePagination, Pagination
from config.api.serializers import CheckedSerializer, JSONField, StrictSerializer, UserField
from config.exact_json import dump_json, load_json

__all__ = [
    "CheckedSerializer",
    "CompletePagination",
    "JSONField",
    "JSONParser",
    "JSONRenderer",
    "Pagination",
    "ProblemDetails",
    "Refusal",
    "SessionAuthentication",
    "StrictFilterBackend",
    "StrictSerializer",
    "UserField",
    "describe",
    "dump_json",
    "handle_exception",
    "load_json",
    "refusal",
    "refuse_unknown_parameters",
]
