"""An installation starts with three applications."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from config.models import new_ulid

FIRST_APPLICATIONS = {
    "app": "Your own objects, tables, functions and test cases.",
    "demo": "The jaffle shop example.",
    "test": "Cases of automatic tests.",
}


def create(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    application = apps.get_model("catalog", "Application")
    for name, comments in FIRST_APPLICATIONS.items():
        application.objects.get_or_create(name=name, defaults={"id": new_ulid(), "comments": comments})


class Migration(migrations.Migration):
    dependencies = [("catalog", "0002_immutable")]
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
