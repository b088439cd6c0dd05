"""What a lenient import answers beside what it wrote, for the schema."""

from typing import Any, Final

from rest_framework import serializers

from catalog.serializers.validation import RowErrorSerializer

LENIENT_MEMBERS: Final = ("rejected_count", "error_count", "errors", "errors_truncated", "set_aside")


class LenientMembersSerializer(serializers.Serializer[Any]):
    """There where `Prefer: handling=lenient` asked for it."""

    rejected_count = serializers.IntegerField(required=False, help_text="Rows that were set aside.")
    error_count = serializers.IntegerField(required=False)
    errors = RowErrorSerializer(many=True, required=False)  # type: ignore[assignment] # a field, as declared
    errors_truncated = serializers.BooleanField(required=False)
    set_aside = serializers.URLField(required=False, allow_null=True, help_text="Where those rows are.")
