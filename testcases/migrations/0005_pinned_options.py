"""A Result keeps the options of the comparison by which it was judged; those that there are had their case's."""

from django.db import migrations, models

from config.triggers import refuse

FILL = (
    "UPDATE testcases_result SET comparison = "
    "(SELECT judged.comparison FROM testcases_testcase AS judged WHERE judged.id = testcases_result.test_case_id)"
)


class Migration(migrations.Migration):
    dependencies = [("testcases", "0004_run_jobs")]

    operations = [
        migrations.AddField(
            model_name="result",
            name="comparison",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        # SQLite makes the table anew, without its triggers.
        refuse(
            "result_immutable",
            "testcases_result",
            "UPDATE OF run_id, test_case_id, implementation_name, implementation_digest, configuration_digest, "
            "fingerprint, comparison, verdict, reason, message",
            "A result never changes.",
        ),
    ]
