"""The plugin of pytest in clients/: a real pytest, in a process of its own, against a live server."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from catalog.models import Application
from processes.models import Function
from testcases.models import Result, Run, TestCase
from testcases.packages import load_package, read_package
from testcases.tests.factories import TestCaseFactory

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "clients" / "pytest-exemplar" / "src"
WAIT_SECONDS = 240  # what a busy machine may take for a pytest of a few tests
RIGHT = [{"id": 1, "total": 3.5}, {"id": 2, "total": 4}]
ORDERS = [{"customer": 1, "amount": 2.5}, {"customer": 1, "amount": 1}, {"customer": 2, "amount": 4}]

SHOP = """
from datetime import date
from decimal import Decimal


def customers(stg_customers, orders):
    return [_customer(each, [order for order in orders if order["customer_id"] == each["customer_id"]])
            for each in stg_customers]


def _customer(customer, orders):
    def total(name):
        return sum((order[name] for order in orders), Decimal(0)) if orders else None

    days = [order["ordered_at"] for order in orders]
    assert all(type(day) is date for day in days)
    return {
        "customer_id": customer["customer_id"],
        "customer_name": customer["customer_name"],
        "count_lifetime_orders": len(orders) or None,
        "first_ordered_at": min(days, default=None),
        "last_ordered_at": max(days, default=None),
        "lifetime_spend_pretax": total("subtotal"),
        "lifetime_tax_paid": total("tax_paid"),
        "lifetime_spend": total("order_total"),
        "customer_type": "returning" if len(orders) > 1 else "new",
    }


def orders_since(stg_orders, since):
    return [order for order in stg_orders if order["ordered_at"] >= since]
"""

SUMS = """
def records(orders):
    totals = {}
    for order in orders:
        totals[order["customer"]] = totals.get(order["customer"], 0) + order["amount"]
    return [{"id": customer, "total": total} for customer, total in totals.items()]


def pandas(orders: "pandas.DataFrame"):
    found = orders.groupby("customer", as_index=False).amount.sum()
    return found.rename(columns={"customer": "id", "amount": "total"})


def polars(orders: "polars.DataFrame"):
    import polars
    return orders.group_by(polars.col("customer").alias("id")).agg(polars.col("amount").sum().alias("total"))


def arrow(orders: "pyarrow.Table"):
    found = orders.group_by("customer").aggregate([("amount", "sum")])
    return found.rename_columns({"customer": "id", "amount_sum": "total"})


def raises(orders):
    raise ValueError("no orders")


def no_table(orders):
    return 7
"""

Ask = Callable[..., "Answer"]


@dataclass(frozen=True)
class Answer:
    """How a pytest ended, and all that it wrote."""

    code: int
    text: str


@pytest.fixture
def ask(tmp_path: Path, settings: Any, live_server: Any) -> Ask:
    """Runs pytest with the plugin in a folder with the modules `shop` and `sums`."""
    settings.DEBUG, settings.API_ACCESS = True, "open"
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "sums.py").write_text(SUMS)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nexemplar = {live_server.url}\n")
    # PYTEST_* are words of the pytest that runs this test.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_"))}

    def run(function: str, implementation: str, *more: str) -> Answer:
        options = ["--exemplar-function", function, "--exemplar-implementation", implementation, *more]
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "pytest_exemplar.plugin", "-p", "no:django", "-v", *options],
            cwd=tmp_path,
            env={**kept, "PYTHONPATH": str(SOURCE), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
        )
        return Answer(ended.returncode, ended.stdout + ended.stderr)

    return run


@pytest.fixture
def jaffle_shop(transactional_db: None) -> None:
    load_package(read_package(ROOT / "examples" / "jaffle_shop"), Application.objects.get(name="demo"))


@pytest.fixture
def case(transactional_db: None, sum_orders: Function) -> TestCase:
    return TestCaseFactory.create(
        function=sum_orders, name="two customers", tags=["small"], inputs={"orders": ORDERS}, outputs={"totals": RIGHT}
    )


@pytest.mark.django_db(transaction=True)
def test_the_jaffle_shop_in_python_passes_and_fails_as_its_sql_does(ask: Ask, jaffle_shop: None) -> None:
    answer = ask("demo/customers", "shop:customers")
    assert answer.code == 1, answer.text
    assert "collected 4 items" in answer.text
    assert "exemplar::demo/customers::customers: FAILS ON PURPOSE, wrong totals FAILED" in answer.text
    assert 'changed  customer_id: "grace"' in answer.text
    assert "lifetime_spend: 11.00 -> 11.66" in answer.text
    run = Run.objects.get()
    assert (run.state, run.verdict, run.counts["passed"], run.counts["failed"]) == ("finished", "failed", 3, 1)
    assert f"/runs/{run.pk}/ 3 passed, 1 failed" in answer.text
    assert {each.implementation_name for each in run.results.all()} == {"pytest shop:customers"}
    since = ask("demo/orders_since", "shop:orders_since")
    assert since.code == 0, since.text


@pytest.mark.django_db(transaction=True)
def test_several_workers_report_to_one_run(ask: Ask, jaffle_shop: None) -> None:
    answer = ask("demo/customers", "shop:customers", "-n", "2", "-k", "not FAILS")
    assert answer.code == 0, answer.text
    run = Run.objects.get()
    assert (run.state, run.verdict, run.total, run.results.count()) == ("finished", "passed", 3, 3)


@pytest.mark.django_db(transaction=True)
def test_tables_of_other_libraries_are_given_and_taken(ask: Ask, case: TestCase) -> None:
    for form in ("records", "pandas", "polars", "arrow"):
        if form != "records":
            pytest.importorskip("pyarrow" if form == "arrow" else form)
        answer = ask("test/sum_orders", f"sums:{form}", "--exemplar-tag", "small")
        assert answer.code == 0, answer.text
    assert set(Result.objects.values_list("verdict", flat=True)) == {"passed"}


@pytest.mark.django_db(transaction=True)
def test_errors_are_told_expected_or_skipped_as_the_case_says(ask: Ask, case: TestCase) -> None:
    raised = ask("test/sum_orders", "sums:raises")
    assert raised.code == 1
    assert "two customers: error (execution_error)" in raised.text
    assert "sums.py:" in raised.text
    assert "plugin.py" not in raised.text
    assert "The function gives a int; a table is" in ask("test/sum_orders", "sums:no_table").text
    TestCase.objects.update(expected_error={"kind": "ValueError", "pattern": "no orders"})
    assert ask("test/sum_orders", "sums:raises").code == 0
    TestCase.objects.update(enabled=False)
    skipped = ask("test/sum_orders", "sums:raises", "--exemplar-no-report")
    assert (skipped.code, "1 skipped" in skipped.text) == (0, True)
    assert Run.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_wrong_word_is_a_usage_error_with_what_would_be_right(ask: Ask, case: TestCase) -> None:
    for words, said in (
        (("test/sum_order", "sums:records"), "did you mean 'test/sum_orders'?"),
        (("test/sum_orders", "sum:records"), "The module 'sum' can't be imported"),
        (("test/sum_orders", "sums:record"), "has no 'record'"),
        (("test/sum_orders", "sums:records", "--exemplar-case", "three *"), "no test case named 'three *'"),
        (("test/sum_orders", "sums:records", "--exemplar", "http://127.0.0.1:1"), "does not answer"),
    ):
        answer = ask(*words)
        assert (answer.code, said in answer.text) == (4, True), answer.text
    assert not Run.objects.exists()
