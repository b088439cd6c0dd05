"""Two processes, one on each side of a foreign key: `python -m benchmarks.concurrent_references [ROUNDS]`.

One adds customers and takes them away again, the other adds orders that refer to them; each write may be refused, but
no order may be left that refers to nothing; ends with exit code 1 if one is. With DATABASE_URL on that database, else
on SQLite.
"""

import subprocess
import sys
import time
from collections import Counter

import django

from benchmarks.workplace import ROOT, workplace

ROUNDS = 300
CUSTOMERS = 5  # so few that the two meet


def measure(rounds: int) -> int:
    """Run both, print what each did, and give the exit code."""
    with workplace():
        from django.db import transaction

        from benchmarks.scratch import scratch_table
        from catalog.contents import create_table, delete_table
        from catalog.evolution import publish
        from catalog.models import ObjectSchema, Table
        from catalog.references import check_tables
        from catalog.sources import JSONRows

        with scratch_table([f'{{"id": {number}}}' for number in range(CUSTOMERS)]) as customers:
            orders = ObjectSchema(application=customers.object.application, name=f"{customers.object.name} orders")
            reference = {"object": customers.object.name, "fields": ["id"]}
            orders.definition = {
                "attributes": [{"name": "customer", "type": "integer"}],
                "foreignKeys": [{"fields": ["customer"], "reference": reference}],
            }
            orders.full_clean()
            publish(orders)
            table = Table(object=orders, name="orders")
            create_table(table, JSONRows([]))
            started = time.perf_counter()
            command = [sys.executable, "-m", "benchmarks.concurrent_references"]
            sides = (["refer", table.pk], ["take", customers.pk])
            writers = [subprocess.Popen([*command, *side, str(rounds)], cwd=ROOT) for side in sides]
            codes = [writer.wait() for writer in writers]
            seconds = time.perf_counter() - started
            table.refresh_from_db()
            with transaction.atomic():
                broken = check_tables([table, customers])
            print(f"{table.row_count} orders, {len(broken)} tables with broken references, {seconds:.1f} seconds")
            delete_table(table)
            orders.delete()
            return 0 if codes == [0, 0] and not broken else 1


def refer(table_id: str, rounds: int) -> None:
    """Add orders, one at a time, and drop them again now and then."""
    django.setup()
    from catalog.contents import append_rows, replace_rows
    from catalog.models import Table
    from catalog.sources import JSONRows
    from catalog.writing import NonconformingError

    table, done = Table.objects.get(pk=table_id), Counter[str]()
    for number in range(rounds):
        try:
            append_rows(table, JSONRows([f'{{"customer": {number % CUSTOMERS}}}']))
            done["added"] += 1
        except NonconformingError:
            done["refused"] += 1
        if number % 7 == 0 and number < rounds - 7:
            replace_rows(table, JSONRows([]))
    print(f"orders: {dict(done)}", flush=True)


def take(table_id: str, rounds: int) -> None:
    """Take customers away, one at a time, and put them back."""
    django.setup()
    from catalog.contents import replace_rows
    from catalog.models import Table
    from catalog.references import ReferencedError
    from catalog.sources import JSONRows

    table, done = Table.objects.get(pk=table_id), Counter[str]()
    for number in range(rounds):
        left = [other for other in range(CUSTOMERS) if number % 2 == 0 or other != number % CUSTOMERS]
        try:
            replace_rows(table, JSONRows([f'{{"id": {other}}}' for other in left]))
            done["replaced"] += 1
        except ReferencedError:
            done["refused"] += 1
    print(f"customers: {dict(done)}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["refer"]:
        refer(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:2] == ["take"]:
        take(sys.argv[2], int(sys.argv[3]))
    else:
        sys.exit(measure(int(sys.argv[1]) if sys.argv[1:] else ROUNDS))
