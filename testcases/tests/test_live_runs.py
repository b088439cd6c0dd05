"""Watching a run: its counts and its verdicts as they fall, who may, and what many watchers cost."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from jobs.execution import run_now
from jobs.live import Feed
from jobs.tests.test_live import HOST, PATIENCE_SECONDS, Watch, first
from processes.models import Function
from testcases.deferring import defer_run
from testcases.models import Run
from testcases.tests.factories import TestCaseFactory
from testcases.viewsets.watching import feed, snapshots

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(settings: Any, sum_orders: Function) -> Run:
    settings.DEBUG, settings.API_ACCESS = True, "open"
    cases = [
        TestCaseFactory.create(
            function=sum_orders, name=f"case {number}", inputs={"orders": []}, outputs={"totals": []}
        )
        for number in range(2)
    ]
    return defer_run(sum_orders.application, cases)


def test_a_watcher_sees_the_run_wait_then_its_verdicts_then_the_end(run):
    async def watch() -> None:
        async with Watch(f"/ws/runs/{run.pk}") as socket:
            state = await socket.next()
            shown = {name: state[name] for name in ("type", "state", "done", "total", "results", "final")}
            assert shown == {
                "type": "snapshot",
                "state": "queued",
                "done": 0,
                "total": 2,
                "results": [],
                "final": False,
            }
            await sync_to_async(run_now)(run.job)
            told = []
            while not state["final"]:
                state = await socket.next()
                assert state["type"] == "progress"
                told += [(result["test_case_name"], result["verdict"]) for result in state["results"]]
            assert told == [("case 0", "passed"), ("case 1", "passed")]
            assert (state["state"], state["verdict"], state["counts"]["passed"]) == ("finished", "passed", 2)
            assert await socket.next() == 1000

    asyncio.run(watch())


def test_a_run_that_has_ended_is_shown_whole(run):
    run_now(run.job)
    state = first(f"/ws/runs/{run.pk.lower()}/")
    assert (state["type"], len(state["results"]), state["final"]) == ("snapshot", 2, True)


def test_who_may_not_read_may_not_watch(run):
    assert first(f"/ws/runs/{run.pk}", HOST, (b"origin", b"https://elsewhere.example")) == 4403
    assert first(f"/ws/runs/{'0' * 26}") == 4404


def test_two_hundred_watchers_of_a_run_cost_no_more_looks_than_one(run):
    looks: list[int] = []

    def load(identities: Any) -> Any:
        statements: list[str] = []
        with connection.execute_wrapper(lambda execute, sql, *given: (statements.append(sql), execute(sql, *given))[1]):
            found = snapshots(identities)
        looks.append(len([sql for sql in statements if "testcases_" in sql]))
        return found

    shared = Feed(load, feed.channel)

    async def watch() -> None:
        seen: list[int] = []

        async def one() -> None:
            async with aclosing(shared.follow(run.pk)) as states:
                async for state in states:
                    seen.append(0)
                    if state is None or state["final"]:
                        return

        watchers = [asyncio.create_task(one()) for _ in range(200)]
        while len(seen) < 200:
            await asyncio.sleep(0.01)
        await sync_to_async(run_now)(run.job)
        await asyncio.gather(*watchers)

    asyncio.run(asyncio.wait_for(watch(), PATIENCE_SECONDS))
    assert max(looks) <= 3


def test_looking_at_many_runs_costs_the_same_statements_as_at_one(run, django_assert_max_num_queries):
    case = TestCaseFactory.create(function=run.application.functions.get(), name="more")
    runs = [run, *(defer_run(run.application, [case]) for _ in range(4))]
    with django_assert_max_num_queries(3):
        assert len(snapshots([each.pk for each in runs])) == 5
