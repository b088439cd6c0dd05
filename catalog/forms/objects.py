"""Forms of an Object: its fields, and its definition as rows or as JSON."""

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import DatabaseError
from django.http import HttpRequest, QueryDict

from catalog.evolution import publish
from catalog.forms.attributes import (
    BLANK_ROW,
    AttributeFormSet,
    BaseAttributeFormSet,
    StrictJSONField,
    definition_rows,
    unique_key_lines,
)
from catalog.forms.keys import (
    UniqueKeysForm,
    foreign_key_rows,
    has_foreign_keys,
    sent_foreign_keys,
    shown_foreign_keys,
)
from catalog.models import ObjectSchema
from catalog.sight import check_definition
from config.api.errors import describe
from config.models import BreakingChangeError


def database_refusal(error: Exception) -> ValidationError:
    """What was refused where no field's rule did it, in the API's words: another writer was faster, the disk is full.

    Raises the error again if it is a fault of ours.
    """
    details = describe(error)
    if details is None:
        raise error
    return ValidationError(details.detail, code=details.code)


def publishing_refusal(error: BreakingChangeError | DatabaseError) -> ValidationError:
    """Why a sound Object was not published, for a form."""
    if isinstance(error, BreakingChangeError):
        return ValidationError([str(error), *error.breaks], code="breaking_change")
    return database_refusal(error)


FORM_ATTRIBUTES = 500  # a form of more rows has more fields than Django takes; beyond, the definition is edited as JSON
NAMES_SUGGESTED = 500
DEFINITION_HELP = (
    'A Table Schema with "attributes": {"attributes": [{"name": "id", "type": "integer"}], "primaryKey": ["id"]}, '
    "or the list of attributes alone."
)


class DefinitionField(StrictJSONField):
    """A whole definition as JSON; a bare list is its attributes."""

    def __init__(self, **options: Any) -> None:
        widget = forms.Textarea(attrs={"rows": 18, "class": "mono", "spellcheck": "false"})
        super().__init__(label="Definition", required=False, help_text=DEFINITION_HELP, widget=widget, **options)
        # A message of the field would take the place of the rules' own; that nothing is no definition is theirs to say.
        self.error_messages.pop("required")

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        return {"attributes": found} if isinstance(found, list) else found

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


class ObjectForm(forms.ModelForm):
    """An Object with its definition as JSON; saving publishes it.

    The field is named as in the API, so that the model's problems fall on it. `expected_version` is the one that the
    editor saw.
    """

    attributes = DefinitionField()
    expected_version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = ObjectSchema
        fields = ["application", "name", "description"]
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.version:
            self.fields["application"].disabled = True
            self.initial["attributes"] = self.instance.definition
            self.initial["expected_version"] = self.instance.version

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        seen = cleaned.get("expected_version")
        if seen and self.instance.version and seen != self.instance.version:
            message = (
                f"Somebody changed this object while you were editing: it is at version {self.instance.version}, "
                f"you began with version {seen}. Your input is still here; compare before you save it again."
            )
            self.add_error(None, ValidationError(message, code="stale"))
        if "attributes" in cleaned:
            self.instance.definition = {} if cleaned["attributes"] is None else cleaned["attributes"]
        return cleaned

    def publish(self, author: Any) -> bool:
        """Save and publish what is valid; False with the breaks as errors if Tables of the Object stand against it."""
        try:
            publish(self.instance, author)
        except (BreakingChangeError, DatabaseError) as error:
            self.add_error(None, publishing_refusal(error))
        else:
            return True
        if not self.instance._state.adding:
            self.instance.refresh_from_db(fields=["version"])
        return False


