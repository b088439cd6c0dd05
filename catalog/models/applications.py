"""Application, the namespace that owns Objects and Functions, and its Configurations."""

import os
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from catalog.rules.secrets import ResolvedConfiguration, check_references, resolve_references
from config.digests import digest_of
from config.models import COMMENT_LENGTH, NameField, ULIDField, refusals


def validate_dictionary(value: Any) -> None:
    """Raise `not_an_object` unless `value` is a JSON object."""
    if not isinstance(value, dict):
        raise ValidationError("The config must be a JSON object, such as {}.", code="not_an_object")


class Application(models.Model):
    """A namespace. An installation starts with `app`, `demo` and `test`."""

    id = ULIDField()
    name = NameField()
    # NULL, as in the contract of applications and configurations: absent and empty comments differ.
    comments = models.CharField(max_length=COMMENT_LENGTH, null=True, blank=True)  # noqa: DJ001

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                name="application_name_unique",
                violation_error_code="name_taken",
                violation_error_message="An application of this name already exists.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Configuration(models.Model):
    """A named dictionary that says where and how an application's functions run.

    A secret in it is written `{"$env": "NAME"}` and read from the environment of the process that runs a function.
    """

    id = ULIDField()
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="configurations")
    name = NameField()
    comments = models.CharField(max_length=COMMENT_LENGTH, null=True, blank=True)  # noqa: DJ001
    config = models.JSONField(default=dict, blank=True, validators=[validate_dictionary])

    class Meta:
        ordering = ["application", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["application", "name"],
                name="configuration_name_unique",
                violation_error_code="name_taken",
                violation_error_message="This application already has a configuration of this name.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application.name}/{self.name}"

    def clean(self) -> None:
        problems = check_references(self.config, settings.CONFIGURATION_ENV)
        if problems:
            raise ValidationError({"config": refusals(problems)})
        if self._state.adding or not self.application_id:
            return
        if not Configuration.objects.filter(pk=self.pk, application=self.application_id).exists():
            raise ValidationError(
                {"application": ValidationError("A configuration stays in its application.", code="fixed")}
            )

    @property
    def digest(self) -> str:
        """SHA-256 of what it says."""
        return digest_of(self.config)

    def resolve(self) -> ResolvedConfiguration:
        """The config with its secrets in place, for an execution and nothing else. Raises ConfigurationError."""
        return resolve_references(self.config, os.environ, settings.CONFIGURATION_ENV)
