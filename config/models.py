"""What every model shares: ULID keys, checked names, and the stamp of who and when. A leaf: it knows no app."""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from ulid import ULID

from config.exact_json import dump_json
from config.problems import Problem, has_control_character

NAME_LENGTH = 256
COMMENT_LENGTH = 1024


def new_ulid() -> str:
    """A new ULID as 26 characters: sortable by time of creation (github.com/ulid/spec)."""
    return str(ULID())


def validate_name(value: str) -> None:
    """Raise `blank` or `control_character` unless `value` can serve as a name."""
    if not value.strip():
        raise ValidationError("A name may not be blank.", code="blank")
    if has_control_character(value):
        raise ValidationError("A name may not contain control characters.", code="control_character")


def refusals(problems: Iterable[Problem]) -> list[ValidationError]:
    """Problems as Django's validation errors; each keeps its place in `params["pointer"]`."""
    return [
        ValidationError(problem.message.replace("%", "%%"), code=problem.code, params={"pointer": problem.path})
        for problem in problems
    ]


class ULIDField(models.CharField):
    """A primary key: a ULID as text, made when the row is made."""

    def __init__(self, **options: Any) -> None:
        options.update(primary_key=True, max_length=26, default=new_ulid, editable=False)
        super().__init__(**options)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, positional, options = super().deconstruct()
        for implied in ("primary_key", "max_length", "default", "editable"):
            options.pop(implied, None)
        return name, path, list(positional), options


class NameInput(forms.CharField):
    """A form's field for a name; it refuses a blank one as the model and the API do, with the code `blank`."""

    def validate(self, value: Any) -> None:
        if self.required and value in self.empty_values:
            raise ValidationError("A name may not be blank.", code="blank")
        super().validate(value)


class NameField(models.CharField):
    """A name that people and files address: trimmed, not blank, no control characters."""

    default_validators = [*models.CharField.default_validators, validate_name]

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_length", NAME_LENGTH)
        super().__init__(**options)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return text.strip() if isinstance(text, str) else text

    def formfield(self, **options: Any) -> Any:
        return super().formfield(**{"form_class": NameInput, **options})

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = self.to_python(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value


class ExactJSONField(models.TextField):
    """JSON kept as text, so that exact decimals have the same digits in every database.

    Numbers with a fraction come back as Decimal, with their digits as stored; dates go in and come back as ISO 8601.
    """

    if TYPE_CHECKING:
        _pyi_private_set_type: Any  # what mypy takes for the field's value: any JSON, not the text
        _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(value, parse_float=Decimal)

    def get_prep_value(self, value: Any) -> Any:
        return dump_json(value).decode()

    def to_python(self, value: Any) -> Any:
        return json.loads(value, parse_float=Decimal) if isinstance(value, str) else value


class Stamped(models.Model):
    """When a row was made, when it last changed, and who made it."""

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    class Meta:
        abstract = True


class ImmutableError(Exception):
    """A version, a Part or a Result was about to be changed; these are only ever added."""


class Immutable(models.Model):
    """A row that is written once. The database refuses updates too, by trigger."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **options: Any) -> None:
        if not self._state.adding:
            raise ImmutableError(f"{self._meta.verbose_name} {self.pk} can't be changed.")
        super().save(*args, **options)


class BreakingChangeError(Exception):
    """A change would break what refers to the resource. `breaks` says what, one sentence each. Nothing was saved."""

    def __init__(self, message: str, breaks: list[str]) -> None:
        super().__init__(message)
        self.breaks = breaks


class KeptAnswer(models.Model):
    """The answer to a POST with an `Idempotency-Key`, or the claim of the process that is working on it.

    For config.idempotency. `identity` is the digest of caller, path and key; `fingerprint` that of the request.
    """

    identity = models.CharField(primary_key=True, max_length=64, editable=False)
    fingerprint = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_index=True)
    leased_until = models.DateTimeField()  # of the claim; it tells claims on one key apart
    owner = models.CharField(max_length=256, default="")  # the process that has the claim
    status = models.PositiveSmallIntegerField(null=True)  # null: being worked on; without headers: done, not answered
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=bytes)
    has_body = models.BooleanField(default=True)  # false: the body was too large to keep

    def __str__(self) -> str:
        return f"{self.identity[:12]} ({self.status or 'in flight'})"