class ObjectEditor:
    """The page's form of an Object: as rows with buttons, or as JSON. Bound when the request is a POST.

    `act()` does what a button asks (add, remove, move a row, change to JSON or to rows) and never saves; `save()` does.
    """

    def __init__(self, request: HttpRequest, instance: ObjectSchema, proposed: Mapping[str, Any] | None = None) -> None:
        """proposed: fields and definition to begin with, whatever the request is."""
        self.request = request
        self.instance = instance
        self.action = request.POST.get("action", "save") if request.method == "POST" and not proposed else "show"
        self.as_json = request.POST.get("mode", request.GET.get("mode")) == "json"
        self.focused: int | None = None
        definition = instance.definition or {"attributes": [{"name": "", "type": "string"}]}
        if proposed:
            self.form = ObjectForm(instance=instance, initial=dict(proposed))
            self._show(proposed["attributes"])
        elif request.method == "POST":
            self.rows: BaseAttributeFormSet = AttributeFormSet(request.POST, prefix="attributes")
            self.keys = UniqueKeysForm(request.POST)
            self.foreign_keys = sent_foreign_keys(request.POST)
            self.form = ObjectForm(request.POST, instance=instance)
        else:
            self.form = ObjectForm(instance=instance, initial=self._preset())
            self._show(definition)

    def _preset(self) -> dict[str, str]:
        """What a link may bring: the application."""
        return {"application": self.request.GET["application"]} if "application" in self.request.GET else {}

    def _show(self, definition: Mapping[str, Any]) -> None:
        """Take a definition into the fields."""
        rows, references = definition_rows(definition), foreign_key_rows(definition)
        if rows is None or references is None or len(rows) > FORM_ATTRIBUTES:
            self.as_json, rows = True, None
        self._show_rows(rows or [])
        self.foreign_keys = shown_foreign_keys(references or [])
        kept = {name: value for name, value in definition.items() if name not in {"attributes", "uniqueKeys"}}
        self.keys = UniqueKeysForm(initial={"unique_keys": unique_key_lines(definition), "kept": kept})

    def _show_rows(self, rows: list[dict[str, Any]]) -> None:
        self.rows = AttributeFormSet(initial=rows, prefix="attributes")

    def act(self) -> None:
        """Do what a button other than save asks, and show the form again with all that was typed."""
        verb, _, place = self.action.partition(" ")
        if verb == "json":
            self._to_json()
            return
        if verb == "rows":
            self._to_rows()
            return
        rows = [form.values() for form in self.rows.forms]
        index = int(place) if place.isdigit() else -1
        if verb == "add":
            rows.append(dict(BLANK_ROW))
            self.focused = len(rows) - 1
        elif 0 <= index < len(rows):
            self.focused = _move(rows, verb, index)
        self._show_rows(rows)
        self.keys = UniqueKeysForm(initial={name: self.keys[name].value() for name in self.keys.fields})
        self.foreign_keys = shown_foreign_keys(self.foreign_keys.values())
        self._unbind(self.form.data.get("attributes", ""))

    def _to_json(self) -> None:
        self.as_json = True
        if self._is_readable():
            definition, _ = self._definition()
            self._unbind(definition)

    def _to_rows(self) -> None:
        text = self.form.data.get("attributes", "")
        try:
            definition = DefinitionField().clean(text)
        except ValidationError:
            return
        if isinstance(definition, dict):
            self.as_json = False
            self._show(definition)
            self._unbind(definition)

    def _unbind(self, definition: Any) -> None:
        """Show the typed values without checking them."""
        typed = {name: self.form[name].value() for name in ("application", "name", "description", "expected_version")}
        self.form = ObjectForm(instance=self.instance, initial=typed)
        self.form.initial = {**self.form.initial, **typed, "attributes": definition}

    def _is_readable(self) -> bool:
        return self.rows.is_valid() and self.keys.is_valid() and self.foreign_keys.is_valid()

    def _definition(self) -> tuple[dict[str, Any], list[int]]:
        kept = self.keys.cleaned_data["kept"]
        if has_foreign_keys(self.request.POST):
            kept = kept | {"foreignKeys": self.foreign_keys.definitions()}
        return self.rows.definition(self.keys.cleaned_data["unique_keys"], kept)

    def _publish(self, author: Any) -> bool:
        if not self.form.is_valid():
            return False
        check_definition(self.request, self.form.instance)
        return self.form.publish(author)

    def save(self, author: Any) -> bool:
        """Publish the Object if everything is sound; False with the errors in the forms if not."""
        if self.as_json:
            return self._publish(author)
        if not self._is_readable():
            return False
        definition, places = self._definition()
        data: QueryDict = self.request.POST.copy()
        data["attributes"] = json.dumps(definition)
        self.form = ObjectForm(data, instance=self.instance)
        if self._publish(author):
            return True
        problems = self.form.errors.pop("attributes", None)
        elsewhere = self.rows.place(problems.as_data() if problems else [], places)
        for error in elsewhere:
            pointer = str((error.params or {}).get("pointer", ""))
            if pointer.startswith("/uniqueKeys"):
                self.keys.add_error("unique_keys", error)
            elif not self.foreign_keys.place(error, pointer):
                self.form.add_error(None, error)
        return False

    @property
    def object_names(self) -> list[str]:
        """The Objects that a foreign key may name, for the fields to suggest."""
        found = ObjectSchema.objects.order_by("name").values_list("name", flat=True)
        siblings = found.filter(application=self.instance.application_id) if self.instance.application_id else found
        return list(siblings.distinct()[:NAMES_SUGGESTED])

    @property
    def json_errors(self) -> list[str]:
        """The problems of the definition, each with its place in the JSON."""
        found = self.form.errors.get("attributes")
        errors = found.as_data() if found else []
        unread = [error for error in errors if not error.params]
        return [_placed(error) for error in unread or errors]

    @property
    def has_errors(self) -> bool:
        return self.form.is_bound and bool(
            self.form.errors or self.keys.errors or any(self.rows.errors) or any(self.foreign_keys.errors)
        )


def _move(rows: list[dict[str, Any]], verb: str, index: int) -> int | None:
    """Remove or move a row; gives the place to look at next."""
    if verb == "remove":
        del rows[index]
        return min(index, len(rows) - 1) if rows else None
    target = index + (1 if verb == "down" else -1)
    if verb in {"up", "down"} and 0 <= target < len(rows):
        rows[index], rows[target] = rows[target], rows[index]
        return target
    return index


def _placed(error: ValidationError) -> str:
    place = (error.params or {}).get("pointer") if isinstance(error.params, dict) else None
    return f"{place}: {error.messages[0]}" if place else error.messages[0]
