"""The addresses of test cases, runs and results: the API's, below /api/v1/, and the pages'."""

from django.urls import URLPattern, URLResolver, path, re_path

from config.api.viewsets import ULID_PATTERN, Router
from testcases.views import cases, results, running, runs, trying
from testcases.views.home import home
from testcases.viewsets.calls import FunctionCallViewSet
from testcases.viewsets.cases import TestCaseViewSet
from testcases.viewsets.diffs import ResultDiffViewSet
from testcases.viewsets.outputs import ResultOutputViewSet
from testcases.viewsets.reported import ReportedResultViewSet, ReportedRunViewSet
from testcases.viewsets.runs import FunctionRunViewSet, ResultViewSet, RunViewSet
from testcases.viewsets.watching import RunConsumer

# --- the API --------------------------------------------------------------------------------------------------------

RESULT = rf"^results/(?P<pk>{ULID_PATTERN})"
OUTPUT = RESULT + r"/outputs/(?P<name>[^/]+)"
DIFF_FILE = r"/diff\.(?P<suffix>ndjson|csv|parquet)$"

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
        ReportedResultViewSet.as_view({"get": "list", "post": "create"}),
        name="api-run-results",
    ),
    re_path(r"^runs/reported/?$", ReportedRunViewSet.as_view({"post": "create"}), name="api-run-reported"),
    re_path(
        rf"^runs/(?P<pk>{ULID_PATTERN})/finish/?$",
        ReportedRunViewSet.as_view({"post": "finish"}),
        name="api-run-finish",
    ),
    re_path(
        rf"^functions/(?P<pk>{ULID_PATTERN})/call/?$",
        FunctionCallViewSet.as_view({"post": "create"}),
        name="api-function-call",
    ),
    re_path(rf"^runs/(?P<pk>{ULID_PATTERN})\.junit\.xml$", RunViewSet.as_view({"get": "junit"}), name="api-run-junit"),
    re_path(OUTPUT + r"/rows/?$", ResultOutputViewSet.as_view({"get": "list"}), name="api-result-rows"),
    re_path(
        OUTPUT + r"/rows\.(?P<suffix>ndjson|json|csv|parquet|xlsx|ods)$",
        ResultOutputViewSet.as_view({"get": "stream"}),
        name="api-result-rows-stream",
    ),
    re_path(OUTPUT + r"/diff/?$", ResultDiffViewSet.as_view({"get": "list"}), name="api-result-output-diff"),
    re_path(OUTPUT + DIFF_FILE, ResultDiffViewSet.as_view({"get": "stream"}), name="api-result-output-diff-stream"),
    re_path(RESULT + r"/diff/?$", ResultDiffViewSet.as_view({"get": "retrieve"}), name="api-result-diff"),
    re_path(RESULT + DIFF_FILE, ResultDiffViewSet.as_view({"get": "stream_one"}), name="api-result-diff-stream"),
    *router.urls,
]

# --- the pages ------------------------------------------------------------------------------------------------------

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    re_path(r"^functions/(?P<pk>\w+)/run/?$", running.function_run, name="function-run"),
    re_path(r"^functions/(?P<pk>\w+)/try/?$", trying.function_try, name="function-try"),
    re_path(r"^test-cases/?$", cases.test_case_list, name="test-case-list"),
    re_path(r"^test-cases/new/?$", cases.test_case_create, name="test-case-create"),
    re_path(r"^test-cases/(?P<pk>\w+)/?$", cases.test_case_detail, name="test-case-detail"),
    re_path(r"^test-cases/(?P<pk>\w+)/edit/?$", cases.test_case_edit, name="test-case-edit"),
    re_path(r"^test-cases/(?P<pk>\w+)/delete/?$", cases.test_case_delete, name="test-case-delete"),
    re_path(r"^test-cases/(?P<pk>\w+)/run/?$", running.test_case_run, name="test-case-run"),
    re_path(r"^runs/?$", runs.run_list, name="run-list"),
    re_path(r"^runs/new/?$", running.run_form, name="run-form"),
    re_path(r"^runs/found/?$", running.run_create, name="run-create"),
    re_path(r"^runs/(?P<pk>\w+)/?$", runs.run_detail, name="run-detail"),
    re_path(r"^runs/(?P<pk>\w+)/cancel/?$", runs.run_cancel, name="run-cancel"),
    re_path(r"^runs/(?P<pk>\w+)/again/?$", running.run_again, name="run-again"),
    re_path(r"^runs/(?P<pk>\w+)/compare/?$", runs.run_compare_with, name="run-compare-with"),
    re_path(r"^runs/(?P<pk>\w+)/compare/(?P<other>\w+)/?$", runs.run_compare, name="run-compare"),
    re_path(r"^results/(?P<pk>\w+)/?$", results.result_detail, name="result-detail"),
    re_path(r"^results/(?P<pk>\w+)/accept/?$", results.result_accept, name="result-accept"),
]

websocket_urlpatterns: list[URLPattern | URLResolver] = [
    re_path(rf"^ws/runs/(?P<id>{ULID_PATTERN})/?$", RunConsumer.as_asgi()),
]
