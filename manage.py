#!/usr/bin/env python
"""Exemplar's command line: `python manage.py help` lists the commands."""

import gc
import os
import sys

import duckdb
from django.core.management import execute_from_command_line


def main() -> None:
    gc.set_threshold(50_000, 20, 100)  # what is loaded at the start stays; to look through it ten times takes as long
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except duckdb.OutOfMemoryException:
        print("Error: this takes more memory than the server gives to one piece of work.", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
