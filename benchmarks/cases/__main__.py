"""Loads sets of cases into the application `test`, runs them, and says what came out.

Uses the database of the settings. Loading again changes nothing; what was loaded stays, to be looked at.
"""

import argparse
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import django

from benchmarks.cases import exercism_cases, nist, sqllogic
from benchmarks.cases.described import CaseSet, write_package
from config import temporary

SETS = {
    "sqllogic": sqllogic.read,
    "scalar": sqllogic.read_scalar,
    "nist": nist.read,
    "exercism": exercism_cases.read,
}
MESSAGE_CHARACTERS = 160


def main() -> int:
    """0 when every set could be run, whatever the verdicts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cases", description=__doc__)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all, unless some are named")
    parser.add_argument("--data", type=Path, required=True, help="the folder of cases written by others")
    parser.add_argument("--limit", type=int, help="only the first so many cases of a set")
    parser.add_argument("--brief", action="store_true", help="numbers only, without each case that did not pass")
    options = parser.parse_args()
    unknown = set(options.sets) - SETS.keys()
    if unknown:
        parser.error(f"there is no set {', '.join(sorted(unknown))}; the sets are {', '.join(SETS)}")
    if not options.data.is_dir():
        parser.error(f"there is no folder {options.data}")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("PYTHON_ENTRIES", f"{exercism_cases.ENTRIES}:*")
    os.environ.setdefault("PYTHON_PATH", str(Path(__file__).parent))
    django.setup()
    for name in options.sets or SETS:
        run_set(SETS[name](options.data), options.limit, options.brief)
    return 0


def run_set(cases: CaseSet, limit: int | None, is_brief: bool) -> None:
    """Load a set and run it, with progress on a terminal; print its numbers, and each case that differs."""
    from django.core.management.base import OutputWrapper

    from catalog.models import Application
    from config.console import ProgressLine
    from testcases.models import Result, TestCase
    from testcases.packages import load_package, read_package
    from testcases.runs import run_test_cases

    chosen = cases if limit is None else first(cases, limit)
    progress = ProgressLine(OutputWrapper(sys.stderr))
    application = Application.objects.get(name="test")
    progress.show(f"{cases.name}: loading {len(chosen.cases):,} cases")
    with temporary.directory("cases") as folder:
        write_package(chosen, folder)
        load_package(read_package(folder), application)
    found = {case.name: case for case in TestCase.objects.filter(application=application)}
    selected = [found[case.name] for case in chosen.cases]

    def notice(done: int, total: int, result: Result) -> None:
        progress.show_bar(done, total, f"{cases.name} {result.test_case.name}")

    started = time.monotonic()
    try:
        run = run_test_cases(application, selected, progress=notice)
    finally:
        progress.clear()
    seconds = time.monotonic() - started
    print(
        f"{cases.name}: {run.passed:,} of {run.total:,} passed in {seconds:.1f} s ({run.total / seconds:,.0f} a second)"
    )
    show_left_out(chosen)
    show_others(run, is_brief)


def first(cases: CaseSet, limit: int) -> CaseSet:
    """The set's first cases and their functions."""
    kept = cases.cases[:limit]
    names = {case.function for case in kept}
    return CaseSet(cases.name, [each for each in cases.functions if each.name in names], kept, cases.left_out)


def show_left_out(cases: CaseSet) -> None:
    """How many were not run, by reason."""
    for reason, count in Counter(cases.left_out.values()).most_common():
        print(f"  not run: {count:,}: {reason[:MESSAGE_CHARACTERS]}")


def show_others(run: Any, is_brief: bool) -> None:
    """The cases that did not pass: counts by verdict and reason, then each with its message."""
    others = run.results.exclude(verdict="passed").select_related("test_case").order_by("id")
    for (verdict, reason), count in Counter(others.values_list("verdict", "reason")).most_common():
        print(f"  {verdict} ({reason}): {count:,}")
    if not is_brief:
        for result in others:
            print(f"    {result.test_case.name}: {' '.join(result.message.split())[:MESSAGE_CHARACTERS]}")


if __name__ == "__main__":
    sys.exit(main())
