"""A definition's attributes as rows of a form, and back, with nothing lost on the way.

What the form has no field for (`examples`, `tags`, a constraint of a later version) travels in a hidden field per row.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError

from catalog.attributes import TYPES
from catalog.rules import ATTRIBUTE_LIMIT
from config.exact_json import load_json

FLAGS = ("required", "unique")
BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
LENGTHS = ("minLength", "maxLength")
CONSTRAINTS = (*BOUNDS, "multipleOf", *LENGTHS, "pattern", "enum", "jsonSchema")
NUMERALS = ("precision", "scale")
TEXTS = ("format", "itemType", "delimiter", "decimalChar", "groupChar")
MEMBERS = ("trueValues", "falseValues", "missingValues", "categories")
FLAG_SETTINGS = ("categoriesOrdered", "timezone")
SETTINGS = (*NUMERALS, *TEXTS, *MEMBERS, "bareNumber", *FLAG_SETTINGS)
WORDS = ("title", "description")
BLANK_ROW: Mapping[str, Any] = {"type": "string"}
_MEMBER = re.compile(r'\s*("(?:[^"]|"")*"|[^,\n]*?)\s*(?:,|\n|$)')


class StrictJSONField(forms.JSONField):
    """JSON without NaN, Infinity and members that stand twice; a syntax error is told with its line and column."""

    empty_values = [None, ""]

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and value.strip():
            try:
                load_json(value.encode())
            except ValueError as error:
                raise ValidationError(str(error).replace("%", "%%"), code="invalid_json") from error
        return super().to_python(value)


class RestField(StrictJSONField):
    """What a row carries besides its fields."""

    widget = forms.HiddenInput

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        if found is not None and not isinstance(found, dict):
            raise ValidationError("The row's hidden part is not a JSON object; load the page again.", code="type")
        return found or {}


def _text(label: str, **attributes: Any) -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": "off", **attributes})
    return forms.CharField(label=label, required=False, strip=False, widget=widget)


class AttributeForm(forms.Form):
    """One attribute. It checks nothing itself: `catalog.rules` does, and its problems are put beside the fields."""

    name = _text("Name", spellcheck="false")
    # A text with a menu: what types there are is a rule, and no form's business.
    type = forms.CharField(
        label="Type", initial="string", required=False, widget=forms.Select(choices=[(name, name) for name in TYPES])
    )
    required = forms.BooleanField(label="Required", required=False)
    unique = forms.BooleanField(label="Unique", required=False)
    primary_key = forms.BooleanField(label="Primary key", required=False)
    minimum = _text("Minimum")
    maximum = _text("Maximum")
    exclusiveMinimum = _text("Greater than")  # noqa: N815 - Table Schema's own word
    exclusiveMaximum = _text("Less than")  # noqa: N815
    minLength = _text("Minimum length", inputmode="numeric")  # noqa: N815
    maxLength = _text("Maximum length", inputmode="numeric")  # noqa: N815
    pattern = _text("Pattern", spellcheck="false")
    enum = forms.CharField(
        label="Allowed values",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
    )
    multipleOf = _text("Multiple of", inputmode="decimal")  # noqa: N815
    jsonSchema = forms.CharField(  # noqa: N815
        label="JSON Schema",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )
    precision = _text("Precision", inputmode="numeric")
    scale = _text("Scale", inputmode="numeric")
    format = _text("Format", spellcheck="false")
    itemType = _text("Type of the items", spellcheck="false")  # noqa: N815
    delimiter = _text("Delimiter in text")
    decimalChar = _text("Decimal point in text")  # noqa: N815
    groupChar = _text("Between groups of digits")  # noqa: N815
    bareNumber = forms.CharField(  # noqa: N815
        label="In text",
        required=False,
        widget=forms.Select(choices=[("", "only the number"), ("false", "a sign or unit around it")]),
    )
    trueValues = _text("Texts for true")  # noqa: N815
    falseValues = _text("Texts for false")  # noqa: N815
    missingValues = _text("Missing in text")  # noqa: N815
    categories = forms.CharField(
        label="Categories",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
    )
    categoriesOrdered = forms.BooleanField(label="Categories in order", required=False)  # noqa: N815
    timezone = forms.BooleanField(label="With time zone", required=False)
    title = _text("Title")
    description = _text("Description")
    rest = RestField(required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        given = self["type"].value()
        if given and given not in TYPES:
            self.fields["type"].widget = forms.Select(
                choices=[(given, f"{given} (unknown)"), *zip(TYPES, TYPES, strict=False)]
            )

    @property
    def type_fields(self) -> list[tuple[forms.BoundField, str]]:
        """The fields that only some types have, each with these types; they stand in the part that opens."""
        names = (*BOUNDS, "multipleOf", *LENGTHS, *NUMERALS, "pattern", "enum", "jsonSchema", *SETTINGS[2:])
        return [(self[name], " ".join(_types_with(name))) for name in names]

    @property
    def details(self) -> str:
        """What the part that opens holds, in a line."""
        names = (*CONSTRAINTS, *SETTINGS, *WORDS)
        filled = [(str(self[name].label).lower(), self[name].value()) for name in names if self[name].value()]
        return ", ".join(label if value is True else f"{label} {value}" for label, value in filled)

    @property
    def has_detail_errors(self) -> bool:
        """Whether the part that opens holds an error."""
        return any(self[name].errors for name in (*CONSTRAINTS, *SETTINGS, *WORDS))

    def values(self) -> dict[str, Any]:
        """The fields as they stand, checked or not: what it takes to show the row again."""
        return {name: self[name].value() for name in self.fields}

    def is_blank(self) -> bool:
        """Whether nothing was typed; such a row is no attribute."""
        found = self.cleaned_data
        return not any(value for name, value in found.items() if name != "type")

    def attribute(self) -> dict[str, Any]:
        """The attribute's definition, sound or not."""
        found = self.cleaned_data
        kind = found["type"]
        rest = dict(found["rest"])
        constraints = rest.pop("constraints", None)
        attribute: dict[str, Any] = {"name": found["name"], "type": kind}
        attribute |= {name: found[name] for name in WORDS if found[name]}
        attribute |= {name: _whole(found[name]) for name in NUMERALS if found[name]}
        attribute |= {name: found[name] for name in TEXTS if found[name]}
        attribute |= {
            name: _members(kind if name == "categories" else "string", found[name]) for name in MEMBERS if found[name]
        }
        attribute |= {"bareNumber": False} if found["bareNumber"] else {}
        attribute |= {name: True for name in FLAG_SETTINGS if found[name]}
        attribute = rest | attribute
        limits = dict(constraints) if isinstance(constraints, dict) else {}
        limits |= {name: True for name in FLAGS if found[name]}
        limits |= {name: from_text(kind, found[name]) for name in BOUNDS if found[name]}
        limits |= {name: _whole(found[name]) for name in LENGTHS if found[name]}
        limits |= {"multipleOf": from_text("number", found["multipleOf"])} if found["multipleOf"] else {}
        limits |= {"pattern": found["pattern"]} if found["pattern"] else {}
        limits |= {"enum": _members(kind, found["enum"])} if found["enum"] else {}
        limits |= {"jsonSchema": _json(found["jsonSchema"])} if found["jsonSchema"].strip() else {}
        if limits or constraints is not None:
            attribute["constraints"] = limits
        return attribute


