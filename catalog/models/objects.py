"""ObjectSchema, the shape of a table, and its immutable versions."""

from copy import copy
from functools import cached_property
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, ProtectedError

from catalog import rules
from catalog.keeping import Kept
from catalog.models.applications import Application
from catalog.querysets import ObjectSchemaQuerySet
from catalog.schema import Schema
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

    references_deferred = False  # whether who saves several Objects calls `check_references` himself in the end

    objects = ObjectSchemaQuerySet.as_manager()

    class Meta:
        verbose_name = "object"
        ordering = ["application__name", "name"]
        permissions = [("see_sensitive", "Can see the values of sensitive attributes")]
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
        if not self.application_id:
            return
        before = self if self._state.adding else ObjectSchema.objects.only("application_id", "name").get(pk=self.pk)
        if before.application_id != self.application_id:
            raise ValidationError({"application": ValidationError("An object stays in its application.", code="fixed")})
        if not self.references_deferred:
            self.check_references(before.name)

    def check_references(self, name: str = "") -> None:
        """Raise ValidationError if a foreign key names what is not there, or would be broken in another Object.

        name: the one that the Object is stored by. One query, three if it refers to others itself.
        """
        referrers = {} if self._state.adding else self._referrers(name or self.name)
        if referrers and name and name != self.name:
            users = ", ".join(sorted(referrers))
            message = f"{users} refer to this object by its name; change these first."
            raise ValidationError({"name": ValidationError(message.replace("%", "%%"), code="referenced")})
        problems = list(rules.referrer_problems(self.definition, self.name, referrers))
        names = {rules.referenced_object(key) for key in self.definition.get("foreignKeys", [])}
        if names:
            found = self._siblings().filter(object__name__in=names).values_list("object__name", "definition")
            own = {"": self.definition, self.name: self.definition}
            others = list(ObjectSchema.objects.filter(application=self.application_id).values_list("name", flat=True))
            problems += rules.reference_problems(self.definition, {**dict(found), **own}, others)
        if problems:
            raise ValidationError({"attributes": refusals(problems)})

    def _siblings(self) -> "models.QuerySet[ObjectVersion]":
        """The current definitions of the application's other Objects."""
        current = ObjectVersion.objects.filter(object__application=self.application_id, number=F("object__version"))
        return current.exclude(object=self.pk)

    def _referrers(self, name: str) -> dict[str, dict[str, Any]]:
        """The definitions of other Objects that refer to this one, by their names."""
        found = self._siblings().filter(definition__foreignKeys__0__isnull=False)
        return {
            other: definition
            for other, definition in found.values_list("object__name", "definition")
            if any(rules.referenced_object(key) == name for key in definition["foreignKeys"])
        }

    def referring(self) -> "models.QuerySet[ObjectSchema]":
        """The application's other Objects that refer to this one, by name. One query, another when it is read."""
        names = list(self._referrers(self.name))
        return ObjectSchema.objects.filter(application=self.application_id, name__in=names).order_by("name")

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        """Delete an Object that has no Tables and that no other refers to; raises ProtectedError."""
        users: set[models.Model] = set(self.referring())
        if users:
            raise ProtectedError(f"Other objects refer to {self.name!r}.", users)
        return super().delete(*args, **options)


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

    @classmethod
    def kept(cls, pk: str) -> "ObjectVersion":
        """The version of this id, with its schema; from memory where this process read it before."""
        found = _kept.get(pk)
        if found is None:
            found = cls.objects.get(pk=pk)
            _kept.put(pk, found, PARSED_BYTES * len(found.schema.attributes))
        return copy(found)

    @cached_property
    def schema(self) -> Schema:
        """This definition, parsed."""
        return Schema.from_definition(self.definition)


PARSED_BYTES: Final = 4096  # of an attribute, about, with what its definition says
_kept: Final[Kept[str, ObjectVersion]] = Kept(32 * 1024**2)
