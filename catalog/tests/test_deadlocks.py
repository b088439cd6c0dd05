"""Transactions that waited for each other: one of them is begun again."""

import threading

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from catalog.deadlocks import ATTEMPTS, begun_again, is_deadlock
from catalog.models import Application, Table
from catalog.tests.factories import ApplicationFactory, TableFactory


def deadlock() -> OperationalError:
    error = OperationalError("deadlock detected")
    error.__cause__ = psycopg.errors.DeadlockDetected("deadlock detected")
    return error


@pytest.mark.django_db(transaction=True)
def test_work_that_ended_a_deadlock_is_begun_again_from_nothing() -> None:
    attempts: list[int] = []

    @transaction.atomic
    def work() -> str:
        ApplicationFactory.create(name="once")
        attempts.append(1)
        if len(attempts) < 3:
            raise deadlock()
        return "done"

    assert begun_again(work) == "done"
    assert (len(attempts), Application.objects.filter(name="once").count()) == (3, 1)


@pytest.mark.django_db(transaction=True)
def test_work_that_is_always_broken_off_ends_with_the_error() -> None:
    attempts: list[int] = []

    def work() -> None:
        attempts.append(1)
        raise deadlock()

    with pytest.raises(OperationalError):
        begun_again(work)
    assert len(attempts) == ATTEMPTS


@pytest.mark.django_db
def test_work_within_a_transaction_and_other_errors_are_not_begun_again() -> None:
    attempts: list[int] = []

    def work() -> None:
        attempts.append(1)
        raise deadlock()

    with pytest.raises(OperationalError), transaction.atomic():
        begun_again(work)
    assert len(attempts) == 1
    assert not is_deadlock(OperationalError("the server closed the connection"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time, who waits for nobody")
def test_two_who_lock_in_opposite_orders_both_come_through() -> None:
    tables = [TableFactory.create().pk, TableFactory.create().pk]
    both = threading.Barrier(2, timeout=20)
    attempts: list[str] = []

    def write(order: list[str]) -> None:
        has_met: list[int] = []

        @transaction.atomic
        def work() -> None:
            attempts.append(order[0])
            Table.objects.select_for_update().get(pk=order[0])
            if not has_met:
                has_met.append(1)
                both.wait()
            Table.objects.select_for_update().get(pk=order[1])
            Table.objects.filter(pk__in=order).update(description="written")

        try:
            begun_again(work)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(order,)) for order in (tables, tables[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(attempts) == 3
    assert Table.objects.filter(description="written").count() == 2
