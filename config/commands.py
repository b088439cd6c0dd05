"""Commands whose --help ends with examples."""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandParser, DjangoHelpFormatter

EXAMPLES = "Examples:"
WRONG_USAGE = 2  # the exit code


class ExampleFormatter(DjangoHelpFormatter):
    """Wraps every text but the examples, whose lines stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if text.startswith(EXAMPLES) else super()._fill_text(text, width, indent)


class ExemplifiedCommand(BaseCommand):
    """A command with `examples`: what is written behind `manage.py`."""

    examples: Sequence[str] = ()

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> CommandParser:
        """The parser of its arguments."""
        listed = "\n".join(f"  manage.py {subcommand} {each}".rstrip() for each in self.examples)
        options |= {"epilog": f"{EXAMPLES}\n{listed}", "formatter_class": ExampleFormatter}
        return super().create_parser(prog_name, subcommand, **options)
