"""The pages of Objects."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from catalog.filters import ObjectFilter
from catalog.forms.objects import ObjectEditor
from catalog.models import Application, ObjectSchema
from catalog.schema import ForeignKey, Schema
from catalog.views.deleting import ask_and_delete
from catalog.views.lists import author, paginated, search
from catalog.wording import attribute_rows

TABLES_SHOWN = 50


@require_safe
def object_list(request: HttpRequest) -> HttpResponse:
    """All Objects, by application."""
    found = ObjectFilter(request.GET, ObjectSchema.objects.with_table_count().select_related("application"))
    objects = search(found.qs, request.GET.get("search", ""), "name", "description")
    context = {
        # Counting groups the rows, which drops the model's own order.
        "page": paginated(request, objects.order_by("application__name", "name")),
        "applications": Application.objects.values_list("name", flat=True),
    }
    return render(request, "catalog/object_list.html", context)


@require_safe
def object_detail(request: HttpRequest, pk: str) -> HttpResponse:
    """An Object as a document; `?version=` shows an earlier definition."""
    shape = get_object_or_404(ObjectSchema.objects.select_related("application", "created_by"), pk=pk)
    number = request.GET.get("version", "")
    versions = shape.versions.select_related("created_by")
    shown = get_object_or_404(versions, number=int(number)) if number.isdecimal() else shape.current
    attributes = attribute_rows(shown.schema, shown.definition)
    context = {
        "object": shape,
        "shown": shown,
        "attributes": attributes,
        "has_words": any(attribute.title or attribute.description for attribute in attributes),
        "definition": json.dumps(shown.definition, indent=2, ensure_ascii=False),
        "versions": versions,
        "tables": shape.tables.order_by("-updated_at")[:TABLES_SHOWN],
        "table_count": shape.tables.count(),
        "references": list(_references(shape, shown.schema)),
        "referrers": list(shape.referring()),
        "ports": shape.ports.select_related("function").order_by("function__name", "direction", "position"),
    }
    return render(request, "catalog/object_detail.html", context)


@dataclass(frozen=True)
class Reference:
    """A foreign key, with the Object that it refers to."""

    key: ForeignKey
    object: ObjectSchema | None


def _references(shape: ObjectSchema, schema: Schema) -> Iterator[Reference]:
    names = {key.object for key in schema.foreign_keys} - {""}
    siblings = ObjectSchema.objects.filter(application=shape.application_id, name__in=names) if names else ()
    found = {sibling.name: sibling for sibling in siblings} | {"": shape}
    for key in schema.foreign_keys:
        yield Reference(key, found.get(key.object))


@require_http_methods(["GET", "HEAD", "POST"])
def object_create(request: HttpRequest) -> HttpResponse:
    """A new Object."""
    return _edit(request, ObjectSchema())


@require_http_methods(["GET", "HEAD", "POST"])
def object_edit(request: HttpRequest, pk: str) -> HttpResponse:
    """Another definition, name or description for an Object; its Tables are taken along."""
    return _edit(request, get_object_or_404(ObjectSchema.objects.with_table_count(), pk=pk))


def _edit(request: HttpRequest, shape: ObjectSchema) -> HttpResponse:
    is_new = shape._state.adding
    editor = ObjectEditor(request, shape)
    if editor.action == "save" and editor.save(author(request)):
        messages.success(request, f"The object {shape.name!r} is saved; it is at version {shape.version}.")
        return redirect("object-detail", pk=shape.pk)
    if editor.action not in {"save", "show"}:
        editor.act()
    status = 400 if editor.has_errors else 200
    return render(
        request, "catalog/object_form.html", {"editor": editor, "object": None if is_new else shape}, status=status
    )


@require_http_methods(["GET", "HEAD", "POST"])
def object_delete(request: HttpRequest, pk: str) -> HttpResponse:
    """Ask, then delete an Object that nothing refers to."""
    shape = get_object_or_404(ObjectSchema.objects.select_related("application"), pk=pk)
    said = f"The object {shape.name!r} is deleted."
    return ask_and_delete(request, "catalog/object_delete.html", {"object": shape}, shape.delete, said, "object-list")
