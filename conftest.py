"""What every test stands on: a private cache of Parts, and the first applications, also after a flush."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps as installed
from django.apps.registry import Apps
from django.db.models.signals import post_migrate
from django.dispatch import receiver
from pytest_django import Settings
from rest_framework.test import APIClient

from catalog.models import Application

first_applications = import_module("catalog.migrations.0003_first_applications")


@receiver(post_migrate, dispatch_uid="put back the first applications")
def put_back_first_applications(sender: Any, apps: Apps = installed, **signal: Any) -> None:
    """A transactional test ends with a flush, which also empties what a migration wrote; the flush tells of itself."""
    if sender.name == "catalog" and "application" in apps.all_models["catalog"]:
        first_applications.create(apps, None)


@pytest.fixture(scope="session")
def parts_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of Parts of this session, and of this worker alone where tests run in several."""
    return tmp_path_factory.mktemp("parts")


@pytest.fixture(autouse=True)
def parts_cache(settings: Settings, parts_directory: Path) -> Path:
    """Keeps tests away from the cache of the site that runs on the same machine."""
    settings.PARTS_CACHE_DIR = parts_directory
    return parts_directory


@pytest.fixture
def application(db: None) -> Application:
    """The application `test`, which exists from the first migration on."""
    return Application.objects.get(name="test")


@pytest.fixture
def api(settings: Settings, db: None) -> APIClient:
    """A caller on this machine, for whom the API is open."""
    settings.DEBUG, settings.API_ACCESS = True, "open"
    return APIClient()
