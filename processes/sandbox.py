"""The Executor of this installation: its limits, its isolation and what implementations may name."""

from django.conf import settings

from processes.execution import Executor, Limits
from processes.models import permissions


def open_executor() -> Executor:
    """An Executor as the settings say. Whoever opens it closes it."""
    limits = Limits(
        wall_seconds=settings.SANDBOX_WALL_SECONDS,
        memory_bytes=settings.SANDBOX_MEMORY_BYTES,
        temp_bytes=settings.SANDBOX_TEMP_BYTES,
        threads=settings.SANDBOX_THREADS,
        output_rows=settings.SANDBOX_OUTPUT_ROWS,
        output_bytes=settings.SANDBOX_OUTPUT_BYTES,
    )
    return Executor(limits, isolation=settings.SANDBOX_ISOLATION, permissions=permissions())
