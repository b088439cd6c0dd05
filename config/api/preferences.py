"""`Prefer` of a request (RFC 7240): what a caller would like, and what was done of it. A leaf: it knows no app."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from rest_framework.request import Request

_PREFERENCE: Final = re.compile(
    r'([!#$%&\'*+.^_`|~\w-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s,;"]*))?((?:"(?:[^"\\]|\\.)*"|[^,"])*)'
)


@dataclass(frozen=True)
class Preferences:
    """Preferences by name, in lower case; of one that stands twice the first counts. What isn't known is ignored."""

    values: Mapping[str, str] = field(default_factory=dict)
    applied: dict[str, str] = field(default_factory=dict)

    def wants(self, name: str, value: str = "") -> bool:
        """Whether this is preferred, of some preferences without a value; if so, it is done, and `headers` say it."""
        if self.values.get(name) != value:
            return False
        self.applied[name] = value
        return True

    @property
    def headers(self) -> dict[str, str]:
        """`Preference-Applied`, if any was."""
        listed = ", ".join(f"{name}={value}" if value else name for name, value in self.applied.items())
        return {"Preference-Applied": listed} if listed else {}


def read_preferences(request: Request) -> Preferences:
    """The preferences of a request; what is no preference is passed over."""
    found: dict[str, str] = {}
    for name, value, _ in _PREFERENCE.findall(request.headers.get("Prefer", "")):
        bare = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        found.setdefault(name.lower(), bare.lower())
    return Preferences(found)
