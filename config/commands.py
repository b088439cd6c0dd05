"""Commands whose --help ends with examples."""

import os
import sys
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter

EXAMPLES = "Examples:"
WRONG_USAGE = 2  # the exit code


class ExampleFormatter(DjangoHelpFormatter):
    """Wraps every text but the examples, whose lines stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if text.startswith(EXAMPLES) else super()._fill_text(text, width, indent)


class ExemplifiedCommand(BaseCommand):
    """A command with `examples`: what is written behind `manage.py`.

    Where its output can't be written it ends with 2 and no stack trace: quietly if the reader has seen enough.
    """

    examples: Sequence[str] = ()

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Do it, and see that all of its output is out."""
        try:
            answer = super().execute(*args, **options)
            self.stdout.flush()
        except BrokenPipeError:
            _let_output_go()
            sys.exit(WRONG_USAGE)
        except OSError as error:
            _let_output_go()
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        return answer

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> CommandParser:
        """The parser of its arguments."""
        listed = "\n".join(f"  manage.py {subcommand} {each}".rstrip() for each in self.examples)
        options |= {"epilog": f"{EXAMPLES}\n{listed}", "formatter_class": ExampleFormatter}
        return super().create_parser(prog_name, subcommand, **options)


def _let_output_go() -> None:
    """Keep the interpreter from writing once more, at its end, what can't be written."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
