"""What commands print: tables, a line of progress, refusals in sentences. A leaf: it knows no app."""

import time
from collections.abc import Iterable, Sequence

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.management.base import OutputWrapper

CELL_CHARACTERS = 100
REFRESH_SECONDS = 0.1
BAR_CHARACTERS = 24


def printable(value: object) -> str:
    """A value on one line, without characters that would move the cursor."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value))


def text_table(headers: Sequence[str], rows: Iterable[Sequence[object]], indent: str = "") -> str:
    """Rows in aligned columns; cells are cut at CELL_CHARACTERS, but for the last column."""
    lines = [list(headers)]
    for row in rows:
        cells = [printable("" if cell is None else cell) for cell in row]
        lines.append([*(_cut(cell) for cell in cells[:-1]), cells[-1]])
    widths = [max(len(line[place]) for line in lines) for place in range(len(headers))]
    lines.insert(1, ["-" * width for width in widths[:-1]] + ["-" * min(widths[-1], CELL_CHARACTERS)])
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(indent + line.rstrip() for line in padded)


def _cut(cell: str) -> str:
    return cell if len(cell) <= CELL_CHARACTERS else cell[: CELL_CHARACTERS - 1] + "…"


def counted(number: int, noun: str) -> str:
    """ "1 row", "1,000 rows"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def sentences(error: ValidationError) -> list[str]:
    """What a model refused, one sentence each, with the field and the place in it."""
    if not hasattr(error, "error_dict"):
        return list(error.messages)
    found = []
    for field, errors in error.error_dict.items():
        for each in errors:
            place = "" if field == NON_FIELD_ERRORS else field + str((each.params or {}).get("pointer", ""))
            found += [f"{place}: {message}" if place else message for message in each.messages]
    return found


class ProgressLine:
    """A line that is written over and over; on what is no terminal, nothing is written."""

    def __init__(self, stream: OutputWrapper) -> None:
        self._stream = stream
        self._is_shown = stream.isatty()
        self._written_at = 0.0

    def show(self, text: str) -> None:
        """Put this text in place of the last one; too many in a second are skipped."""
        if self._is_shown and time.monotonic() - self._written_at >= REFRESH_SECONDS:
            self._write(text)
            self._written_at = time.monotonic()

    def show_bar(self, done: int, total: int, text: str) -> None:
        """A bar that is full when all is done, and a text behind it."""
        full = BAR_CHARACTERS * done // max(total, 1)
        self.show(f"[{'#' * full}{'.' * (BAR_CHARACTERS - full)}] {done:,}/{total:,} {text}")

    def clear(self) -> None:
        """Take the line away."""
        if self._is_shown:
            self._write("")

    def _write(self, text: str) -> None:
        self._stream.write(f"\r\033[K{printable(text)[:CELL_CHARACTERS]}", style_func=str, ending="")
        self._stream.flush()
