"""Jobs in Django admin: to look at, and to stop."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.execution import JobEndedError, cancel
from jobs.models import Job


@admin.register(Job)
class JobAdmin(admin.ModelAdmin):
    """A job is made by what needs it, and changed by its worker."""

    list_display = ["id", "kind", "state", "done", "total", "attempt", "worker", "created_at", "created_by", "page"]
    list_filter = ["state", "kind"]
    list_select_related = ["created_by"]
    search_fields = ["id", "kind", "message"]
    date_hierarchy = "created_at"
    exclude = ["token"]
    actions = ["cancel_selected"]

    @admin.display(description="page")
    def page(self, job: Job) -> SafeString:
        return format_html('<a href="{}">open</a>', reverse("job-detail", args=[job.pk]))

    @admin.action(description="Cancel selected jobs", permissions=["view"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Stop those that have not ended."""
        stopped = 0
        for job in queryset:
            try:
                cancel(job, request.user)
                stopped += 1
            except JobEndedError as error:
                self.message_user(request, f"{job}: {error}", messages.WARNING)
        if stopped:
            self.message_user(request, f"{stopped} job{'' if stopped == 1 else 's'} cancelled.", messages.SUCCESS)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        return False
