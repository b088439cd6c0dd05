"""Runs as they go on: counts, and the verdicts as they fall, for any number of watchers in any process."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from django.db import connection

from jobs.live import Feed, Snapshot
from jobs.watching import WatchConsumer
from testcases.models import Result, Run
from testcases.serializers.runs import RunSerializer

RECENT: Final = 50
RUNS_AT_ONCE: Final = 100  # SQLite unites at most 500 queries
NEWEST = "SELECT * FROM (SELECT id FROM testcases_result WHERE run_id = %s ORDER BY id DESC LIMIT %s) AS newest"


def snapshots(identities: Collection[str]) -> Mapping[str, Snapshot]:
    """What a watcher of each run is shown: the run, and its newest results. Three queries for a hundred runs."""
    listed = list(identities)
    found: dict[str, Snapshot] = {}
    for start in range(0, len(listed), RUNS_AT_ONCE):
        runs = list(Run.objects.with_names().filter(pk__in=listed[start : start + RUNS_AT_ONCE]))
        results = _newest([run.pk for run in runs])
        for run in runs:
            revision = (run.state, *run.counts.values(), run.is_cancelling)
            found[run.pk] = (revision, _state(run, results[run.pk]))
    return found


def _newest(runs: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The newest results of each run, in the order in which they fell."""
    results: dict[str, list[dict[str, Any]]] = {run: [] for run in runs}
    if not runs:
        return results
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([NEWEST] * len(runs)), [each for run in runs for each in (run, RECENT)])
        ids = [row[0] for row in cursor.fetchall()]
    newest = Result.objects.filter(pk__in=ids).select_related("test_case__function").defer("errors", "timings_ms")
    for result in newest.order_by("id"):
        results[result.run_id].append(_brief(result))
    return results


def _brief(result: Result) -> dict[str, Any]:
    """A result without what may hold values of rows, which not everybody may see."""
    return {
        "id": result.pk,
        "test_case": result.test_case_id,
        "test_case_name": result.test_case.name,
        "function_name": result.test_case.function.name,
        "implementation": result.implementation_name,
        "verdict": result.verdict,
        "reason": result.reason,
    }


def _state(run: Run, results: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "snapshot", "final": run.has_ended, **RunSerializer(run).data, "results": results}


feed = Feed(snapshots, "testcases_run_changed")


class RunConsumer(WatchConsumer):
    """The WebSocket of a run: a message `snapshot` with its newest results, then `progress` with those since the last.

    Each has the run as the API shows it. Of more than RECENT results between two messages, the newest are told.
    """

    feed = feed
    _told: frozenset[str] | None = None

    def message(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Only the results that this client has not been told of."""
        told, self._told = self._told, frozenset(result["id"] for result in payload["results"])
        if told is None:
            return payload
        fresh = [result for result in payload["results"] if result["id"] not in told]
        return {**payload, "type": "progress", "results": fresh}
