"""Functions in Django admin, through the same rules and the same verb as everywhere else."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import DatabaseError, models
from django.db.models import ProtectedError, QuerySet
from django.forms import BaseInlineFormSet, ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.admin import ReadOnlyAdmin, RefusableAdmin
from catalog.forms.attributes import StrictJSONField
from catalog.forms.objects import database_refusal
from processes.models import Direction, Function, Implementation, ImplementationDefinition, Port, PortDefinition


class MemberFormSet(BaseInlineFormSet):
    """Parts that are written with their owner by its `define`, which also finds those that stand twice."""

    def validate_unique(self) -> None:
        """Leave it to `define`, which has a code for it."""

    def kept_forms(self) -> list[ModelForm]:
        """The rows that are to be there afterwards."""
        extra = [form for form in self.extra_forms if form.has_changed()]
        return [form for form in (*self.initial_forms, *extra) if form not in self.deleted_forms]


class DefiningAdmin(RefusableAdmin):
    """A resource that is saved with its parts by `define`, all or nothing."""

    refusals = (ValidationError, ProtectedError, DatabaseError)

    def define(self, instance: Any, formsets: Sequence[MemberFormSet]) -> None:
        """Save the instance with the parts that the formsets hold."""
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        """Nothing yet: `save_related` saves it with its parts."""
        if not change:
            obj.created_by = request.user

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:
        for formset in formsets:
            formset.save(commit=False)  # finds what was changed, for the history
        self.define(form.instance, formsets)

    def describe_refusal(self, error: Any) -> Sequence[ValidationError]:
        return list(_refusal(error))


def _refusal(error: ValidationError | ProtectedError | DatabaseError) -> Iterator[ValidationError]:
    """What was refused, as errors of the whole form; `params["pointer"]` keeps the place, as the API says it."""
    if isinstance(error, ProtectedError):
        users = ", ".join(sorted({str(each) for each in error.protected_objects}))
        yield ValidationError(f"This is still in use: {users}.".replace("%", "%%"), code="referenced")
    elif isinstance(error, DatabaseError):
        yield database_refusal(error)
    else:
        for name, errors in error.error_dict.items():
            for each in errors:
                place = f"/{name}" + (each.params or {}).get("pointer", "")
                message = f"{place.lstrip('/')}: {each.messages[0]}".replace("%", "%%")
                yield ValidationError(message, code=each.code, params={"pointer": place})


class PortFormSet(MemberFormSet):
    """The ports of a function; the implementations, which are checked after them, see them as they stand here."""

    def clean(self) -> None:
        super().clean()
        if self.instance._state.adding:
            return
        ports = self.instance.ports.get_queryset()
        # As after a prefetch, which is how a model is given related rows that it need not fetch.
        ports._result_cache = [form.instance for form in self.kept_forms()]
        self.instance._prefetched_objects_cache = {"ports": ports}


class PortInline(admin.TabularInline):
    model = Port
    formset = PortFormSet
    fields = ["direction", "position", "name", "object", "required"]
    autocomplete_fields = ["object"]
    extra = 1


class ImplementationInline(admin.StackedInline):
    model = Implementation
    formset = MemberFormSet
    fields = ["name", "kind", "definition"]
    formfield_overrides = {models.JSONField: {"form_class": StrictJSONField}}
    extra = 0


@admin.register(Function)
class FunctionAdmin(DefiningAdmin):
    owned = Port
    fields = ["application", "name", "summary", "parameters", "created_at", "updated_at", "created_by"]
    list_display = ["name", "application", "summary", "updated_at", "page"]
    list_filter = ["application"]
    list_select_related = ["application"]
    search_fields = ["name", "summary", "application__name"]
    autocomplete_fields = ["application"]
    date_hierarchy = "updated_at"
    formfield_overrides = {models.JSONField: {"form_class": StrictJSONField}}
    inlines = [PortInline, ImplementationInline]

    @admin.display(description="page")
    def page(self, function: Function) -> SafeString:
        return format_html('<a href="{}">open</a>', reverse("function-detail", args=[function.pk]))

    def get_readonly_fields(self, request: HttpRequest, obj: Function | None = None) -> list[str]:
        readonly = ["created_at", "updated_at", "created_by"]
        return ["application", *readonly] if obj else readonly

    def define(self, instance: Function, formsets: Sequence[MemberFormSet]) -> None:
        ports, implementations = ([form.instance for form in formset.kept_forms()] for formset in formsets)
        ports.sort(key=lambda port: port.position)
        inputs, outputs = (
            [PortDefinition(port.name, port.object, port.required) for port in ports if port.direction == direction]
            for direction in (Direction.INPUT, Direction.OUTPUT)
        )
        instance.define(
            inputs,
            outputs,
            [ImplementationDefinition(each.name, each.kind, each.definition) for each in implementations],
        )


@admin.register(Port)
class PortAdmin(ReadOnlyAdmin):
    """Ports are written with their function; here they are found, by the test cases' inline too."""

    list_display = ["name", "direction", "function", "object"]
    list_filter = ["direction", "function__application"]
    list_select_related = ["function", "object__application"]
    search_fields = ["name", "function__name", "object__name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Port]:
        return super().get_queryset(request).select_related("function")
