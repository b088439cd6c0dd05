"""Test cases, runs and results in Django admin, through the same rules and verbs as everywhere else."""

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.contrib.admin.options import InlineModelAdmin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.admin import OwnerAdmin, ReadOnlyAdmin
from catalog.forms.attributes import StrictJSONField
from catalog.models import Application
from config.exact_json import dump_json
from processes.admin import DefiningAdmin, MemberFormSet
from processes.models import Direction
from testcases.accepting import NotAcceptableError, accept_actual
from testcases.deferring import cancel_run, run_or_defer
from testcases.models import Binding, Pin, Result, ResultOutput, Run, TestCase
from testcases.models.cases import BindingDefinition
from testcases.recording import RunEndedError
from testcases.sight import as_seen, hidden_by_port


class BindingInline(admin.TabularInline):
    model = Binding
    formset = MemberFormSet
    fields = ["port", "table"]
    autocomplete_fields = ["port", "table"]
    extra = 2


@admin.register(TestCase)
class TestCaseAdmin(DefiningAdmin):
    owned = Result
    fields = [
        "function",
        "name",
        "summary",
        "tags",
        "enabled",
        "comparison",
        "parameters",
        "expected_error",
        "clock",
        "created_at",
        "updated_at",
        "created_by",
    ]
    list_display = ["name", "function", "application", "enabled", "updated_at", "page"]
    list_filter = ["application", "enabled", "function"]
    list_select_related = ["function__application", "application"]
    search_fields = ["name", "summary", "function__name", "application__name"]
    autocomplete_fields = ["function"]
    date_hierarchy = "updated_at"
    formfield_overrides = {models.JSONField: {"form_class": StrictJSONField}}
    inlines = [BindingInline]
    actions = ["run_selected"]

    @admin.display(description="page")
    def page(self, case: TestCase) -> SafeString:
        return format_html('<a href="{}">open</a>', reverse("test-case-detail", args=[case.pk]))

    def get_readonly_fields(self, request: HttpRequest, obj: TestCase | None = None) -> list[str]:
        readonly = ["created_at", "updated_at", "created_by"]
        return ["function", *readonly] if obj else readonly

    def define(self, instance: TestCase, formsets: Sequence[MemberFormSet]) -> None:
        bindings = [form.instance for formset in formsets for form in formset.kept_forms()]
        inputs, outputs = (
            [BindingDefinition(each.port.name, each.table) for each in bindings if each.port.direction == direction]
            for direction in (Direction.INPUT, Direction.OUTPUT)
        )
        instance.define(inputs, outputs)

    @admin.action(description="Run selected test cases", permissions=["view"])
    def run_selected(self, request: HttpRequest, queryset: QuerySet[TestCase]) -> None:
        """One run for each application: a small one while the curator waits, a large one by a worker."""
        by_application: dict[Application, list[TestCase]] = {}
        for case in queryset.select_related("application"):
            by_application.setdefault(case.application, []).append(case)
        for application, cases in by_application.items():
            run = run_or_defer(application, cases, {}, request.user)
            counts = ", ".join(f"{number} {verdict}" for verdict, number in run.counts.items() if number)
            counts = counts if run.has_ended else f"{len(cases):,} test cases wait for a worker"
            link = format_html('<a href="{}">{}</a>', reverse("run-detail", args=[run.pk]), run)
            is_well = run.verdict == "passed" or not run.has_ended
            level = messages.SUCCESS if is_well else messages.WARNING
            self.message_user(request, format_html("{}: {}", link, counts), level)


