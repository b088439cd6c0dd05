"""Profiles of versions, rows set aside, and the operation upsert."""

import config.models
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from config.triggers import refuse


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0003_first_applications'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='SetAside',
            fields=[
                ('id', config.models.ULIDField(serialize=False)),
                ('version', models.PositiveIntegerField()),
                ('format', models.CharField(max_length=16)),
                ('content', models.BinaryField()),
                ('row_count', models.PositiveBigIntegerField()),
                ('error_count', models.PositiveBigIntegerField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'verbose_name': 'file of rows set aside',
                'verbose_name_plural': 'files of rows set aside',
                'ordering': ['table', '-id'],
            },
        ),
        migrations.CreateModel(
            name='TableProfile',
            fields=[
                ('version', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='profile', serialize=False, to='catalog.tableversion')),
                ('document', config.models.ExactJSONField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.RemoveConstraint(
            model_name='tableversion',
            name='table_version_operation_known',
        ),
        migrations.AlterField(
            model_name='tableversion',
            name='operation',
            field=models.CharField(choices=[('create', 'Create'), ('append', 'Append'), ('upsert', 'Upsert'), ('replace', 'Replace'), ('update', 'Update'), ('delete', 'Delete'), ('conform', 'Conform'), ('revert', 'Revert')], max_length=16),
        ),
        migrations.AddConstraint(
            model_name='tableversion',
            constraint=models.CheckConstraint(condition=models.Q(('operation__in', ['create', 'append', 'upsert', 'replace', 'update', 'delete', 'conform', 'revert'])), name='table_version_operation_known'),
        ),
        migrations.AddField(
            model_name='setaside',
            name='created_by',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='setaside',
            name='table',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='set_aside', to='catalog.table'),
        ),
        # SQLite made the table anew for the constraint.
        refuse(
            "table_version_immutable",
            "catalog_tableversion",
            "UPDATE OF table_id, number, object_version_id, operation, row_count, added, changed, removed",
            "A table version never changes.",
        ),
        refuse("table_profile_immutable", "catalog_tableprofile", "UPDATE", "A profile never changes."),
        refuse("set_aside_immutable", "catalog_setaside", "UPDATE", "A file of rows set aside never changes."),
    ]
