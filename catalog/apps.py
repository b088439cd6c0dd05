from django.apps import AppConfig
from django.conf import settings

from catalog import engine


class CatalogConfig(AppConfig):
    name = "catalog"

    def ready(self) -> None:
        engine.configure(
            engine.EngineLimits(settings.ENGINE_MEMORY_BYTES, settings.ENGINE_TEMP_BYTES, settings.ENGINE_THREADS)
        )