class BaseAttributeFormSet(forms.BaseFormSet):
    """The attributes of an Object, in order."""

    def definition(self, unique_keys: str, kept: Mapping[str, Any]) -> tuple[dict[str, Any], list[int]]:
        """The definition, and for each of its attributes the row that it comes from.

        kept: what the form shows no field for, and the primary key whose order is to be kept.
        """
        rows = [place for place, form in enumerate(self.forms) if not form.is_blank()]
        attributes = [self.forms[place].attribute() for place in rows]
        chosen = [
            self.forms[place].cleaned_data["name"] for place in rows if self.forms[place].cleaned_data["primary_key"]
        ]
        before = [name for name in kept.get("primaryKey") or [] if name in chosen]
        definition = dict(kept) | {"attributes": attributes}
        definition["primaryKey"] = [*before, *(name for name in chosen if name not in before)]
        definition["uniqueKeys"] = [split_members(line) for line in unique_keys.splitlines() if line.strip()]
        return definition, rows

    def place(self, errors: Iterable[ValidationError], rows: Sequence[int]) -> list[ValidationError]:
        """Put each problem beside the field that it is about; gives back those that are about no row."""
        elsewhere = []
        for error in errors:
            steps = ((error.params or {}).get("pointer") or "").split("/")[1:]
            if not steps or not steps[0].isdigit() or int(steps[0]) >= len(rows):
                elsewhere.append(error)
                continue
            form = self.forms[rows[int(steps[0])]]
            field = steps[2] if steps[1:2] == ["constraints"] and len(steps) > 2 else "".join(steps[1:2])
            form.add_error(field if field in form.fields else None, error)
        return elsewhere


AttributeFormSet = cast(
    type[BaseAttributeFormSet],
    forms.formset_factory(AttributeForm, formset=BaseAttributeFormSet, extra=0, absolute_max=ATTRIBUTE_LIMIT),
)


