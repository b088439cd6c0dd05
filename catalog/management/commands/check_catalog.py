"""check_catalog: whether what is stored still is what was written."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalog.history.checking import CatalogCheck, Checked, Drift
from catalog.management.commands.prune_versions import chosen_tables
from config.commands import ExemplifiedCommand
from config.console import ProgressLine, counted, text_table
from config.exact_json import dump_json

DRIFTS_LISTED = 1_000
HEADERS = ("application", "object", "table", "version", "code", "what")


class Command(ExemplifiedCommand):
    help = (
        "Checks every row of every table again, by its object: types, constraints, keys; the digest of all bytes; "
        "and every count. Exit codes: 0 all is as it was written, 1 something drifted (it is listed), 2 wrong usage."
    )
    examples = (
        "--application demo",
        "--all-versions --output json",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--application", help="only tables of this application")
        parser.add_argument("--all-versions", action="store_true", help="also the rows of all earlier versions")
        parser.add_argument("--output", choices=("table", "json"), default="table", help="default: table")

    def handle(self, *args: Any, **options: Any) -> None:
        tables = chosen_tables(options["application"], None, None)
        progress = ProgressLine(self.stderr)
        total = tables.count()
        check = CatalogCheck(
            options["all_versions"], lambda checked: progress.show_bar(checked.tables, total, sentence(checked))
        )
        drifts: list[Drift] = []
        for drift in check.tables(tables):
            drifts += [drift] if len(drifts) < DRIFTS_LISTED else []
        progress.clear()
        if options["application"] is None:
            check.count_unused_parts()
        if options["output"] == "json":
            document = {**asdict(check.checked), "results": [drift.as_dict() for drift in drifts]}
            self.stdout.write(dump_json(document).decode())
        else:
            if drifts:
                self.stdout.write(text_table(HEADERS, [tuple(drift.as_dict().values()) for drift in drifts]))
            self.stdout.write(f"Checked {sentence(check.checked)}.")
            if unused := check.checked.unused_parts:
                verb = "is" if unused == 1 else "are"
                self.stdout.write(f"{counted(unused, 'part')} {verb} used by nothing; prune_versions takes away such.")
        if check.checked.drifts:
            raise CommandError(f"{counted(check.checked.drifts, 'drift')} found.", returncode=1)


def sentence(checked: Checked) -> str:
    """ "7 tables, 7 versions, 12 parts, 1,000 rows" """
    counts = ((checked.tables, "table"), (checked.versions, "version"), (checked.parts, "part"), (checked.rows, "row"))
    return ", ".join(counted(number, noun) for number, noun in counts)
