"""Where a command's rows go: a file, written aside and then renamed, or the standard output."""

import sys
from collections.abc import Iterator
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from catalog.formats import FORMATS, Format, FormatLimitError, format_of
from catalog.management.lookup import WRONG_USAGE
from catalog.models import Table, TableVersion
from config.console import ProgressLine

STANDARD_OUTPUT = "-"


def chosen_format(name: str | None, file_name: str) -> Format:
    """The format that an option says, or that a file's name ends with. CommandError if neither does."""
    found = FORMATS[name] if name else format_of(file_name)
    if found is None:
        message = f"{file_name!r} does not say its format; give --format {' or '.join(FORMATS)}."
        raise CommandError(message, returncode=WRONG_USAGE)
    return found


def chosen_version(table: Table, number: int | None) -> TableVersion:
    """The newest version, or that of a number. CommandError if the Table has none of it."""
    if number is None:
        return table.current
    found = table.versions.select_related("object_version").filter(number=number).first()
    if found is None:
        message = f"The table {table.name!r} has no version {number}; it has 1 to {table.version}."
        raise CommandError(message, returncode=WRONG_USAGE)
    return found


def write_blocks(command: BaseCommand, blocks: Iterator[bytes], file_name: str) -> None:
    """Write blocks to a file, or to the standard output where it is `-`. CommandError for what can't be written."""
    try:
        if file_name == STANDARD_OUTPUT:
            _to_output(command, blocks)
        else:
            _to_file(command, blocks, Path(file_name))
    except (OSError, FormatLimitError) as error:
        raise CommandError(str(error), returncode=WRONG_USAGE) from error


def _to_output(command: BaseCommand, blocks: Iterator[bytes]) -> None:
    """Bytes as they are where the output is the terminal's; text where somebody catches it."""
    raw = getattr(sys.stdout, "buffer", None) if command.stdout._out is sys.stdout else None
    for block in blocks:
        if raw is None:
            command.stdout.write(block.decode("utf-8", "surrogateescape"), ending="")
        else:
            raw.write(block)


def _to_file(command: BaseCommand, blocks: Iterator[bytes], path: Path) -> None:
    progress = ProgressLine(command.stderr)
    aside = path.with_name(f".{path.name}.part")
    try:
        with aside.open("wb") as file:
            for block in blocks:
                file.write(block)
                progress.show(f"{file.tell() // 1024**2:,} MB written")
        aside.replace(path)
    finally:
        progress.clear()
        aside.unlink(missing_ok=True)
