"""The form of a Configuration: a JSON object, with references in place of secrets."""

import json
from typing import Any

from django import forms
from django.conf import settings

from catalog.forms.attributes import StrictJSONField
from catalog.models import Configuration

EXAMPLE = {
    "base_url": "https://scores.example.com",
    "headers": {"Authorization": {"$env": "EXEMPLAR_SECRET_TOKEN"}},
    "timeout_seconds": 10,
}


class ConfigField(StrictJSONField):
    """A JSON object as text; nothing is {}."""

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        return {} if found is None else found

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False) if value else ""


class ConfigurationForm(forms.ModelForm):
    """A Configuration. It stays in its application."""

    config = ConfigField(
        required=False, widget=forms.Textarea(attrs={"rows": 10, "class": "mono", "spellcheck": "false"})
    )

    class Meta:
        model = Configuration
        fields = ["application", "name", "comments", "config"]
        widgets = {"comments": forms.Textarea(attrs={"rows": 2})}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.instance._state.adding:
            self.fields["application"].disabled = True
        self.fields["config"].help_text = "A JSON object. Python functions that take a configuration get it whole."

    @property
    def example(self) -> str:
        """A configuration of a web service."""
        return json.dumps(EXAMPLE, indent=2)

    @property
    def allowed_variables(self) -> str:
        """The environment variables that may be named."""
        return ", ".join(settings.CONFIGURATION_ENV) or "none"
