"""Filters of the list of functions, for the API and the pages."""

from django_filters import rest_framework as filters

from config.api.filters import FilterSet
from processes.models import Function


class FunctionFilter(FilterSet):
    """Functions by application, name, and the Objects that they take or give."""

    application = filters.CharFilter(field_name="application__name", label="Application (name)")
    object = filters.CharFilter(field_name="ports__object_id", distinct=True, label="Object on a port (id)")

    class Meta:
        model = Function
        fields = {"name": ["exact", "icontains"]}
