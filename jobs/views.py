"""The pages of jobs. Without JavaScript they load themselves again while the job goes on."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import select_template
from django.views.decorators.http import require_POST, require_safe

from jobs.execution import JobEndedError, cancel
from jobs.filters import JobFilter
from jobs.models import Job

PAGE_SIZE = 50


@require_safe
def job_list(request: HttpRequest) -> HttpResponse:
    """Jobs, the newest first."""
    found = JobFilter(request.GET, Job.objects.select_related("created_by"))
    context = {
        "page": Paginator(found.qs, PAGE_SIZE).get_page(request.GET.get("page")),
        "states": Job.State.values,
        "kinds": Job.objects.order_by("kind").values_list("kind", flat=True).distinct(),
        "is_filtered": any(value for name, value in request.GET.items() if name != "page"),
    }
    return render(request, "jobs/job_list.html", context)


@require_safe
def job_detail(request: HttpRequest, pk: str) -> HttpResponse:
    """A job: how far it is, and how it ended, as its kind tells it (`jobs/kinds/<kind>.html`) or as data."""
    job = get_object_or_404(Job.objects.select_related("created_by", "cancel_requested_by"), pk=pk)
    result = job.result.items() if isinstance(job.result, dict) else []
    outcome = select_template([f"jobs/kinds/{job.kind}.html", "jobs/_outcome.html"])
    return render(request, "jobs/job_detail.html", {"job": job, "result": result, "outcome": outcome})


@require_POST
def job_cancel(request: HttpRequest, pk: str) -> HttpResponse:
    """Stop a job."""
    try:
        job = cancel(get_object_or_404(Job, pk=pk), request.user if request.user.is_authenticated else None)
    except JobEndedError as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, "The job will stop in a moment." if job.is_cancelling else "The job is cancelled.")
    return redirect("job-detail", pk=pk)
