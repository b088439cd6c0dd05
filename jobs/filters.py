"""Filters of the list of jobs, for the API and the page."""

from django_filters import rest_framework as filters

from config.api.filters import FilterSet
from jobs.models import Job


class JobFilter(FilterSet):
    """Jobs by kind, state, and who wanted them."""

    state = filters.MultipleChoiceFilter(choices=Job.State.choices, label="State; may be given more than once")
    created_by = filters.CharFilter(field_name="created_by__username", label="Who wanted it (name)")

    class Meta:
        model = Job
        fields = {"kind": ["exact"]}
