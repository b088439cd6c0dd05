"""The addresses of functions: the API's, below /api/v1/, and the pages'."""

from django.urls import URLPattern, URLResolver

from config.api.viewsets import Router
from processes.viewsets import FunctionViewSet

# --- the API --------------------------------------------------------------------------------------------------------

router = Router()
router.register("functions", FunctionViewSet, basename="api-function")

api_urlpatterns: list[URLPattern | URLResolver] = [*router.urls]

# --- the pages ------------------------------------------------------------------------------------------------------

urlpatterns: list[URLPattern | URLResolver] = []
