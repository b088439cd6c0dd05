"""How many small test cases a second: `python -m benchmarks.small_cases [CASES]`.

Each case joins two tables of five rows, and compares the two rows that come out with the expected ones. The time is
that of a whole Run, results stored; the first Run warms the child process and the cache, the second one counts.
"""

import os
import sys
import time
from pathlib import Path

from benchmarks.workplace import workplace

QUERY = """SELECT c.name, sum(o.amount) AS total
FROM customers AS c JOIN orders AS o ON o.customer_id = c.id GROUP BY c.name"""
CUSTOMERS = [{"id": number, "name": f"customer {number % 2}"} for number in range(5)]
ORDERS = [{"id": number, "customer_id": number, "amount": number + 0.5} for number in range(5)]
TOTALS = [{"name": "customer 0", "total": 7.5}, {"name": "customer 1", "total": 5}]
SHAPES = {
    "customers": {"id": "integer", "name": "string"},
    "orders": {"id": "integer", "customer_id": "integer", "amount": "number"},
    "totals": {"name": "string", "total": "number"},
}


def measure(case_count: int) -> None:
    """Build the cases, run them twice, print cases a second."""
    from catalog.models import Application
    from testcases.models import TestCase
    from testcases.runs import run_test_cases

    application = Application.objects.create(name=f"benchmark {time.time()}")
    build(application, case_count)
    for label in ("cold", "warm"):
        started, used = time.perf_counter(), time.process_time()
        run = run_test_cases(application, TestCase.objects.filter(application=application))
        seconds, own_cpu = time.perf_counter() - started, time.process_time() - used
        print(
            f"{label}: {case_count} cases in {seconds:.2f} s = {case_count / seconds:.0f} a second "
            f"({run.verdict}; cpu of the parent {own_cpu / case_count * 1000:.2f} ms a case)"
        )


def build(application, case_count: int, table_sets: int | None = None) -> None:  # type: ignore[no-untyped-def]  # models load after the set-up
    """The Objects, the Function, three Tables a case (or so many sets of three, in turn), and the cases."""
    from catalog.contents import create_table
    from catalog.evolution import publish
    from catalog.models import ObjectSchema, Table
    from catalog.sources import JSONRows
    from config.exact_json import dump_json
    from processes.models import Function, ImplementationDefinition, PortDefinition
    from testcases.models import TestCase
    from testcases.models.cases import BindingDefinition

    shapes = {}
    for name, columns in SHAPES.items():
        shape = ObjectSchema(application=application, name=name)
        shape.definition = {"attributes": [{"name": each, "type": kind} for each, kind in columns.items()]}
        shape.full_clean()
        publish(shape)
        shapes[name] = shape
    function = Function(application=application, name="totals")
    function.full_clean()
    function.define(
        [PortDefinition("customers", shapes["customers"]), PortDefinition("orders", shapes["orders"])],
        [PortDefinition("totals", shapes["totals"])],
        [ImplementationDefinition("sql", "sql", {"totals": QUERY})],
    )
    sets = []
    for number in range(table_sets or case_count):
        tables = {}
        for name, rows in (("customers", CUSTOMERS), ("orders", ORDERS), ("totals", TOTALS)):
            tables[name] = Table(object=shapes[name], name=f"case {number}")
            create_table(tables[name], JSONRows([dump_json(row).decode() for row in rows]))
        sets.append(tables)
    for number in range(case_count):
        tables = sets[number % len(sets)]
        case = TestCase(function=function, name=f"case {number}")
        case.define(
            [BindingDefinition(name, tables[name]) for name in ("customers", "orders")],
            [BindingDefinition("totals", tables["totals"])],
        )


def main() -> None:
    case_count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with workplace():
        print(f"{Path(sys.executable).name} {sys.version.split()[0]}, cores in use: {len(os.sched_getaffinity(0))}")
        measure(case_count)


if __name__ == "__main__":
    main()
