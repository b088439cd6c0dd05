"""Applications, Objects and Tables for tests, made through the verbs that make the real ones."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import factory
from factory.django import DjangoModelFactory

from catalog.contents import create_table
from catalog.evolution import publish
from catalog.models import Application, Configuration, ObjectSchema, Table
from catalog.sources import JSONRows
from catalog.writing import Write

ATTRIBUTES = (
    {"name": "id", "type": "integer"},
    {"name": "name", "type": "string"},
    {"name": "amount", "type": "number", "precision": 12, "scale": 2},
)


def json_rows(rows: Iterable[Mapping[str, Any] | str]) -> JSONRows:
    """Rows as a source: each a dictionary, or the JSON text of one where the text itself matters."""
    return JSONRows([row if isinstance(row, str) else json.dumps(row) for row in rows])


class ApplicationFactory(DjangoModelFactory[Application]):
    class Meta:
        model = Application

    name = factory.Sequence(lambda number: f"application {number}")


class ConfigurationFactory(DjangoModelFactory[Configuration]):
    class Meta:
        model = Configuration

    application = factory.SubFactory(ApplicationFactory)
    name = factory.Sequence(lambda number: f"configuration {number}")


class ObjectSchemaFactory(DjangoModelFactory[ObjectSchema]):
    """A published Object: `attributes`, `primary_key` and `unique_keys`, or a whole `definition`."""

    class Meta:
        model = ObjectSchema

    class Params:
        attributes = ATTRIBUTES
        primary_key = ()
        unique_keys = ()

    application = factory.SubFactory(ApplicationFactory)
    name = factory.Sequence(lambda number: f"object_{number}")
    definition = factory.LazyAttribute(
        lambda made: {
            "attributes": [dict(attribute) for attribute in made.attributes],
            "primaryKey": list(made.primary_key),
            "uniqueKeys": [list(key) for key in made.unique_keys],
        }
    )

    @classmethod
    def _create(cls, model_class: type[ObjectSchema], *args: Any, **fields: Any) -> ObjectSchema:
        definition, author = fields.pop("definition"), fields.pop("author", None)
        shape = model_class(**fields)
        shape.definition = definition
        shape.full_clean()
        publish(shape, author)
        return shape


class TableFactory(DjangoModelFactory[Table]):
    """A Table with `rows`, each a dictionary or a JSON text."""

    class Meta:
        model = Table

    object = factory.SubFactory(ObjectSchemaFactory)
    name = factory.Sequence(lambda number: f"table {number}")
    rows: Iterable[Mapping[str, Any] | str] = ()

    @classmethod
    def _create(cls, model_class: type[Table], *args: Any, **fields: Any) -> Table:
        rows, author = fields.pop("rows"), fields.pop("author", None)
        table = model_class(**fields)
        table.full_clean()
        create_table(table, json_rows(rows), Write(author))
        return table
