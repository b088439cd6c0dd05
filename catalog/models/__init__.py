"""The catalog's models: applications, the shapes of tables, and the tables with their versions."""

from catalog.models.applications import Application, Configuration
from catalog.models.objects import ObjectSchema, ObjectVersion
from catalog.models.staged_uploads import StagedChunk, StagedUpload
from catalog.models.tables import Part, SetAside, Table, TableProfile, TableVersion, VersionPart

__all__ = [
    "Application",
    "Configuration",
    "ObjectSchema",
    "ObjectVersion",
    "Part",
    "SetAside",
    "StagedChunk",
    "StagedUpload",
    "Table",
    "TableProfile",
    "TableVersion",
    "VersionPart",
]
