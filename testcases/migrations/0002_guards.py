"""Results never change, and a binding's table is shaped by the object of its port: the database refuses the rest."""

from django.db import migrations

from config.triggers import refuse

MISBOUND = (
    "NOT EXISTS (SELECT 1 FROM processes_port AS port JOIN catalog_table AS bound ON bound.object_id = port.object_id "
    "JOIN testcases_testcase AS tested ON tested.function_id = port.function_id "
    "WHERE port.id = NEW.port_id AND bound.id = NEW.table_id AND tested.id = NEW.test_case_id)"
)
MISBOUND_MESSAGE = "A binding needs a port of its function and a table of the object of that port."


class Migration(migrations.Migration):
    dependencies = [
        ("testcases", "0001_initial"),
        ("processes", "0001_initial"),
        ("catalog", "0003_first_applications"),
    ]
    operations = [
        refuse(
            "result_immutable",
            "testcases_result",
            "UPDATE OF run_id, test_case_id, implementation_name, implementation_digest, verdict, reason, message",
            "A result never changes.",
        ),
        refuse("result_output_immutable", "testcases_resultoutput", "UPDATE", "A result never changes."),
        refuse("actual_part_immutable", "testcases_actualpart", "UPDATE", "A result never changes."),
        refuse("binding_insert_guard", "testcases_binding", "INSERT", MISBOUND_MESSAGE, MISBOUND),
        refuse("binding_update_guard", "testcases_binding", "UPDATE", MISBOUND_MESSAGE, MISBOUND),
    ]
