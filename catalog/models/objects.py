"""ObjectSchema, the shape of a table, and its immutable versions."""

from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from catalog import rules
from catalog.attributes import Schema
from catalog.models.applications import Application
from catalog.querysets import ObjectSchemaQuerySet
from config.models import Immutable, NameField, Stamped, ULIDField, refusals


class ObjectSchema(Stamped):
    """The shape of a table. Its attributes, constraints and keys live in numbered ObjectVersions.

    `definition` is a Table Schema with `attributes` (attributes.md). Assign it, `full_clean()`, then give the
    instance to `catalog.evolution.publish`, which saves it and makes a new version if the definition is new.
    """

    id = ULIDField()
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="object_schemas")
    name = NameField()
    description = models.TextField(blank=True, default="")
    version = models.PositiveIntegerField(default=0, editable=False)

    objects = ObjectSchemaQuerySet.as_manager()

    class Meta:
        verbose_name = "object"
        ordering = ["application__name", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["application", "name"],
                name="object_name_unique",
                violation_error_code="name_taken",
                violation_error_message="This application already has an object of this name.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application.name}/{self.name}"

    @property
    def current(self) -> "ObjectVersion":
        """The newest version; one query, kept until the version number changes."""
        brought: list[ObjectVersion] = self.__dict__.get("current_versions", [])
        kept: ObjectVersion | None = self.__dict__.get("_current", brought[0] if brought else None)
        if kept is None or kept.number != self.version:
            kept = self.versions.get(number=self.version)
            self.__dict__["_current"] = kept
        return kept

    @property
    def definition(self) -> dict[str, Any]:
        """What was assigned and is not yet published, else the current version's definition."""
        pending: dict[str, Any] | None = self.__dict__.get("_pending")
        if pending is not None:
            return pending
        return self.current.definition if self.version else {}

    @definition.setter
    def definition(self, value: dict[str, Any]) -> None:
        self.__dict__["_pending"] = value

    @property
    def schema(self) -> Schema:
        """The current version, parsed."""
        return self.current.schema

    def refresh_from_db(self, *args: Any, **options: Any) -> None:
        super().refresh_from_db(*args, **options)
        self.__dict__.pop("_current", None)
        self.__dict__.pop("_pending", None)

    def clean(self) -> None:
        problems = rules.check_definition(self.definition)
        if problems:
            raise ValidationError({"attributes": refusals(problems)})
        if not self._state.adding and self.application_id:
            before = ObjectSchema.objects.only("application_id").get(pk=self.pk)
            if before.application_id != self.application_id:
                raise ValidationError(
                    {"application": ValidationError("An object stays in its application.", code="fixed")}
                )


class ObjectVersion(Immutable):
    """One definition of an Object: attributes, constraints and keys. Never changes."""

    id = ULIDField()
    object = models.ForeignKey(ObjectSchema, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    definition = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    class Meta:
        ordering = ["object", "-number"]
        constraints = [models.UniqueConstraint(fields=["object", "number"], name="object_version_number_unique")]

    def __str__(self) -> str:
        return f"{self.object} v{self.number}"

    @cached_property
    def schema(self) -> Schema:
        """This definition, parsed."""
        return Schema.from_definition(self.definition)
