"""The base of every serializer: what a model refuses, the API refuses, with the same codes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from copy import copy, deepcopy
from decimal import Decimal
from typing import Any, TypeVar

from django.core.exceptions import NON_FIELD_ERRORS
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import IntegrityError, models, transaction
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.validators import UniqueValidator

from config.claims import note_done
from config.problems import nearest

ModelType = TypeVar("ModelType", bound=models.Model)


class JSONField(serializers.JSONField):
    """A JSON document as JSON columns hold it: numbers are what a double holds, text has no NUL character."""

    default_error_messages = {
        "null_character": "A text in it holds the character NUL, which can't be stored.",
    }

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(self._storable(data))

    def _storable(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._storable(name): self._storable(member) for name, member in value.items()}
        if isinstance(value, list):
            return [self._storable(member) for member in value]
        if isinstance(value, str) and "\0" in value:
            self.fail("null_character")
        return float(value) if isinstance(value, Decimal) else value


class UserField(serializers.SlugRelatedField[Any]):
    """Who did something, by name; answered only, null where the API was open."""

    def __init__(self, **options: Any) -> None:
        super().__init__(slug_field="username", **{"read_only": True, "allow_null": True, **options})


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses members that it doesn't know; those that it only answers may be sent back, and are ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [name for name in data if name not in self.fields]
            if unknown:
                allowed = [name for name, field in self.fields.items() if not field.read_only]
                raise serializers.ValidationError(
                    {
                        name: [
                            serializers.ErrorDetail(
                                f"The member {name!r} is unknown; {nearest(name, allowed)}", "unknown_member"
                            )
                        ]
                        for name in unknown
                    }
                )
        return super().to_internal_value(data)


class CheckedSerializer(StrictSerializer, serializers.ModelSerializer[ModelType]):
    """A ModelSerializer that runs `full_clean()` on a copy of what it would save.

    Rules live in the models; this only carries their refusals to the API's names of the fields. A race for a unique
    name that the check didn't see ends as the same refusal.
    """

    serializer_field_mapping = {**serializers.ModelSerializer.serializer_field_mapping, models.JSONField: JSONField}
    fixed: Sequence[str] = ()

    def get_unique_together_constraints(self, model: Any) -> Iterator[Any]:
        """None: the model checks its own constraints, with its own codes."""
        return iter(())

    def build_standard_field(self, field_name: str, model_field: Any) -> tuple[Any, dict[str, Any]]:
        kind, options = super().build_standard_field(field_name, model_field)
        return kind, _without_uniqueness(options)

    def build_relational_field(self, field_name: str, relation_info: Any) -> tuple[Any, dict[str, Any]]:
        kind, options = super().build_relational_field(field_name, relation_info)
        return kind, _without_uniqueness(options)

    @property
    def author(self) -> Any:
        """Who writes: the signed-in user, or None where the API is open."""
        user = getattr(self.context.get("request"), "user", None)
        return user if user is not None and user.is_authenticated else None

    def get_fields(self) -> dict[str, Any]:
        """A field named in `fixed` (what never changes after creation) may be left out of a PUT.

        What the model says of the fields is found out once for each class.
        """
        if type(self) not in _fields:
            _fields[type(self)] = super().get_fields()
        fields = deepcopy(_fields[type(self)])
        if self.instance is not None:
            for name in self.fixed:
                fields[name].required = False
        return fields

    def run_validation(self, data: Any = empty) -> Any:
        validated = super().run_validation(data)
        if validated is not None:
            self.check(self.candidate(validated))
        return validated

    def candidate(self, attributes: Mapping[str, Any]) -> ModelType:
        """A copy of the instance, or a new one, as it would be saved. `attributes` may hold more than the model has."""
        return self.apply(self.new() if self.instance is None else copy(self.instance), attributes)

    def new(self) -> ModelType:
        """An instance with its defaults."""
        model: Any = self.Meta.model
        instance: ModelType = model()
        return instance

    def apply(self, instance: ModelType, attributes: Mapping[str, Any]) -> ModelType:
        """Set on an instance what was sent of its columns."""
        columns = {column.name for column in instance._meta.concrete_fields}
        for name, value in attributes.items():
            if name in columns:
                setattr(instance, name, value)
        return instance

    def check(self, candidate: ModelType) -> None:
        """Raise Django's ValidationError under the API's names for whatever the model refuses."""
        try:
            # A primary key is never sent, and a new one is a fresh ULID: it need not be looked for.
            candidate.full_clean(exclude={candidate._meta.pk.name})
        except ModelValidationError as error:
            raise ModelValidationError(self.renamed(error.error_dict)) from error

    def renamed(self, errors: Mapping[str, Sequence[ModelValidationError]]) -> dict[str, list[ModelValidationError]]:
        """A model's errors by the API's field names."""
        names = {field.source: name for name, field in self.fields.items() if not field.read_only}
        found: dict[str, list[ModelValidationError]] = {}
        for source, listed in errors.items():
            name = names.get(source, source)
            if source == NON_FIELD_ERRORS and {each.code for each in listed} == {"name_taken"}:
                name = "name"
            found.setdefault(name, []).extend(listed)
        return found

    def create(self, validated_data: dict[str, Any]) -> ModelType:
        return self.write(self.apply(self.new(), validated_data), validated_data)

    def update(self, instance: ModelType, validated_data: dict[str, Any]) -> ModelType:
        return self.write(self.apply(instance, validated_data), validated_data)

    def write(self, instance: ModelType, validated_data: dict[str, Any]) -> ModelType:
        """Store the instance, all or nothing; a constraint that another request hit first is told as a refusal."""
        try:
            with self.transaction(instance):
                self.store(instance, validated_data)
                note_done()
        except IntegrityError:
            self.check(instance)
            raise
        return instance

    def transaction(self, instance: ModelType) -> AbstractContextManager[Any]:
        """What `store` runs in; nothing, where the model's verb sees to it by itself."""
        return transaction.atomic()

    def store(self, instance: ModelType, validated_data: dict[str, Any]) -> None:
        """Save it: the model's verb, where it has one."""
        instance.save()


_fields: dict[type, dict[str, Any]] = {}


def _without_uniqueness(options: dict[str, Any]) -> dict[str, Any]:
    validators = [each for each in options.pop("validators", []) if not isinstance(each, UniqueValidator)]
    return {**options, "validators": validators} if validators else options
