"""A Run as JUnit's XML, which every CI reads: `failed` is a failure, `error` an error, one to one."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from testcases.models import Result, Run
from testcases.models.runs import Verdict

MEDIA_TYPE = "application/xml"
_FORBIDDEN = [*(number for number in range(32) if number not in {9, 10, 13}), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)]
_NOT_IN_XML = dict.fromkeys(_FORBIDDEN, "\N{REPLACEMENT CHARACTER}")


def junit_xml(suites: Sequence[tuple[Run, Iterable[Result]]]) -> Iterator[str]:
    """The document in pieces: a suite for each Run, with a test case for each of its Results in the order given.

    Elements and attributes are those of the schema that Jenkins publishes, in which a document has no count of skips.
    """
    totals: Counter[str] = Counter()
    for run, _ in suites:
        totals.update(run.counts)
    seconds = sum(_seconds(run) for run, _ in suites)
    name = _attribute(", ".join(dict.fromkeys(run.application.name for run, _ in suites)))
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f"<testsuites name={name} {_counts(totals, seconds)}>\n"
    for run, results in suites:
        yield from _suite(run, results)
    yield "</testsuites>\n"


def _suite(run: Run, results: Iterable[Result]) -> Iterator[str]:
    started = f' timestamp="{run.started_at:%Y-%m-%dT%H:%M:%S}"' if run.started_at else ""
    head = f"name={_attribute(run.application.name)} id={_attribute(run.pk)}"
    yield f'<testsuite {head} {_counts(run.counts, _seconds(run))} skipped="{run.skipped}"{started}>\n'
    for result in results:
        yield _case(result)
    yield "</testsuite>\n"


def _counts(counts: Mapping[str, int], seconds: float) -> str:
    return (
        f'tests="{sum(counts.values())}" failures="{counts[Verdict.FAILED]}" errors="{counts[Verdict.ERROR]}" '
        f'time="{seconds:.3f}"'
    )


def _seconds(run: Run) -> float:
    return (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else 0


def _case(result: Result) -> str:
    function = result.test_case.function.name
    place = f"{function}.{result.implementation_name}" if result.implementation_name else function
    seconds = sum(result.timings_ms.values()) / 1000
    head = f'<testcase name={_attribute(result.test_case.name)} classname={_attribute(place)} time="{seconds:.3f}"'
    kind = {Verdict.FAILED: "failure", Verdict.ERROR: "error", Verdict.SKIPPED: "skipped"}.get(Verdict(result.verdict))
    if kind is None:
        return f"{head}/>\n"
    message = _attribute(result.message)
    if kind == "skipped":
        return f"{head}><skipped message={message}/></testcase>\n"
    text = escape(result.message.translate(_NOT_IN_XML))
    return f"{head}><{kind} type={_attribute(result.reason)} message={message}>{text}</{kind}></testcase>\n"


def _attribute(text: str) -> str:
    return quoteattr(text.translate(_NOT_IN_XML))
