"""More reasons of verdicts, expected errors and clocks; a case is judged once in a run with an implementation."""

import django.db.models.deletion
from django.db import migrations, models

from config.triggers import refuse

MISBOUND = (
    "NOT EXISTS (SELECT 1 FROM processes_port AS port JOIN catalog_table AS bound ON bound.object_id = port.object_id "
    "JOIN testcases_testcase AS tested ON tested.function_id = port.function_id "
    "WHERE port.id = NEW.port_id AND bound.id = NEW.table_id AND tested.id = NEW.test_case_id)"
)
MISBOUND_MESSAGE = "A binding needs a port of its function and a table of the object of that port."


def drop_binding_guards(apps, editor):
    """SQLite makes the table of test cases anew, and bears no trigger then that names it."""
    if editor.connection.vendor == "sqlite":
        editor.execute("DROP TRIGGER IF EXISTS binding_insert_guard")
        editor.execute("DROP TRIGGER IF EXISTS binding_update_guard")


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0005_see_sensitive'),
        ('processes', '0001_initial'),
        ('testcases', '0002_guards'),
    ]

    operations = [
        migrations.RunPython(drop_binding_guards, migrations.RunPython.noop),
        migrations.RemoveConstraint(
            model_name='result',
            name='result_reason_known',
        ),
        migrations.AddField(
            model_name='result',
            name='configuration_digest',
            field=models.CharField(blank=True, default='', max_length=64),
        ),
        migrations.AddField(
            model_name='result',
            name='fingerprint',
            field=models.CharField(blank=True, default='', max_length=64),
        ),
        migrations.AddField(
            model_name='run',
            name='configuration',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='runs', to='catalog.configuration'),
        ),
        migrations.AddField(
            model_name='testcase',
            name='clock',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='testcase',
            name='expected_error',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AlterField(
            model_name='result',
            name='reason',
            field=models.CharField(blank=True, choices=[('', 'none'), ('mismatch', 'Mismatch'), ('invalid_output', 'Invalid Output'), ('invalid_input', 'Invalid Input'), ('invalid_expected', 'Invalid Expected'), ('execution_error', 'Execution Error'), ('timeout', 'Timeout'), ('expected_error_not_raised', 'Expected Error Not Raised'), ('unexpected_error', 'Unexpected Error'), ('port_missing', 'Port Missing'), ('cancelled', 'Cancelled'), ('disabled', 'Disabled'), ('no_implementation', 'No Implementation')], default='', max_length=32),
        ),
        migrations.AddIndex(
            model_name='result',
            index=models.Index(fields=['fingerprint', 'verdict'], name='result_same_sight'),
        ),
        migrations.AddConstraint(
            model_name='result',
            constraint=models.CheckConstraint(condition=models.Q(('reason__in', ['', 'mismatch', 'invalid_output', 'invalid_input', 'invalid_expected', 'execution_error', 'timeout', 'expected_error_not_raised', 'unexpected_error', 'port_missing', 'cancelled', 'disabled', 'no_implementation'])), name='result_reason_known'),
        ),
        migrations.AddConstraint(
            model_name='result',
            constraint=models.UniqueConstraint(fields=('run', 'test_case', 'implementation_name'), name='result_unique_in_run'),
        ),
        # SQLite makes the table anew, without its triggers.
        refuse(
            "result_immutable",
            "testcases_result",
            "UPDATE OF run_id, test_case_id, implementation_name, implementation_digest, configuration_digest, "
            "fingerprint, verdict, reason, message",
            "A result never changes.",
        ),
        refuse("binding_insert_guard", "testcases_binding", "INSERT", MISBOUND_MESSAGE, MISBOUND),
        refuse("binding_update_guard", "testcases_binding", "UPDATE", MISBOUND_MESSAGE, MISBOUND),
    ]
