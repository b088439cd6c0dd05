"""The --help of every command."""

import io
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

ROOT = Path(__file__).resolve().parents[2]
OURS = ("catalog", "jobs", "processes", "testcases")
# db_worker is the command of django-tasks-db, with its own words.
COMMANDS = sorted((app, name) for name, app in get_commands().items() if app in OURS and name != "db_worker")


@pytest.mark.parametrize(("app", "name"), COMMANDS)
def test_help_says_the_exit_codes_and_gives_examples(app: str, name: str) -> None:
    shown = io.StringIO()
    with redirect_stdout(shown), pytest.raises(SystemExit):
        load_command_class(app, name).create_parser("manage.py", name).parse_args(["--help"])
    words = " ".join(shown.getvalue().split())
    assert "Exit codes: 0" in words
    assert "2 wrong usage" in words
    assert "\nExamples:\n  manage.py " in shown.getvalue()


@pytest.mark.parametrize(("app", "name"), COMMANDS)
def test_examples_are_taken_as_they_stand(app: str, name: str) -> None:
    command = load_command_class(app, name)
    for example in command.examples:
        words = shlex.split(re.split(" [|<>] ", example)[0])
        command.create_parser("manage.py", name).parse_args(words)


@pytest.mark.parametrize("output", ["/dev/full", "a closed pipe"])
def test_output_that_can_not_be_written_ends_a_command_with_2_and_no_stack_trace(output: str, tmp_path: Path) -> None:
    """The most rows that a diff lists are more than a pipe holds."""
    for name, amount in (("old", 1), ("new", 2)):
        lines = "".join(f"{number},{amount}\n" for number in range(10_000))
        (tmp_path / f"{name}.csv").write_text(f"id,amount\n{lines}")
    command = [sys.executable, "manage.py", "diff", str(tmp_path / "old.csv"), str(tmp_path / "new.csv"), "--key", "id"]
    target = "> /dev/full" if output == "/dev/full" else "| head -c 10 > /dev/null; exit ${PIPESTATUS[0]}"
    line = f"{shlex.join(command)} --output ndjson {target}"
    ended = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr and "Exception ignored" not in ended.stderr
