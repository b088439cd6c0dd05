"""The addresses of the catalog: the API's, below /api/v1/, and the pages'."""

from django.urls import URLPattern, URLResolver

from catalog.viewsets.applications import ApplicationViewSet, ConfigurationViewSet
from config.api.viewsets import Router

# --- the API --------------------------------------------------------------------------------------------------------

router = Router()
router.register("applications", ApplicationViewSet, basename="api-application")
router.register("configurations", ConfigurationViewSet, basename="api-configuration")

api_urlpatterns: list[URLPattern | URLResolver] = [*router.urls]

# --- the pages ------------------------------------------------------------------------------------------------------

urlpatterns: list[URLPattern | URLResolver] = []
