"""Files of rows as arguments of commands: any format, a path or the standard input, with what is to be known of it."""

import argparse
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import CommandError, CommandParser

from catalog.formats import FORMATS
from catalog.formats.opening import OPTION_NAMES, Opened, ReadingOptionError, open_rows, read_options
from catalog.management.lookup import WRONG_USAGE
from catalog.sources import MalformedError
from config import temporary

STANDARD_INPUT = "-"


def add_reading_arguments(parser: CommandParser | argparse._ArgumentGroup) -> None:
    """The file, and the options that say how it is read."""
    parser.add_argument("file", help="path of the file; - reads the standard input")
    parser.add_argument("--format", choices=list(FORMATS), help="what the file holds; default: found out")
    parser.add_argument("--encoding", help="of a CSV, such as cp1252; default: found out")
    parser.add_argument("--delimiter", help="of a CSV, such as ';' or tab; default: found out")
    parser.add_argument("--quote", help="of a CSV; default: found out")
    parser.add_argument("--escape", help="what stands before a quote in a quoted cell; default: the quote itself")
    parser.add_argument("--sheet", help="of a workbook; default: the first")
    parser.add_argument("--header", help="names in place of those in the file, one for each column: id,name")


@contextmanager
def opened_rows(options: Mapping[str, Any]) -> Iterator[Opened]:
    """The rows of the file that the arguments name; what is staged goes when this ends.

    CommandError with WRONG_USAGE if it can't be opened.
    """
    with ExitStack() as stack:
        directory = stack.enter_context(temporary.directory("file"))
        try:
            reading = read_options({name: options[name] for name in OPTION_NAMES if options.get(name) is not None})
            stream = stack.enter_context(_opened(options["file"], directory))
            opened = open_rows(stream, directory, name=Path(options["file"]).name, options=reading)
        except (OSError, ReadingOptionError, MalformedError) as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        yield opened


def _opened(file: str, directory: Path) -> BinaryIO:
    """The file's bytes, or those of the standard input, kept so that they can be read again."""
    if file != STANDARD_INPUT:
        return Path(file).open("rb")
    kept = (directory / "standard-input").open("w+b")
    shutil.copyfileobj(sys.stdin.buffer, kept)
    kept.seek(0)
    return kept
