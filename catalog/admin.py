"""The catalog in Django admin, through the same rules and verbs as everywhere else.

What never changes is read only here; Objects are published, and the rows of a Table are written on its page.
"""

import json
from collections.abc import Sequence
from itertools import islice
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import InlineModelAdmin
from django.db import DatabaseError
from django.db.models import F, Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.contents import create_table, delete_table
from catalog.evolution import publish
from catalog.forms.objects import ObjectForm, publishing_refusal
from catalog.history.checking import CatalogCheck
from catalog.models import Application, Configuration, ObjectSchema, ObjectVersion, Part, SetAside, Table, TableVersion
from catalog.references import referrers
from catalog.sight import check_definition
from catalog.sources import JSONRows
from catalog.writing import Write
from config.console import counted
from config.models import BreakingChangeError

VERSIONS_SHOWN = 20
VERSION_FIELDS = (
    "number",
    "operation",
    "message",
    "row_count",
    "added",
    "changed",
    "removed",
    "created_at",
    "created_by",
)
DRIFTS_SHOWN = 50
REFUSAL = "exemplar.refusal"  # where a request carries what a verb refused


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that are written once, by a verb."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class OwnerAdmin(admin.ModelAdmin):
    """A resource whose versions go with it; that they can't be deleted by themselves doesn't stand in the way."""

    owned: type[Model]

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        listed, counts, forbidden, protected = super().get_deleted_objects(objs, request)
        return listed, counts, forbidden - {self.owned._meta.verbose_name}, protected


class RefusableForm(forms.ModelForm):
    """A form that is shown again with what a verb refused a moment ago."""

    refusal: Sequence[forms.ValidationError] = ()

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        for error in self.refusal:
            self.add_error(None, error)
        return cleaned


class RefusableAdmin(OwnerAdmin):
    """A resource that is saved by a verb, which may refuse after the form was found valid.

    refusals: the exceptions that say so; `describe_refusal` words them. `form` is a RefusableForm.
    """

    form = RefusableForm
    refusals: tuple[type[Exception], ...]

    def describe_refusal(self, error: Any) -> Sequence[forms.ValidationError]:
        """One of `refusals`, as errors of the whole form."""
        raise NotImplementedError

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except self.refusals as error:
            # Django's transaction is rolled back; the same form is shown again with what was refused.
            request.META[REFUSAL] = self.describe_refusal(error)
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **options: Any
    ) -> type[RefusableForm]:
        form = cast(type[RefusableForm], super().get_form(request, obj, change, **options))
        form.refusal = request.META.get(REFUSAL, ())
        return form


@admin.register(Application)
class ApplicationAdmin(admin.ModelAdmin):
    list_display = ["name", "id", "comments"]
    search_fields = ["name", "comments"]


@admin.register(Configuration)
class ConfigurationAdmin(admin.ModelAdmin):
    list_display = ["name", "application", "comments"]
    list_filter = ["application"]
    list_select_related = ["application"]
    search_fields = ["name", "comments", "application__name"]
    autocomplete_fields = ["application"]

    def get_readonly_fields(self, request: HttpRequest, obj: Configuration | None = None) -> list[str]:
        return ["application"] if obj else []


class ObjectAdminForm(RefusableForm, ObjectForm):
    """The page's form of an Object."""


@admin.register(ObjectSchema)
class ObjectSchemaAdmin(RefusableAdmin):
    owned = ObjectVersion
    refusals = (BreakingChangeError, DatabaseError)
    form = ObjectAdminForm
    fields = [
        "application",
        "name",
        "description",
        "attributes",
        "expected_version",
        "created_at",
        "updated_at",
        "created_by",
    ]
    readonly_fields = ["created_at", "updated_at", "created_by"]
    list_display = ["name", "application", "current_version", "updated_at", "page"]
    list_filter = ["application"]
    list_select_related = ["application"]
    search_fields = ["name", "description", "application__name"]
    autocomplete_fields = ["application"]
    date_hierarchy = "updated_at"

    @admin.display(description="version", ordering="version")
    def current_version(self, shape: ObjectSchema) -> int:
        return shape.version

    @admin.display(description="page")
    def page(self, shape: ObjectSchema) -> SafeString:
        return format_html('<a href="{}">open</a>', reverse("object-detail", args=[shape.pk]))

    def describe_refusal(self, error: Any) -> Sequence[forms.ValidationError]:
        return [publishing_refusal(error)]

    def save_model(self, request: HttpRequest, obj: ObjectSchema, form: ModelForm, change: bool) -> None:
        check_definition(request, obj)
        publish(obj, request.user)


@admin.register(ObjectVersion)
class ObjectVersionAdmin(ReadOnlyAdmin):
    list_display = ["object", "number", "created_at", "created_by"]
    list_filter = ["object__application"]
    list_select_related = ["object__application", "created_by"]
    search_fields = ["object__name", "object__application__name"]
    fields = ["object", "number", "definition_text", "created_at", "created_by"]
    readonly_fields = ["definition_text"]

    @admin.display(description="definition")
    def definition_text(self, version: ObjectVersion) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(version.definition, indent=2, ensure_ascii=False))


