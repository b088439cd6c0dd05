"""The form of a Function: its fields, ports, parameters, and a query to each output port and implementation.

The forms check almost nothing: `Function.define` does, and its problems are put beside the fields.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db import DatabaseError
from django.db.models import ProtectedError, QuerySet
from django.http import HttpRequest

from catalog.attributes import TYPES
from catalog.forms.attributes import StrictJSONField, from_text, to_text
from catalog.forms.objects import database_refusal
from catalog.models import ObjectSchema
from processes.examples import example_of
from processes.models import Function, ImplementationDefinition, Kind, PortDefinition, permissions

SIDES = ("inputs", "outputs")
NAMED = (*SIDES, "parameters")
LISTS = (*NAMED, "implementations")
Row = dict[str, Any]


class FunctionForm(forms.ModelForm):
    """A Function's own fields. `parameters` is written from the rows of the page."""

    parameters = StrictJSONField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Function
        fields = ["application", "name", "summary", "parameters"]
        widgets = {"summary": forms.Textarea(attrs={"rows": 2})}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.instance._state.adding:
            self.fields["application"].disabled = True


class RowForm(forms.Form):
    """A row of one of the lists."""

    name = forms.CharField(
        label="Name", required=False, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    )

    def values(self) -> Row:
        """The fields as they stand, checked or not: what it takes to show the row again."""
        return {name: self[name].value() for name in self.fields}

    def is_blank(self) -> bool:
        """Whether nobody wrote anything into the row."""
        return not any(self[name].value() for name in self.fields if name not in {"required", "type", "kind"})


class PortForm(RowForm):
    """A port."""

    object = forms.ModelChoiceField(ObjectSchema.objects.none(), label="Object", required=False)
    required = forms.BooleanField(label="Required", required=False, initial=True)

    def __init__(self, *args: Any, objects: QuerySet[ObjectSchema], **options: Any) -> None:
        super().__init__(*args, **options)
        cast(forms.ModelChoiceField, self.fields["object"]).queryset = objects

    def clean_object(self) -> ObjectSchema | None:
        found: ObjectSchema | None = self.cleaned_data["object"]
        if found is None and not self.is_blank():
            raise ValidationError("Choose the object that shapes this port.", code="required")
        return found


class ParameterForm(RowForm):
    """A parameter; its default is typed as text."""

    type = forms.ChoiceField(label="Type", choices=[(name, name) for name in TYPES], initial="string", required=False)
    default = forms.CharField(label="Default", required=False, strip=False)
    description = forms.CharField(label="Description", required=False)

    def definition(self) -> dict[str, Any]:
        """The parameter as the model has it."""
        given = self.cleaned_data
        text = given["default"]
        found = {"name": given["name"], "type": given["type"]}
        found["default"] = from_text(given["type"], text) if text else None
        return found | ({"description": given["description"]} if given["description"] else {})