class NothingToAddInline(admin.TabularInline):
    """Rows that are only looked at."""

    extra = 0
    can_delete = False
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Run)
class RunAdmin(OwnerAdmin):
    """A run is made by running; it may be deleted with its results."""

    owned = Result
    list_display = ["id", "application", "state", "verdict", "total", "passed", "failed", "error", "created_at", "page"]
    list_filter = ["state", "verdict", "application"]
    list_select_related = ["application"]
    search_fields = ["id", "application__name", "results__test_case__name"]
    date_hierarchy = "created_at"
    actions = ["cancel_selected"]

    @admin.display(description="page")
    def page(self, run: Run) -> SafeString:
        return format_html('<a href="{}">open</a>', reverse("run-detail", args=[run.pk]))

    @admin.action(description="Cancel selected runs", permissions=["view"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Stop those that have not ended."""
        stopped = 0
        for run in queryset.select_related("job"):
            try:
                cancel_run(run, request.user)
                stopped += 1
            except RunEndedError as error:
                self.message_user(request, f"{run}: {error}", messages.WARNING)
        if stopped:
            self.message_user(request, f"{stopped} run{'' if stopped == 1 else 's'} cancelled.", messages.SUCCESS)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class OutputInline(NothingToAddInline):
    model = ResultOutput
    fields = ["port_name", "row_count", "diff_text"]
    readonly_fields = ["diff_text"]

    @admin.display(description="diff")
    def diff_text(self, output: ResultOutput) -> SafeString:
        return format_html("<pre>{}</pre>", dump_json(output.diff).decode())


class PinInline(NothingToAddInline):
    model = Pin
    fields = ["direction", "port_name", "table_version"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pin]:
        return super().get_queryset(request).select_related("table_version__table__object")


class AcceptForm(ActionForm):
    """What accepting needs beside the ticked results."""

    message = forms.CharField(required=False, label="Why it is right")
    confirm = forms.BooleanField(required=False, label="Although other test cases have the table too")


@admin.register(Result)
class ResultAdmin(ReadOnlyAdmin):
    list_display = ["id", "test_case", "implementation_name", "verdict", "reason", "created_at", "page"]
    list_filter = ["verdict", "reason", "run__application"]
    list_select_related = ["test_case"]
    search_fields = ["id", "test_case__name", "message"]
    date_hierarchy = "created_at"
    exclude = ["errors"]
    readonly_fields = ["errors_text"]
    action_form = AcceptForm
    actions = ["accept_selected"]

    def has_accept_permission(self, request: HttpRequest) -> bool:
        """Who may change tables may say what is expected."""
        return bool(request.user.has_perm("catalog.change_table"))

    @admin.action(description="Accept actual as expected, with a reason", permissions=["accept"])
    def accept_selected(self, request: HttpRequest, queryset: QuerySet[Result]) -> None:
        """A new version of each expected table, one result after the other; those that can't be are said."""
        reason, is_confirmed = request.POST.get("message", ""), "confirm" in request.POST
        for result in Result.objects.with_parts().filter(pk__in=queryset).order_by("id"):
            try:
                versions = accept_actual(result, reason, request.user, is_confirmed=is_confirmed)
            except NotAcceptableError as error:
                told = f" ({', '.join(error.others)})" if error.others else ""
                self.message_user(request, f"{result.test_case.name}: {error}{told} {error.hint}", messages.ERROR)
            except ValidationError as error:
                self.message_user(request, f"{result.test_case.name}: {' '.join(error.messages)}", messages.ERROR)
            else:
                names = ", ".join(f"{each.table.name} (version {each.number})" for each in versions)
                self.message_user(request, f"{result.test_case.name}: accepted {names}.", messages.SUCCESS)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Result | None:
        """The result as its reader may see it."""
        found = super().get_object(request, object_id, from_field)
        return as_seen(request, found) if found else None

    def get_inlines(self, request: HttpRequest, obj: Result | None) -> list[type[InlineModelAdmin[Any, Any]]]:
        """Without the diffs where they hold what the reader may not see; the page shows them masked."""
        is_masked = obj is not None and bool(hidden_by_port(request, obj)[""])
        return [PinInline] if is_masked else [OutputInline, PinInline]

    @admin.display(description="page")
    def page(self, result: Result) -> SafeString:
        return format_html('<a href="{}">open</a>', reverse("result-detail", args=[result.pk]))

    @admin.display(description="errors")
    def errors_text(self, result: Result) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(result.errors, indent=1, default=str, ensure_ascii=False))
