"""Filters of the catalog's lists, for the API and the pages."""

from django_filters import rest_framework as filters

from catalog.models import Application, Configuration, ObjectSchema, Table
from config.api.filters import FilterSet


class ApplicationFilter(FilterSet):
    """Applications by name."""

    class Meta:
        model = Application
        fields = {"name": ["exact", "icontains"]}


class ConfigurationFilter(FilterSet):
    """Configurations by application and name."""

    application = filters.CharFilter(field_name="application__name", label="Application (name)")
    application_id = filters.CharFilter(field_name="application_id", label="Application (id)")

    class Meta:
        model = Configuration
        fields = {"name": ["exact", "icontains"]}


class ObjectFilter(FilterSet):
    """Objects by application and name."""

    application = filters.CharFilter(field_name="application__name", label="Application (name)")

    class Meta:
        model = ObjectSchema
        fields = {"name": ["exact", "icontains"]}


class TableFilter(FilterSet):
    """Tables by application, object and name."""

    application = filters.CharFilter(field_name="object__application__name", label="Application (name)")
    object = filters.CharFilter(field_name="object_id", label="Object (id)")
    object_name = filters.CharFilter(field_name="object__name", label="Object (name)")
    row_count = filters.NumberFilter(label="Rows")
    row_count__gte = filters.NumberFilter(field_name="row_count", lookup_expr="gte", label="Rows, at least")
    row_count__lte = filters.NumberFilter(field_name="row_count", lookup_expr="lte", label="Rows, at most")

    class Meta:
        model = Table
        fields = {"name": ["exact", "icontains"]}
