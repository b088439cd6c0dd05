"""What OpenAPI says of each operation."""

import re
from typing import Any, Final

from drf_spectacular.openapi import AutoSchema

from config.api.conditional import IF_MATCH, ConditionalMixin

SUMMARIES: Final = {
    "list": "List {many}",
    "create": "Create {one}",
    "retrieve": "Read {one}",
    "update": "Replace {one}",
    "partial_update": "Change {one}",
    "destroy": "Delete {one}",
}
FIRST_CLAUSE: Final = re.compile(r"[^.,:;]+")


class Operation(AutoSchema):
    """An operation with a summary: what its view says, the verb of its kind, or how its docstring begins."""

    def _is_list_view(self, serializer: Any = None) -> bool:
        """Not where the view writes its answer's schema out: that is the whole page, and belongs into no other."""
        answers = self.get_response_serializers() if serializer is None else None
        written_out = isinstance(answers, dict) and any(isinstance(each, dict) for each in answers.values())
        return not written_out and bool(super()._is_list_view(serializer))

    def get_override_parameters(self) -> list[Any]:
        found = list(super().get_override_parameters())
        is_change = getattr(self.view, "action", "") in {"update", "partial_update", "destroy"}
        return [*found, IF_MATCH] if is_change and isinstance(self.view, ConditionalMixin) else found

    def get_summary(self) -> str:
        said = super().get_summary()
        if said:
            return str(said)
        action = getattr(self.view, "action", self.method.lower())
        written = getattr(getattr(self.view, action, None), "__doc__", None) or ""
        begun = FIRST_CLAUSE.match(" ".join(written.split()))
        if begun:
            return begun[0]
        options = self.view.queryset.model._meta  # type: ignore[attr-defined] # what has no docstring is a viewset's
        one = options.verbose_name
        article = "an" if one[0] in "aeiou" else "a"
        return SUMMARIES[action].format(one=f"{article} {one}", many=options.verbose_name_plural)
