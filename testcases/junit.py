"""A Run as JUnit's XML, which every CI reads: `failed` is a failure, `error` an error, one to one."""

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape, quoteattr

from testcases.models import Result, Run
from testcases.models.runs import Verdict

MEDIA_TYPE = "application/xml"
_FORBIDDEN = [*(number for number in range(32) if number not in {9, 10, 13}), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)]
_NOT_IN_XML = dict.fromkeys(_FORBIDDEN, "\N{REPLACEMENT CHARACTER}")


def junit_xml(run: Run, results: Iterable[Result]) -> Iterator[str]:
    """The document in pieces: one suite, with a test case for each Result in the order given."""
    counts = run.counts
    seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else 0
    totals = (
        f'tests="{sum(counts.values())}" failures="{counts["failed"]}" errors="{counts["error"]}" '
        f'skipped="{counts["skipped"]}" time="{seconds:.3f}"'
    )
    name = _attribute(run.application.name)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f"<testsuites name={name} {totals}>\n"
    started = f' timestamp="{run.started_at:%Y-%m-%dT%H:%M:%S}"' if run.started_at else ""
    yield f"<testsuite name={name} id={_attribute(run.pk)} {totals}{started}>\n"
    for result in results:
        yield _case(result)
    yield "</testsuite>\n</testsuites>\n"


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
