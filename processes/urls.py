"""The addresses of functions: the API's, below /api/v1/, and the pages'."""

from django.urls import URLPattern, URLResolver, re_path

from config.api.viewsets import Router
from processes import views
from processes.viewsets import FunctionViewSet

# --- the API --------------------------------------------------------------------------------------------------------

router = Router()
router.register("functions", FunctionViewSet, basename="api-function")

api_urlpatterns: list[URLPattern | URLResolver] = [*router.urls]

# --- the pages ------------------------------------------------------------------------------------------------------

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^functions/?$", views.function_list, name="function-list"),
    re_path(r"^functions/new/?$", views.function_create, name="function-create"),
    re_path(r"^functions/(?P<pk>\w+)/?$", views.function_detail, name="function-detail"),
    re_path(r"^functions/(?P<pk>\w+)/edit/?$", views.function_edit, name="function-edit"),
    re_path(r"^functions/(?P<pk>\w+)/delete/?$", views.function_delete, name="function-delete"),
]
