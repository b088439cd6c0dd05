"""The pages of Configurations: where and how an application's functions run. No page reads a secret."""

import json

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from catalog.forms.configurations import ConfigurationForm
from catalog.models import Application, Configuration
from catalog.views.deleting import ask_and_delete
from catalog.views.lists import paginated, search


@require_safe
def configuration_list(request: HttpRequest) -> HttpResponse:
    """All Configurations, by application and name."""
    rows = Configuration.objects.select_related("application").order_by("application__name", "name")
    wanted = request.GET.get("application", "")
    if wanted:
        rows = rows.filter(application__in=[each for each in Application.objects.all() if each.name == wanted])
    page = paginated(request, search(rows, request.GET.get("search", ""), "name", "comments"))
    context = {
        "page": page,
        "texts": [(each, json.dumps(each.config, indent=2, ensure_ascii=False)) for each in page],
        "applications": Application.objects.values_list("name", flat=True),
    }
    return render(request, "catalog/configuration_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def configuration_create(request: HttpRequest) -> HttpResponse:
    """A new Configuration."""
    return _edit(request, Configuration())


@require_http_methods(["GET", "HEAD", "POST"])
def configuration_edit(request: HttpRequest, pk: str) -> HttpResponse:
    """Another name or other settings for a Configuration."""
    return _edit(request, get_object_or_404(Configuration.objects.select_related("application"), pk=pk))


def _edit(request: HttpRequest, configuration: Configuration) -> HttpResponse:
    saved = None if configuration._state.adding else Configuration(pk=configuration.pk, name=configuration.name)
    named = Application.objects.filter(name=request.GET.get("application", "").replace("\0", "")).first()
    form = ConfigurationForm(
        request.POST if request.method == "POST" else None,
        instance=configuration,
        initial={"application": named} if named else {},
    )
    if form.is_valid():
        form.save()
        messages.success(request, f"The configuration {configuration.name!r} is saved.")
        return redirect("configuration-list")
    context = {"form": form, "configuration": saved}
    return render(request, "catalog/configuration_form.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def configuration_delete(request: HttpRequest, pk: str) -> HttpResponse:
    """Ask, then delete a Configuration; runs with it stay."""
    configuration = get_object_or_404(Configuration.objects.select_related("application"), pk=pk)
    said = f"The configuration {configuration.name!r} is deleted."
    context = {"configuration": configuration}
    template = "catalog/configuration_delete.html"
    return ask_and_delete(request, template, context, configuration.delete, said, "configuration-list")
