"""The keys of an Object in its form: unique keys a line each, foreign keys a row each."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError

from catalog.forms.attributes import StrictJSONField, join_members, split_members

KEY_LIMIT = 200


class UniqueKeysForm(forms.Form):
    """The keys besides the primary one and those that refer to other Objects."""

    unique_keys = forms.CharField(
        label="Unique keys",
        required=False,
        strip=False,
        help_text="One key to a line, its attributes separated by commas: order_id, placed_at",
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
    )
    kept = StrictJSONField(required=False, widget=forms.HiddenInput)

    def clean_kept(self) -> dict[str, Any]:
        """What the definition holds besides attributes and the keys that have fields."""
        found = self.cleaned_data["kept"]
        return found if isinstance(found, dict) else {}


def _names(label: str, help_text: str, **attributes: str) -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", **attributes})
    return forms.CharField(label=label, required=False, strip=False, help_text=help_text, widget=widget)


class ForeignKeyForm(forms.Form):
    """One foreign key. It checks nothing itself, as the rows of attributes."""

    fields_here = _names("Attributes", "separated by commas")
    object = _names("refer to the object", "by name; empty: this object itself", list="object-names")
    fields_there = _names("with its attributes", "as many, in the same order")
    table = _names("in the table", "by name; empty: all its tables")

    def definition(self) -> dict[str, Any]:
        """The key as the definition says it, sound or not."""
        found = self.cleaned_data
        reference = {"object": found["object"].strip(), "fields": split_members(found["fields_there"])}
        table = found["table"].strip()
        return {
            "fields": split_members(found["fields_here"]),
            "reference": {**reference, "table": table} if table else reference,
        }

    def is_blank(self) -> bool:
        """Whether nothing was typed; such a row is no key."""
        return not any((self[name].value() or "").strip() for name in self.fields)

    def place(self, error: ValidationError, steps: Sequence[str]) -> None:
        """Put a problem beside its field. steps: the way to it within the key."""
        names = {("fields",): "fields_here", ("reference", "fields"): "fields_there", ("reference", "table"): "table"}
        inside = tuple(steps[:2]) if steps[:1] == ["reference"] else tuple(steps[:1])
        field = names.get(inside, "object" if inside[1:] in {("object",), ("resource",)} else None)
        self.add_error(field, error)


class BaseForeignKeyFormSet(forms.BaseFormSet):
    """The foreign keys of an Object; those left blank are none."""

    def filled(self) -> list[ForeignKeyForm]:
        return [form for form in self.forms if not form.is_blank()]

    def definitions(self) -> list[dict[str, Any]]:
        return [form.definition() for form in self.filled()]

    def values(self) -> list[dict[str, Any]]:
        """The rows as they stand, checked or not: what it takes to show them again."""
        return [{name: form[name].value() for name in form.fields} for form in self.filled()]

    def place(self, error: ValidationError, pointer: str) -> bool:
        """Put a problem of the definition beside the key that it is about; whether there is one."""
        steps = pointer.split("/")[1:]
        filled = self.filled()
        if steps[:1] != ["foreignKeys"] or not steps[1:] or int(steps[1]) >= len(filled):
            return False
        filled[int(steps[1])].place(error, steps[2:])
        return True


ForeignKeyFormSet = cast(
    type[BaseForeignKeyFormSet],
    forms.formset_factory(
        ForeignKeyForm, formset=BaseForeignKeyFormSet, extra=1, max_num=KEY_LIMIT, absolute_max=KEY_LIMIT
    ),
)
FOREIGN_KEYS = "foreign_keys"
NONE_SENT = {f"{FOREIGN_KEYS}-TOTAL_FORMS": "0", f"{FOREIGN_KEYS}-INITIAL_FORMS": "0"}


def has_foreign_keys(data: Mapping[str, Any]) -> bool:
    """Whether what was sent has a part for foreign keys; without it, those that there are stay."""
    return f"{FOREIGN_KEYS}-TOTAL_FORMS" in data


def sent_foreign_keys(data: Mapping[str, Any]) -> BaseForeignKeyFormSet:
    """The rows that came with a form."""
    return ForeignKeyFormSet(data if has_foreign_keys(data) else NONE_SENT, prefix=FOREIGN_KEYS)


def shown_foreign_keys(rows: Sequence[Mapping[str, Any]]) -> BaseForeignKeyFormSet:
    """The rows to begin with, and a blank one."""
    return ForeignKeyFormSet(initial=[dict(row) for row in rows], prefix=FOREIGN_KEYS)


def foreign_key_rows(definition: Mapping[str, Any]) -> list[dict[str, str]] | None:
    """The foreign keys of a definition as rows; None if they are none that the rows can show."""
    keys = definition.get("foreignKeys") or []
    try:
        return [_row(key) for key in keys]
    except (TypeError, KeyError, AttributeError, ValueError):
        return None


def _row(key: Mapping[str, Any]) -> dict[str, str]:
    reference = key["reference"]
    target, table = reference.get("object", reference.get("resource", "")), reference.get("table", "")
    if {*key, *reference} - {"fields", "reference", "object", "resource", "table"} or not isinstance(target, str):
        raise ValueError("a property that has no field")
    here, there = ([names] if isinstance(names, str) else names for names in (key["fields"], reference["fields"]))
    return {
        "fields_here": join_members(here, ", "),
        "object": target,
        "fields_there": join_members(there, ", "),
        "table": table or "",
    }
