"""Why a test case didn't pass, as `manage.py run_testcases` says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_exemplar.values import as_json

DIFFERING = ("changed", "missing", "unexpected", "moved")
ERRORS_SHOWN = 10
ROWS_SHOWN = 10
VALUE_CHARACTERS = 60


def explanation(result: Mapping[str, Any], diff: Mapping[str, Any]) -> str:
    """The message of a result, its row errors, and the rows and cells that differ."""
    lines = [f"{_printable(result['test_case_name'])}: {result['verdict']} ({result['reason']})"]
    if result["reason"] != "mismatch":  # the differences say it all
        lines += [f"  {_printable(line)}" for line in result["message"].splitlines()]
    lines += _error_lines(result["errors"])
    for output in diff["outputs"]:
        if output["is_equal"] is False:
            lines.append(f"  {_printable(output['name'])}: {_printable(output['summary'])}")
            lines += [f"    {line}" for line in _diff_lines(output)]
    return "\n".join(lines)


def _error_lines(errors: list[Mapping[str, Any]]) -> Iterator[str]:
    for error in errors[:ERRORS_SHOWN]:
        place = f"row {error['row']}: " if "row" in error else ""
        yield f"    {place}{_printable(error.get('message', ''))}"
    if len(errors) > ERRORS_SHOWN:
        yield f"    ... and {len(errors) - ERRORS_SHOWN:,} more errors"


def _diff_lines(diff: Mapping[str, Any]) -> Iterator[str]:
    shape = diff["shape"]
    for side in ("missing", "unexpected"):
        for name in shape[f"{side}_attributes"]:
            yield f"{side} attribute {_printable(name)}"
    for mismatch in shape["type_mismatches"]:
        yield _printable(f"{mismatch['attribute']} is {mismatch['actual']}; expected {mismatch['expected']}")
    shown = diff["rows"][:ROWS_SHOWN]
    for row in shown:
        yield from _row_lines(row)
    rest = sum(diff["counts"][name] for name in DIFFERING) - len(shown)
    if rest > 0:
        yield f"... and {rest:,} {'row' if rest == 1 else 'rows'} more that differ"
    for note in diff["notes"]:
        yield f"note: {_printable(note)}"


def _row_lines(row: Mapping[str, Any]) -> Iterator[str]:
    known = row.get("row") or row["key"]
    place = ""
    if row["class"] == "moved":
        place = f" from place {row['expected_position']} to {row['actual_position']}"
    yield f"{row['class']}{place}  " + ", ".join(f"{_printable(name)}: {_value(cell)}" for name, cell in known.items())
    for name, cell in row.get("cells", {}).items():
        yield f"    {_printable(name)}: {_value(cell['expected'])} -> {_value(cell['actual'])}"


def _value(value: Any) -> str:
    text = as_json(value)
    return _printable(text if len(text) <= VALUE_CHARACTERS else text[: VALUE_CHARACTERS - 1] + "…")


def _printable(text: str) -> str:
    """Without what could steer a terminal."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)
