from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0004_profiles_and_rows_set_aside"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="objectschema",
            options={
                "ordering": ["application__name", "name"],
                "permissions": [("see_sensitive", "Can see the values of sensitive attributes")],
                "verbose_name": "object",
            },
        ),
    ]
