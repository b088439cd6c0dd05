from importlib import import_module

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class JobsConfig(AppConfig):
    name = "jobs"

    def ready(self) -> None:
        """Learn the kinds of work of every app: its module `job_kinds`, as admin learns from `admin`."""
        import_module("jobs.health")
        autodiscover_modules("job_kinds")
