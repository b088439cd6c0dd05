"""Versions and Parts never change: the database refuses it too."""

from django.db import migrations

from config.triggers import refuse


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]
    operations = [
        refuse(
            "object_version_immutable",
            "catalog_objectversion",
            "UPDATE OF object_id, number, definition",
            "An object version never changes.",
        ),
        refuse(
            "table_version_immutable",
            "catalog_tableversion",
            "UPDATE OF table_id, number, object_version_id, operation, row_count, added, changed, removed",
            "A table version never changes.",
        ),
        refuse("part_immutable", "catalog_part", "UPDATE", "A part never changes."),
        refuse("version_part_immutable", "catalog_versionpart", "UPDATE", "A table version never changes."),
    ]
