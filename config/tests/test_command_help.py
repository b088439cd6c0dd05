"""The --help of every command."""

import io
import re
import shlex
from contextlib import redirect_stdout

import pytest
from django.core.management import get_commands, load_command_class

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
