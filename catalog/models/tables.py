"""Table, its immutable versions, and the Parquet Parts that hold their rows."""

from collections.abc import Collection
from typing import Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from catalog.models.objects import ObjectSchema, ObjectVersion
from catalog.querysets import PartQuerySet, TableQuerySet
from config.asking import KeptQuery
from config.models import ExactJSONField, Immutable, NameField, Stamped, ULIDField


class Table(Stamped):
    """Rows that conform to one Object. They live in numbered TableVersions; `version` is the newest.

    Rows are written by `catalog.contents` only. `version`, `row_count` and `size_bytes` repeat the newest version's,
    so that a list of Tables is one query.
    """

    id = ULIDField()
    object = models.ForeignKey(ObjectSchema, on_delete=models.PROTECT, related_name="tables")
    name = NameField()
    description = models.TextField(blank=True, default="")
    version = models.PositiveIntegerField(default=0, editable=False)
    row_count = models.PositiveBigIntegerField(default=0, editable=False)
    size_bytes = models.PositiveBigIntegerField(default=0, editable=False)
    next_row_id = models.PositiveBigIntegerField(default=1, editable=False)

    objects = TableQuerySet.as_manager()

    class Meta:
        ordering = ["object__name", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["object", "name"],
                name="table_name_unique",
                violation_error_code="name_taken",
                violation_error_message="This object already has a table of this name.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.object.name}/{self.name}"

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """An Object that has been loaded was found: the key's own check, which asks for it again, is left out."""
        known = {"object"} if self._state.fields_cache.get("object") is not None else set()
        super().clean_fields(exclude={*(exclude or ()), *known})

    def clean(self) -> None:
        if self._state.adding or not self.object_id:
            return
        if not Table.objects.filter(pk=self.pk, object=self.object_id).exists():
            raise ValidationError({"object": ValidationError("A table stays with its object.", code="fixed")})

    @property
    def current(self) -> "TableVersion":
        """The newest version, with its ObjectVersion; one query, and one for an ObjectVersion that is not kept yet."""
        version = _version.first(self.pk, self.version)
        if version is None:
            raise TableVersion.DoesNotExist(f"{self.name!r} has no version {self.version}.")
        version.table = self
        version.object_version = ObjectVersion.kept(version.object_version_id)
        return version


class Part(Immutable):
    """An immutable Parquet file of at most 122,880 rows, named by the SHA-256 of its bytes."""

    digest = models.CharField(primary_key=True, max_length=64, editable=False)
    content = models.BinaryField()
    row_count = models.PositiveIntegerField()
    size_bytes = models.PositiveIntegerField()
    first_row_id = models.PositiveBigIntegerField()
    last_row_id = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PartQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.digest[:12]} ({self.row_count} rows)"


class TableVersion(Immutable):
    """The rows of a Table as one write left them: an ordered list of Parts. Never changes."""

    class Operation(models.TextChoices):
        CREATE = "create"
        APPEND = "append"
        UPSERT = "upsert"
        REPLACE = "replace"
        UPDATE = "update"
        DELETE = "delete"
        CONFORM = "conform"
        REVERT = "revert"

    id = ULIDField()
    table = models.ForeignKey(Table, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    object_version = models.ForeignKey(ObjectVersion, on_delete=models.PROTECT, related_name="table_versions")
    operation = models.CharField(max_length=16, choices=Operation)
    message = models.CharField(max_length=1024, blank=True, default="")
    row_count = models.PositiveBigIntegerField()
    size_bytes = models.PositiveBigIntegerField()
    added = models.PositiveBigIntegerField(default=0)
    changed = models.PositiveBigIntegerField(default=0)
    removed = models.PositiveBigIntegerField(default=0)
    parts = models.ManyToManyField(Part, through="VersionPart", related_name="versions")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    class Meta:
        ordering = ["table", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["table", "number"], name="table_version_number_unique"),
            models.CheckConstraint(
                condition=models.Q(
                    operation__in=["create", "append", "upsert", "replace", "update", "delete", "conform", "revert"]
                ),
                name="table_version_operation_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.table} v{self.number}"


_version: Final = KeptQuery(lambda pk, number: TableVersion.objects.filter(table=pk, number=number), str, int)


class VersionPart(Immutable):
    """The place of a Part in a TableVersion."""

    version = models.ForeignKey(TableVersion, on_delete=models.CASCADE, related_name="version_parts")
    part = models.ForeignKey(Part, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveIntegerField()

    class Meta:
        ordering = ["version", "position"]
        constraints = [models.UniqueConstraint(fields=["version", "position"], name="version_part_position_unique")]


class TableProfile(Immutable):
    """What catalog.profiling found in a TableVersion; kept, since the version never changes."""

    version = models.OneToOneField(TableVersion, on_delete=models.CASCADE, primary_key=True, related_name="profile")
    document = ExactJSONField()
    created_at = models.DateTimeField(auto_now_add=True)


class SetAside(Immutable):
    """Rows that a lenient import did not take, with their errors, as a file that can be mended and loaded again.

    It stays as long as the TableVersion that the import made: prune_versions takes both, and so does the Table's end.
    """

    LIFETIME = (
        "as long as the version that the import made: until that is pruned (prune_versions), or the table deleted"
    )

    id = ULIDField()
    table = models.ForeignKey(Table, on_delete=models.CASCADE, related_name="set_aside")
    version = models.PositiveIntegerField()  # the TableVersion that the import made
    format = models.CharField(max_length=16)
    content = models.BinaryField()  # gzip
    row_count = models.PositiveBigIntegerField()
    error_count = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    class Meta:
        verbose_name = "file of rows set aside"
        verbose_name_plural = "files of rows set aside"
        ordering = ["table", "-id"]

    def __str__(self) -> str:
        return f"{self.row_count} set aside at {self.table} v{self.version}"
