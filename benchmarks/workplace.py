"""A private installation for a benchmark: its own database and cache, or the ones that the environment names."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def workplace() -> Iterator[Path]:
    """Set Django up over an empty SQLite database, or over DATABASE_URL, and give a directory for files."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="exemplar-benchmark-") as directory:
        os.environ.setdefault("SECRET_KEY", "only-for-benchmarks-0123456789-0123456789-0123456789")
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{directory}/benchmark.sqlite3")
        os.environ["DEBUG"] = "false"
        os.environ["PARTS_CACHE_DIR"] = f"{directory}/parts"
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        sys.path.insert(0, str(ROOT))
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        yield Path(directory)
    os.environ.clear()
    os.environ.update(before)