class VersionInline(admin.TabularInline):
    """The last versions of a Table, to be read."""

    model = TableVersion
    fields = VERSION_FIELDS
    readonly_fields = VERSION_FIELDS
    ordering = ["-number"]
    extra = 0
    can_delete = False
    show_change_link = True
    verbose_name_plural = f"the last {VERSIONS_SHOWN} versions"

    def get_queryset(self, request: HttpRequest) -> QuerySet[TableVersion]:
        found = super().get_queryset(request).select_related("created_by", "table__object__application")
        return found.filter(number__gt=F("table__version") - VERSIONS_SHOWN)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Table)
class TableAdmin(OwnerAdmin):
    owned = TableVersion
    actions = ["check_selected", "export_selected"]
    fields = ["object", "name", "description", "version", "row_count", "size_bytes", "rows", "updated_at", "created_by"]
    list_display = ["name", "object", "row_count", "version", "size_bytes", "updated_at"]
    list_filter = ["object__application"]
    list_select_related = ["object__application"]
    search_fields = ["name", "description", "object__name"]
    autocomplete_fields = ["object"]
    date_hierarchy = "updated_at"

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        listed, counts, forbidden, protected = super().get_deleted_objects(objs, request)
        forbidden -= {SetAside._meta.verbose_name}  # they go with their Table
        return listed, counts, forbidden, [*protected, *(str(each) for table in objs for each in referrers(table))]

    def delete_model(self, request: HttpRequest, obj: Table) -> None:
        delete_table(obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for table in queryset:
            delete_table(table)

    def get_readonly_fields(self, request: HttpRequest, obj: Table | None = None) -> list[str]:
        readonly = ["version", "row_count", "size_bytes", "rows", "updated_at", "created_by"]
        return ["object", *readonly] if obj else readonly

    def get_inlines(self, request: HttpRequest, obj: Table | None) -> list[type[InlineModelAdmin]]:
        """The versions are there to be read; a form that is sent has nothing of them."""
        return [VersionInline] if obj and request.method == "GET" else []

    @admin.action(description="Check the rows and bytes of the selected tables again", permissions=["view"])
    def check_selected(self, request: HttpRequest, queryset: QuerySet[Table]) -> None:
        check = CatalogCheck()
        for drift in islice(check.tables(queryset), DRIFTS_SHOWN):
            version = f" version {drift.version}" if drift.version else ""
            self.message_user(request, f"{drift.table}{version}: {drift.code}: {drift.message}", messages.ERROR)
        if not check.checked.drifts:
            tables, rows = counted(check.checked.tables, "table"), counted(check.checked.rows, "row")
            self.message_user(request, f"Checked {tables} with {rows}: all is as it was written.")

    @admin.action(description="Export the selected table as CSV", permissions=["view"])
    def export_selected(self, request: HttpRequest, queryset: QuerySet[Table]) -> HttpResponse | None:
        tables = list(queryset[:2])
        if len(tables) != 1:
            self.message_user(request, "One table is exported at a time.", messages.ERROR)
            return None
        return redirect("table-download", pk=tables[0].pk, name="csv")

    @admin.display(description="rows")
    def rows(self, table: Table) -> SafeString | str:
        if not table.version:
            return "A new table is empty; its rows are written on its page."
        url = reverse("table-detail", args=[table.pk])
        return format_html('<a href="{}">{} rows: see and change them</a>', url, table.row_count)

    def save_model(self, request: HttpRequest, obj: Table, form: ModelForm, change: bool) -> None:
        if change:
            # Only what the form shows: a writer of rows may have moved the version on meanwhile.
            obj.save(update_fields=["name", "description", "updated_at"])
        else:
            create_table(obj, JSONRows([]), Write(request.user, "Made in the admin"))


@admin.register(TableVersion)
class TableVersionAdmin(ReadOnlyAdmin):
    list_display = [
        "table",
        "number",
        "operation",
        "row_count",
        "added",
        "changed",
        "removed",
        "created_at",
        "created_by",
    ]
    list_filter = ["operation", "table__object__application"]
    list_select_related = ["table__object", "created_by"]
    search_fields = ["table__name", "table__object__name", "message"]
    exclude = ["parts"]
    date_hierarchy = "created_at"


@admin.register(Part)
class PartAdmin(ReadOnlyAdmin):
    """Never loads the bytes."""

    list_display = ["digest", "row_count", "size_bytes", "created_at"]
    search_fields = ["digest"]
    fields = ["digest", "row_count", "size_bytes", "first_row_id", "last_row_id", "created_at"]
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Part]:
        return super().get_queryset(request).defer("content")


@admin.register(SetAside)
class SetAsideAdmin(ReadOnlyAdmin):
    """Never loads the bytes; they are downloaded from the page of the Table, by its rules of who may see them."""

    list_display = ["table", "version", "row_count", "error_count", "format", "created_at", "created_by", "file"]
    list_filter = ["table__object__application"]
    list_select_related = ["table__object__application", "created_by"]
    search_fields = ["table__name", "table__object__name"]
    fields = ["table", "version", "row_count", "error_count", "format", "created_at", "created_by", "file", "lifetime"]
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[SetAside]:
        return super().get_queryset(request).defer("content")

    @admin.display(description="file")
    def file(self, kept: SetAside) -> SafeString:
        url = reverse("table-set-aside", args=[kept.table_id, kept.pk])
        return format_html('<a href="{}">Download the rows with their errors</a>', url)

    @admin.display(description="kept")
    def lifetime(self, kept: SetAside) -> str:
        return SetAside.LIFETIME
