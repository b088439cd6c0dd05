"""The addresses of test cases, runs and results: the API's, below /api/v1/, and the pages'."""

from django.urls import URLPattern, URLResolver, re_path

from config.api.viewsets import ULID_PATTERN, Router
from testcases.viewsets.cases import TestCaseViewSet
from testcases.viewsets.runs import FunctionRunViewSet, ResultViewSet, RunResultViewSet, RunViewSet

# --- the API --------------------------------------------------------------------------------------------------------

router = Router()
router.register("test-cases", TestCaseViewSet, basename="api-test-case")
router.register("runs", RunViewSet, basename="api-run")
router.register("results", ResultViewSet, basename="api-result")

api_urlpatterns: list[URLPattern | URLResolver] = [
    re_path(
        rf"^functions/(?P<pk>{ULID_PATTERN})/run/?$",
        FunctionRunViewSet.as_view({"post": "create"}),
        name="api-function-run",
    ),
    re_path(
        rf"^runs/(?P<run_id>{ULID_PATTERN})/results/?$",
        RunResultViewSet.as_view({"get": "list"}),
        name="api-run-results",
    ),
    *router.urls,
]

# --- the pages ------------------------------------------------------------------------------------------------------

urlpatterns: list[URLPattern | URLResolver] = []
