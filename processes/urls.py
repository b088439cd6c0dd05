"""The addresses of Function: the API's, below /api/v1/, and the pages'."""

from django.urls import URLPattern, URLResolver

# --- the API --------------------------------------------------------------------------------------------------------

api_urlpatterns: list[URLPattern | URLResolver] = []

# --- the pages ------------------------------------------------------------------------------------------------------

urlpatterns: list[URLPattern | URLResolver] = []
