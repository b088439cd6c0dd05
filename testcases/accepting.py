"""Accepting what a function gave as what is expected: a new version of the expected Table, with who and why."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from catalog.contents import replace_rows
from catalog.models import Part, Table, TableVersion
from catalog.reading import part_paths
from catalog.sources import TypedColumns
from catalog.writing import StaleVersionError, Write
from config.problems import nearest
from processes.models import Direction
from testcases.models import Binding, Result, ResultOutput
from testcases.models.runs import Reason, Verdict


class NotAcceptableError(Exception):
    """What was given can't become what is expected. `code`: not_a_mismatch, moved_on, or shared with `others`."""

    def __init__(self, code: str, message: str, hint: str = "", others: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code, self.hint, self.others = code, hint, others


def accept_actual(
    result: Result,
    message: str,
    author: Any = None,
    outputs: Sequence[str] = (),
    expected_version: int | None = None,
    is_confirmed: bool = False,
) -> list[TableVersion]:
    """Make the actual rows of these outputs, by default of all that differ, the newest versions of the expected Tables.

    message: why; it may not be blank. expected_version: what the Table must be at. is_confirmed: although other test
    cases have the Table too. All or nothing. Raises ValidationError, NotAcceptableError and StaleVersionError.
    """
    if not message.strip():
        raise ValidationError({"message": ValidationError("Say why this is right.", code="blank")})
    if result.verdict != Verdict.FAILED or result.reason != Reason.MISMATCH:
        words = f"{result.verdict} ({result.reason})" if result.reason else result.verdict
        hint = "Only rows that conform to their object, and differ from what is expected, can be accepted."
        raise NotAcceptableError("not_a_mismatch", f"The result is {words}: there is nothing to accept.", hint)
    differing = {each.port_name: each for each in result.outputs.all() if each.diff and not each.diff["is_equal"]}
    for name in outputs:
        if name not in differing:
            text = f"The output {name!r} does not differ from what is expected; {nearest(name, list(differing))}"
            raise ValidationError({"outputs": ValidationError(text.replace("%", "%%"), code="does_not_exist")})
    reason = message.strip()
    with transaction.atomic():
        return [
            _accept(result, differing[name], Write(author, reason), expected_version, is_confirmed)
            for name in outputs or differing
        ]


def _accept(
    result: Result, output: ResultOutput, write: Write, expected_version: int | None, is_confirmed: bool
) -> TableVersion:
    pin = result.pins.select_related("table_version__table__object").get(
        direction=Direction.OUTPUT, port_name=output.port_name
    )
    seen = pin.table_version
    table = Table.objects.select_for_update().select_related("object").get(pk=seen.table_id)
    if expected_version is not None and table.version != expected_version:
        raise StaleVersionError(table, expected_version)
    binding = Binding.objects.filter(
        test_case=result.test_case_id, port__direction=Direction.OUTPUT, port__name=output.port_name
    ).first()
    if binding is None or binding.table_id != table.pk or table.version != seen.number:
        message = (
            f"The result was judged against version {seen.number} of {table.name!r}; since then something else is "
            f"expected on {output.port_name!r}."
        )
        raise NotAcceptableError("moved_on", message, "Run the test case again, and look at the new result.")
    others = sorted(
        set(table.bindings.exclude(test_case=result.test_case_id).values_list("test_case__name", flat=True))
    )
    if others and not is_confirmed:
        message = f"The table {table.name!r} also stands in {len(others)} other test case{'s' * (len(others) > 1)}."
        raise NotAcceptableError("shared", message, "Confirm that they shall have the new rows too.", others[:20])
    return replace_rows(table, _source(output, seen), Write(write.author, write.message, seen.number))


def _source(output: ResultOutput, version: TableVersion) -> TypedColumns:
    digests = list(output.actual_parts.order_by("position").values_list("part_id", flat=True))
    counts = dict(Part.objects.filter(digest__in=digests).values_list("digest", "row_count"))
    files = zip(part_paths(digests), (counts[digest] for digest in digests), strict=True)
    return TypedColumns(list(files), version.object_version.schema.columns)