class ImplementationForm(RowForm):
    """An implementation: for sql a query to each output port, in the order of the ports, else JSON."""

    kind = forms.ChoiceField(label="Kind", choices=Kind.choices, initial=Kind.SQL, required=False)
    definition = forms.CharField(
        label="Definition",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono", "spellcheck": "false"}),
    )

    def __init__(
        self,
        *args: Any,
        outputs: Sequence[str],
        inputs: Sequence[str] = (),
        parameters: Sequence[str] = (),
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.example = example_of(self.chosen_kind, inputs, outputs, parameters, permissions())
        if self.chosen_kind != Kind.SQL:
            self.fields["definition"].help_text = f"JSON. {self.example.help}"
        for position, name in enumerate(outputs):
            self.fields[query_name(position)] = forms.CharField(
                label=f"SQL that gives {name or f'output {position + 1}'}",
                required=False,
                widget=forms.Textarea(attrs={"rows": 8, "class": "mono", "spellcheck": "false"}),
            )

    @property
    def chosen_kind(self) -> str:
        """The kind as it stands in the form, checked or not."""
        return str(self["kind"].value() or Kind.SQL)

    @property
    def shown(self) -> list[forms.BoundField]:
        """The fields of what the kind is defined by."""
        if self.chosen_kind != Kind.SQL:
            return [self["definition"]]
        return [self[name] for name in self.fields if name not in {"name", "kind", "definition"}]

    @property
    def kept(self) -> list[forms.BoundField]:
        """The fields of the other kinds, which go along hidden: a kind may be tried and left again."""
        shown = {field.name for field in self.shown}
        return [self[name] for name in self.fields if name not in {"name", "kind", *shown}]

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        given["kind"] = given.get("kind") or Kind.SQL
        if given["kind"] != Kind.SQL and "definition" in given:
            try:
                given["definition"] = StrictJSONField(required=False).clean(given["definition"])
            except ValidationError as error:
                self.add_error("definition", error)
        return given


def query_name(position: int) -> str:
    """The name of the field that holds the query of an output port."""
    return f"query_{position}"


ROW_FORMS: Mapping[str, type[RowForm]] = {
    "inputs": PortForm,
    "outputs": PortForm,
    "parameters": ParameterForm,
    "implementations": ImplementationForm,
}
FORM_SETS = {name: forms.formset_factory(form, extra=0) for name, form in ROW_FORMS.items()}


class FunctionEditor:
    """The page's form of a Function. Bound when the request is a POST.

    `act()` does what a button other than save asks (add, remove or move a row) and never saves; `save()` does.
    """

    def __init__(self, request: HttpRequest, function: Function) -> None:
        self.request = request
        self.function = function
        self.action = request.POST.get("action", "save") if request.method == "POST" else "show"
        objects = ObjectSchema.objects.select_related("application")
        fixed = not function._state.adding
        self._objects = objects.filter(application=function.application_id) if fixed else objects
        if request.method == "POST":
            self.form = FunctionForm(request.POST, instance=function)
            self.rows = {name: self._bound(name) for name in NAMED}
            self.rows |= {name: self._bound(name) for name in LISTS if name not in NAMED}
        else:
            self.form = FunctionForm(instance=function, initial=self._preset())
            self._show(_function_rows(function))

    def _preset(self) -> dict[str, str]:
        return {"application": self.request.GET["application"]} if "application" in self.request.GET else {}

    def _bound(self, name: str) -> Any:
        return FORM_SETS[name](self.request.POST, prefix=name, form_kwargs=self._form_options(name))

    def _form_options(self, name: str, names: Mapping[str, Sequence[str]] | None = None) -> dict[str, Any]:
        if name in SIDES:
            return {"objects": self._objects}
        if name == "implementations":
            return self._names() if names is None else dict(names)
        return {}

    def _names(self) -> dict[str, list[str]]:
        """The names of ports and parameters as they stand in the form."""
        return {each: [form["name"].value() or "" for form in self.rows[each]] for each in NAMED}

    def _show(self, rows: Mapping[str, list[Row]]) -> None:
        """Take values into the rows, unchecked."""
        names = {each: [row.get("name") or "" for row in rows[each]] for each in NAMED}
        self.rows = {
            name: FORM_SETS[name](initial=rows[name], prefix=name, form_kwargs=self._form_options(name, names))
            for name in LISTS
        }

    @property
    def lists(self) -> list[Any]:
        """The formsets in the order of the page."""
        return [self.rows[name] for name in LISTS]

    @property
    def has_errors(self) -> bool:
        return self.form.is_bound and bool(self.form.errors or any(any(rows.errors) for rows in self.lists))

    # --- the buttons ------------------------------------------------------------------------------------------------

    def act(self) -> None:
        """Add, remove or move a row as the button says ("remove inputs 2"), and show the form again, unchecked."""
        verb, name, place = (*self.action.split(), "", "", "")[:3]
        rows = {each: [form.values() for form in self.rows[each].forms] for each in LISTS}
        if name in LISTS and verb == "add":
            rows[name].append({"required": True} if name in SIDES else {})
        elif name in LISTS and place.isdecimal() and int(place) < len(rows[name]):
            if verb == "example":
                self._write_example(rows, int(place))
            order = _order(verb, int(place), len(rows[name]))
            rows[name] = [rows[name][position] for position in order]
            if name == "outputs":
                rows["implementations"] = [_with_queries(row, order) for row in rows["implementations"]]
        typed = {each: self.form[each].value() for each in ("application", "name", "summary")}
        self.form = FunctionForm(instance=self.function, initial=typed)
        self._show(rows)

    def _write_example(self, rows: Mapping[str, list[Row]], place: int) -> None:
        """Write the example of an implementation's kind into its empty fields."""
        names = {each: [row.get("name") or "" for row in rows[each]] for each in NAMED}
        row = rows["implementations"][place]
        example = example_of(
            row.get("kind") or Kind.SQL, names["inputs"], names["outputs"], names["parameters"], permissions()
        )
        fields = [query_name(position) for position in range(len(names["outputs"]))]
        for field in ["definition"] if (row.get("kind") or Kind.SQL) != Kind.SQL else fields:
            row[field] = row.get(field) or example.definition

    # --- saving -----------------------------------------------------------------------------------------------------

    def save(self, author: Any) -> bool:
        """Save the Function if everything is sound; False with the errors beside the fields if not."""
        checked = [rows.is_valid() for rows in self.lists]  # all of them, so that all errors are told
        if not all(checked):
            return False
        kept = {name: [form for form in self.rows[name] if not form.is_blank()] for name in LISTS}
        data = self.request.POST.copy()
        data["parameters"] = json.dumps([form.definition() for form in kept["parameters"]])
        self.form = FunctionForm(data, instance=self.function)
        if not self.form.is_valid():
            problems = self.form.errors.pop("parameters", None)
            self._place(problems.as_data() if problems else [], "parameters", kept)
            return False
        if self.function._state.adding:
            self.function.created_by = author
        return self._define(kept)

    def _define(self, kept: Mapping[str, list[RowForm]]) -> bool:
        ports = {side: [_port(form) for form in kept[side]] for side in SIDES}
        try:
            self.function.define(ports["inputs"], ports["outputs"], self._implementations(kept["implementations"]))
        except ValidationError as error:
            for name, errors in error.error_dict.items():
                self._place(errors, name, kept)
        except ProtectedError as error:
            users = sorted({str(each.test_case) for each in error.protected_objects if hasattr(each, "test_case")})
            message = f"A port that goes, or gets another object, is bound in test cases: {', '.join(users)}."
            self.form.add_error(None, ValidationError(message, code="referenced"))
        except DatabaseError as error:
            self.form.add_error(None, database_refusal(error))
        else:
            return True
        return False

    def _implementations(self, kept: Sequence[RowForm]) -> list[ImplementationDefinition]:
        outputs = [
            (query_name(position), form.cleaned_data["name"])
            for position, form in enumerate(self.rows["outputs"])
            if not form.is_blank()
        ]
        found = []
        for form in kept:
            given = form.cleaned_data
            queries = {name: given[field] for field, name in outputs if given[field]}
            definition = queries if given["kind"] == Kind.SQL else given["definition"]
            found.append(ImplementationDefinition(given["name"], given["kind"], definition))
        return found

    def _place(self, errors: Sequence[ValidationError], name: str, kept: Mapping[str, list[RowForm]]) -> None:
        """Put each problem on its row and field; what belongs to a whole list stands at the top."""
        for error in errors:
            steps = _steps(error)
            if name not in kept or not steps or not steps[0].isdecimal() or int(steps[0]) >= len(kept[name]):
                self.form.add_error(None, error)
                continue
            form = kept[name][int(steps[0])]
            field = steps[1] if len(steps) > 1 else ""
            if field == "definition" and isinstance(form, ImplementationForm) and form.chosen_kind == Kind.SQL:
                field = self._query_field(steps[2]) if len(steps) > 2 else ""
            form.add_error(field if field in form.fields else None, error)

    def _query_field(self, output: str) -> str:
        names = [form["name"].value() for form in self.rows["outputs"]]
        return query_name(names.index(output)) if output in names else ""


def _function_rows(function: Function) -> dict[str, list[Row]]:
    """A saved Function as rows; a new one has an output port and an implementation to fill in."""
    if function._state.adding:
        return {
            "inputs": [{"required": True}],
            "outputs": [{"required": True}],
            "parameters": [],
            "implementations": [{"name": "sql"}],
        }
    outputs = [port.name for port in function.outputs]
    return {
        "inputs": [_port_row(port) for port in function.inputs],
        "outputs": [_port_row(port) for port in function.outputs],
        "parameters": [{**each, "default": to_text(each.get("default"))} for each in function.parameters],
        "implementations": [_implementation_row(each, outputs) for each in function.implementations.all()],
    }


def _implementation_row(implementation: Any, outputs: Sequence[str]) -> Row:
    row = {"name": implementation.name, "kind": implementation.kind}
    if implementation.kind != Kind.SQL:
        return row | {"definition": json.dumps(implementation.definition, indent=2, ensure_ascii=False)}
    return row | {query_name(i): implementation.definition.get(name, "") for i, name in enumerate(outputs)}


def _port_row(port: Any) -> Row:
    return {"name": port.name, "object": port.object_id, "required": port.required}


def _port(form: RowForm) -> PortDefinition:
    return PortDefinition(form.cleaned_data["name"], form.cleaned_data["object"], form.cleaned_data["required"])


def _order(verb: str, place: int, count: int) -> list[int]:
    """The positions of the rows after a row is removed or moved."""
    order = list(range(count))
    if verb == "remove":
        order.remove(place)
    target = place + {"up": -1, "down": 1}.get(verb, 0)
    if verb in {"up", "down"} and 0 <= target < count:
        order[place], order[target] = order[target], order[place]
    return order


def _with_queries(row: Row, order: Sequence[int]) -> Row:
    """An implementation's row after its output ports were put into another order."""
    moved = {query_name(new): row.get(query_name(old)) for new, old in enumerate(order)}
    return {**{name: row.get(name) for name in ("name", "kind", "definition")}, **moved}


def _steps(error: ValidationError) -> list[str]:
    """The steps of a problem's pointer."""
    place = error.params.get("pointer", "") if isinstance(error.params, Mapping) else ""
    return [step.replace("~1", "/").replace("~0", "~") for step in place.split("/")[1:]]


def error_messages(editor: FunctionEditor) -> Iterator[tuple[str, str]]:
    """What is wrong, for the top of the page: the id of a field or row, and a sentence."""
    nouns = {"inputs": "Input", "outputs": "Output", "parameters": "Parameter", "implementations": "Implementation"}
    for message in editor.form.non_field_errors():
        yield "", str(message)
    for field in editor.form:
        for message in field.errors:
            yield field.id_for_label if not field.is_hidden else "", f"{field.label}: {message}"
    for name, rows in editor.rows.items():
        for position, form in enumerate(rows):
            for messages in form.errors.values():
                yield f"{name}-{position}", f"{nouns[name]} {position + 1}: {messages[0]}"
