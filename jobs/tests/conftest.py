"""Kinds of work that exist in these tests alone."""

from typing import Any

import pytest

from jobs import registry
from jobs.registry import job_kind


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Registers work for one test: `kind(function)`, of the name `test`."""
    registry._load()  # the kinds of all apps, which are learnt once: not into what this test takes away again
    monkeypatch.setattr(registry, "_kinds", dict(registry._kinds))

    def register(execute: Any, name: str = "test", **options: Any) -> Any:
        return job_kind(name, **options)(execute)

    return register
