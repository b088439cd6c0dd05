"""The catalog's models: applications, the shapes of tables, and the tables with their versions."""

from catalog.models.applications import Application, Configuration
from catalog.models.objects import ObjectSchema, ObjectVersion
from catalog.models.tables import Part, Table, TableVersion, VersionPart

__all__ = [
    "Application",
    "Configuration",
    "ObjectSchema",
    "ObjectVersion",
    "Part",
    "Table",
    "TableVersion",
    "VersionPart",
]