def attribute_values(attribute: Mapping[str, Any], primary_key: Sequence[str]) -> dict[str, Any]:
    """An attribute's definition as the initial values of its row."""
    constraints = attribute.get("constraints")
    limits = dict(constraints) if isinstance(constraints, dict) else {}
    shown = ("name", "type", *NUMERALS, *TEXTS, *WORDS)
    rest = {key: value for key, value in attribute.items() if key not in shown}
    values: dict[str, Any] = {name: to_text(attribute.get(name)) for name in shown}
    values["primary_key"] = attribute.get("name") in primary_key
    values |= {name: rest.pop(name) if rest.get(name) is True else False for name in FLAG_SETTINGS}
    values["bareNumber"] = "false" if rest.get("bareNumber") is False and not rest.pop("bareNumber") else ""
    values |= {name: _members_text(rest.pop(name)) if rest.get(name) else "" for name in MEMBERS}
    values |= {name: limits.pop(name) if limits.get(name) is True else False for name in FLAGS}
    values |= {
        name: to_text(limits.pop(name, None)) for name in (*BOUNDS, "multipleOf", *LENGTHS, "pattern", "jsonSchema")
    }
    values["enum"] = _members_text(limits.pop("enum", None))
    if isinstance(constraints, dict):
        rest["constraints"] = limits
    values["rest"] = rest
    return values


def definition_rows(definition: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The rows of a definition; None if it is not even a list of attributes, and so can't be shown as rows."""
    attributes = definition.get("attributes")
    if not isinstance(attributes, list) or not all(isinstance(attribute, dict) for attribute in attributes):
        return None
    primary_key = definition.get("primaryKey")
    return [
        attribute_values(attribute, primary_key if isinstance(primary_key, list) else []) for attribute in attributes
    ]


def unique_key_lines(definition: Mapping[str, Any]) -> str:
    """The unique keys, one to a line."""
    keys = definition.get("uniqueKeys")
    lists = [key for key in keys if isinstance(key, list)] if isinstance(keys, list) else []
    return "\n".join(join_members(key, ", ") for key in lists)


def to_text(value: Any) -> str:
    """A JSON value as a person types it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _members(kind: str, text: str) -> Any:
    """The members of a list as they were typed; as JSON where they are more than plain values."""
    found = _json(text) if text.lstrip().startswith("[") else None
    if isinstance(found, list) and (
        (found and isinstance(found[0], dict | list)) or (kind in TYPES and TYPES[kind].is_json)
    ):
        return found
    return [from_text(kind, member) for member in split_members(text)]


def _members_text(members: Any) -> str:
    """Members as `_members` reads them: plain ones one to a line, others as JSON."""
    if isinstance(members, list) and not any(isinstance(member, dict | list) for member in members):
        return join_members(members)
    return to_text(members)


def _json(text: str) -> Any:
    """JSON that was typed; the text itself where it is none."""
    try:
        return load_json(text.encode())
    except ValueError:
        return text


def from_text(kind: str, text: str) -> Any:
    """What was typed as the JSON value that an attribute of this type wants; the text itself where it is none."""
    if kind in TYPES and TYPES[kind].is_json:
        return _json(text)
    if kind not in {"integer", "number", "boolean", "year"}:
        return text
    try:
        value = json.loads(text.strip())
    except ValueError:
        return text
    if kind == "boolean":
        return value if isinstance(value, bool) else text
    return value if type(value) is int or (type(value) is float and math.isfinite(value)) else text


def _types_with(name: str) -> list[str]:
    """The types that have a constraint or a setting of this name."""
    return [kind for kind, found in TYPES.items() if name in found.constraints | found.settings | {"missingValues"}]


def _whole(text: str) -> Any:
    return from_text("integer", text)


def split_members(text: str) -> list[str]:
    """The members of a list by comma or line; a quoted one may hold either, or nothing."""
    members = []
    for match in _MEMBER.finditer(text.replace("\r\n", "\n")):
        member = match.group(1)
        if member.startswith('"') and member.endswith('"') and len(member) > 1:
            members.append(member[1:-1].replace('""', '"'))
        elif member:
            members.append(member)
    return members


def join_members(members: Iterable[Any], separator: str = "\n") -> str:
    """Members as `split_members` reads them."""
    return separator.join(_quoted(to_text(member)) for member in members)


def _quoted(text: str) -> str:
    if not text or text != text.strip() or any(character in text for character in ',"\n\r'):
        return '"' + text.replace('"', '""') + '"'
    return text
