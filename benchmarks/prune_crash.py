"""kill -9 of prune_runs at its worst moments: `python -m benchmarks.prune_crash [CASES]`.

Four runs over CASES small cases (5) give the same rows, then others, of which one is accepted as expected, then the
first ones again. A process that prunes all but the newest run is killed while it deletes runs, between the runs and
the bytes of rows, and while it deletes those. After each kill every output and every version must still have its rows;
the last one prunes to its end, and nothing unused is left. Ends with exit code 1 if not. DATABASE_URL names the
database; without it, an empty SQLite one.
"""

import os
import signal
import subprocess
import sys
import time
from typing import Any, Final

from benchmarks.small_cases import QUERY, build
from benchmarks.workplace import ROOT, workplace

CASES: Final = 5
MOMENTS: Final = ("deleting runs", "between runs and parts", "deleting parts", "")


def measure(case_count: int) -> int:
    """Make the runs, kill the pruners one after the other; gives the exit code."""
    with workplace():
        from catalog.history.pruning import unused_parts
        from catalog.models import Application, Part
        from testcases.models import Run

        application = Application.objects.create(name=f"benchmark {time.time()}")
        build(application, case_count)
        make_runs(application)
        for moment in MOMENTS:
            command = [sys.executable, "-m", "benchmarks.prune_crash", "prune", application.name, moment]
            ended = subprocess.run(command, cwd=ROOT, check=False).returncode
            whole = is_whole()
            print(
                f"{moment or 'to the end'}: exit {ended}; {Run.objects.count()} runs, {Part.objects.count()} parts, "
                f"{unused_parts().count()} of them unused; {'whole' if whole else 'ROWS ARE LOST'}",
                flush=True,
            )
            if not whole or ended != (-signal.SIGKILL if moment else 0):
                return 1
        return 0 if (Run.objects.count(), unused_parts().count()) == (1, 0) else 1


def make_runs(application: Any) -> None:
    """The same rows twice, others of which one is accepted, and the first ones again."""
    from testcases.accepting import accept_actual
    from testcases.models import TestCase
    from testcases.runs import run_test_cases

    cases = TestCase.objects.filter(application=application)
    implementation = cases[0].function.implementations.get()
    for query in (QUERY, QUERY, QUERY.replace("sum(o.amount)", "sum(o.amount) + 1"), QUERY):
        implementation.definition = {"totals": query}
        implementation.save()
        run = run_test_cases(application, cases)
        for result in run.results.filter(reason="mismatch", test_case=cases[0])[:1]:
            accept_actual(result, "One more is right.")


def is_whole() -> bool:
    """Whether all rows of all outputs and versions can be read, and are as many as is said."""
    from catalog.models import TableVersion
    from catalog.reading import cache, part_paths
    from testcases.models import ResultOutput

    for path in cache().directory.rglob("*.parquet"):
        path.unlink()
    outputs = [
        (each.row_count, list(each.actual_parts.values_list("part_id", "part__row_count")))
        for each in ResultOutput.objects.all()
    ]
    versions = [
        (each.row_count, list(each.version_parts.values_list("part_id", "part__row_count")))
        for each in TableVersion.objects.all()
    ]
    part_paths([digest for _, parts in (*outputs, *versions) for digest, _ in parts])
    return all(count == sum(rows for _, rows in parts) for count, parts in (*outputs, *versions))


def prune(application: str, moment: str) -> None:
    """prune_runs in this process, which is killed at the moment."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.core.management import call_command

    from catalog.models import Part
    from testcases.management.commands import prune_runs
    from testcases.models import Run

    def killed_behind(work: Any) -> Any:
        def done(*given: Any, **options: Any) -> Any:
            work(*given, **options)
            os.kill(os.getpid(), signal.SIGKILL)

        return done

    if moment == "deleting runs":
        queryset: Any = type(Run.objects.all())
        queryset.delete = killed_behind(queryset.delete)
    elif moment == "between runs and parts":
        prune_runs.prune = killed_behind(lambda *given: None)
    elif moment == "deleting parts":
        parts: Any = type(Part.objects.all())
        parts._raw_delete = killed_behind(parts._raw_delete)
    call_command("prune_runs", application=application, keep=1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["prune"]:
        prune(sys.argv[2], sys.argv[3])
    else:
        sys.exit(measure(int(sys.argv[1]) if sys.argv[1:] else CASES))
