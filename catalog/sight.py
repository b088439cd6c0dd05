"""Who sees the values of sensitive attributes: one home for pages and REST. Commands see all.

A value that a caller may not see is null to him, and he is told which attributes are masked. He may not filter or
order by them either, which would tell the values all the same; to write them is free.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from catalog import rules
from catalog.models import ObjectSchema, SetAside, Table, TableVersion
from catalog.queries import RowQuery
from catalog.queries.conditions import all_of
from catalog.row_errors import Report, RowError
from catalog.schema import Schema
from config.access import may

PERMISSION: Final = "catalog.see_sensitive"
HEADER: Final = "X-Masked"


def hidden_in(request: HttpRequest, schema: Schema) -> frozenset[str]:
    """The attributes of a schema whose values this caller may not see. No query where none is sensitive."""
    return frozenset() if not schema.sensitive or may(request, PERMISSION) else schema.sensitive


def hidden_of(request: HttpRequest, *versions: TableVersion) -> frozenset[str]:
    """The same for versions of a Table: what was sensitive then, and what is now."""
    sensitive: frozenset[str] = frozenset()
    for version in versions:
        sensitive |= version.object_version.schema.sensitive
        shape = version.table.object
        if version.object_version.number != shape.version:
            sensitive |= shape.schema.sensitive
    return frozenset() if not sensitive or may(request, PERMISSION) else sensitive


def check_query(query: RowQuery, hidden: Collection[str]) -> None:
    """Raise PermissionDenied if a query asks for rows by values that the caller may not see."""
    if not hidden:
        return
    asked = [condition.attribute.name for condition in all_of(query.conditions)]
    for name in (*asked, *(name for name, _ in query.ordering)):
        if name in hidden:
            message = f"{name!r} is sensitive: only who may see its values may filter or order by it."
            raise PermissionDenied(message)


def check_definition(request: HttpRequest, shape: ObjectSchema) -> None:
    """Raise PermissionDenied if an Object's new definition would tell what the caller may not see.

    It would where an attribute is sensitive no longer, and where rows are held against new rules: what these refuse
    tells the values, one guess after the other.
    """
    new = Schema.from_definition(rules.normalised(shape.definition))
    old = shape.schema if shape.version else Schema(())
    shown = old.sensitive & (frozenset(new.names) - new.sensitive)
    probed = _probed(shape, old, new) - shown
    if (not shown and not probed) or may(request, PERMISSION):
        return
    names = ", ".join(map(repr, sorted(shown or probed)))
    if shown:
        raise PermissionDenied(f"{names}: only who may see sensitive values may say that these no longer are.")
    raise PermissionDenied(f"{names}: only who may see sensitive values may say what these must be, or refer to them.")


def _probed(shape: ObjectSchema, old: Schema, new: Schema) -> frozenset[str]:
    """The sensitive attributes for which a definition has rules that were not there; two queries at most."""
    changed = {name for name in old.sensitive & set(new.names) if new.attribute(name) != old.attribute(name)}
    keys = {name for key in set(new.keys()) - set(old.keys()) for name in key.names}
    references = set(new.foreign_keys) - set(old.foreign_keys)
    fields = {name for key in references for name in key.fields}
    own = {"", shape.name}
    fields |= {name for key in references if key.object in own for name in key.reference_fields}
    asked = {key.object for key in references} - own
    others = {}
    if asked:
        found = ObjectSchema.objects.filter(application=shape.application_id, name__in=asked).with_current()
        others = {each.name: each.schema.sensitive for each in found}
    referred = {
        name for key in references for name in key.reference_fields if name in others.get(key.object, frozenset())
    }
    return frozenset(changed | (keys | fields) & old.sensitive | referred)


def check_editing(request: HttpRequest, table: Table) -> None:
    """Raise PermissionDenied if the caller may not see all that a form of the Table's rows would hold."""
    hidden = hidden_in(request, table.object.schema)
    if hidden:
        names = ", ".join(map(repr, sorted(hidden)))
        raise PermissionDenied(f"The rows hold sensitive values ({names}), which you may not see; add rows by a file.")


def check_set_aside(request: HttpRequest, kept: SetAside) -> None:
    """Raise PermissionDenied if rows that were set aside hold what the caller may not see, and has not sent himself."""
    is_own = kept.created_by_id is not None and kept.created_by_id == request.user.pk
    if not is_own and hidden_in(request, kept.table.object.schema):
        raise PermissionDenied("The file holds values of sensitive attributes, which you may not see.")


def masked_header(hidden: Collection[str]) -> dict[str, str]:
    """The header that names what is masked, each name percent-encoded; nothing if nothing is."""
    return {HEADER: ", ".join(quote(name) for name in sorted(hidden))} if hidden else {}


def without_values(report: Report, hidden: Collection[str]) -> Report:
    """A report that shows none of the values of these attributes."""
    return report.told_otherwise(lambda error: _without_value(error, hidden)) if hidden else report


def _without_value(error: RowError, hidden: Collection[str]) -> RowError:
    names = [error.attribute] if error.attribute else list(error.value) if isinstance(error.value, dict) else []
    if not set(names) & set(hidden):
        return error
    message = f"{', '.join(names)} does not conform ({error.code}); the value is sensitive"
    return replace(error, message=message, value=None)
