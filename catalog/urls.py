"""The addresses of the catalog: the API's, below /api/v1/, and the pages'."""

from django.urls import URLPattern, URLResolver, re_path

import catalog.refusals  # noqa: F401 (teaches the API what to say of the catalog's exceptions)
from catalog.formats import FORMATS
from catalog.views import configurations, describing, history, importing, objects, tables
from catalog.viewsets.applications import ApplicationViewSet, ConfigurationViewSet
from catalog.viewsets.objects import ObjectViewSet, SchemaViewSet
from catalog.viewsets.records import RecordsViewSet
from catalog.viewsets.rows import RowsViewSet, RowViewSet
from catalog.viewsets.table_history import TableHistoryViewSet
from catalog.viewsets.table_patches import TablePatchViewSet
from catalog.viewsets.tables import TableViewSet
from config.api.viewsets import ULID_PATTERN, Router

# --- the API --------------------------------------------------------------------------------------------------------

router = Router()
router.register("applications", ApplicationViewSet, basename="api-application")
router.register("configurations", ConfigurationViewSet, basename="api-configuration")
router.register("objects", ObjectViewSet, basename="api-object")
router.register("schemas", SchemaViewSet, basename="api-schema")
router.register("tables", TableViewSet, basename="api-table")

TABLE = rf"^tables/(?P<table_id>{ULID_PATTERN})"
rows = RowsViewSet.as_view(
    {"get": "list", "query": "search", "post": "append", "put": "replace", "patch": "change", "delete": "remove"}
)
row = RowViewSet.as_view({"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"})

api_urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    re_path(TABLE + r"/rows/?$", rows, name="api-rows"),
    re_path(
        TABLE + rf"/rows\.(?P<suffix>{'|'.join(FORMATS)})/?$",
        RowsViewSet.as_view({"get": "stream", "post": "append_file", "put": "replace_file"}),
        name="api-rows-stream",
    ),
    re_path(
        TABLE + rf"/set-aside/(?P<set_aside_id>{ULID_PATTERN})(?:\.(?P<suffix>csv|ndjson))?/?$",
        RowsViewSet.as_view({"get": "set_aside"}),
        name="api-set-aside",
    ),
    re_path(TABLE + r"/rows/query/?$", RowsViewSet.as_view({"post": "search"}), name="api-rows-query"),
    re_path(TABLE + r"/rows/(?P<row_id>[0-9]{1,18})/?$", row, name="api-row"),
    re_path(TABLE + r"/profile/?$", TableHistoryViewSet.as_view({"get": "profile"}), name="api-table-profile"),
    re_path(TABLE + r"/diff/?$", TableHistoryViewSet.as_view({"get": "diff"}), name="api-table-diff"),
    re_path(
        TABLE + r"/diff\.(?P<suffix>ndjson|csv|parquet)/?$",
        TableHistoryViewSet.as_view({"get": "stream"}),
        name="api-table-diff-stream",
    ),
    re_path(TABLE + r"/patch/?$", TablePatchViewSet.as_view({"post": "apply"}), name="api-table-patch"),
    re_path(TABLE + r"/revert/?$", TableHistoryViewSet.as_view({"post": "revert"}), name="api-table-revert"),
]

RECORDS = r"^records/(?P<object_name>[^/]+)"
api_urlpatterns += [
    re_path(r"^records/?$", RecordsViewSet.as_view({"post": "create_named"}), name="api-records-named"),
    re_path(r"^records/bulk/?$", RecordsViewSet.as_view({"post": "bulk_named"}), name="api-records-bulk-named"),
    re_path(
        RECORDS + r"/?$",
        RecordsViewSet.as_view({"get": "list", "query": "search", "post": "create"}),
        name="api-records",
    ),
    re_path(RECORDS + r"/query/?$", RecordsViewSet.as_view({"post": "search"}), name="api-records-query"),
    re_path(RECORDS + r"/bulk/?$", RecordsViewSet.as_view({"post": "bulk"}), name="api-records-bulk"),
    re_path(RECORDS + r"/stream/?$", RecordsViewSet.as_view({"get": "stream"}), name="api-records-stream"),
    re_path(RECORDS + r"/count/?$", RecordsViewSet.as_view({"get": "count"}), name="api-records-count"),
    re_path(
        RECORDS + rf"/(?P<table_id>{ULID_PATTERN}):(?P<row_id>[0-9]{{1,18}})/?$",
        RecordsViewSet.as_view({"get": "retrieve"}),
        name="api-record",
    ),
]

# --- the pages ------------------------------------------------------------------------------------------------------

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^configurations/?$", configurations.configuration_list, name="configuration-list"),
    re_path(r"^configurations/new/?$", configurations.configuration_create, name="configuration-create"),
    re_path(r"^configurations/(?P<pk>\w+)/edit/?$", configurations.configuration_edit, name="configuration-edit"),
    re_path(r"^configurations/(?P<pk>\w+)/delete/?$", configurations.configuration_delete, name="configuration-delete"),
    re_path(r"^objects/?$", objects.object_list, name="object-list"),
    re_path(r"^objects/new/?$", objects.object_create, name="object-create"),
    re_path(r"^objects/new/from-file/?$", describing.object_from_file, name="object-from-file"),
    re_path(r"^objects/(?P<pk>\w+)/?$", objects.object_detail, name="object-detail"),
    re_path(r"^objects/(?P<pk>\w+)/edit/?$", objects.object_edit, name="object-edit"),
    re_path(r"^objects/(?P<pk>\w+)/delete/?$", objects.object_delete, name="object-delete"),
    re_path(r"^tables/?$", tables.table_list, name="table-list"),
    re_path(r"^tables/new/?$", tables.table_create, name="table-create"),
    re_path(r"^tables/(?P<pk>\w+)/?$", tables.table_detail, name="table-detail"),
    re_path(r"^tables/(?P<pk>\w+)/edit/?$", tables.table_edit, name="table-edit"),
    re_path(r"^tables/(?P<pk>\w+)/delete/?$", tables.table_delete, name="table-delete"),
    re_path(r"^tables/(?P<pk>\w+)/profile/?$", history.table_profile, name="table-profile"),
    re_path(r"^tables/(?P<pk>\w+)/versions/?$", history.table_versions, name="table-versions"),
    re_path(
        rf"^tables/(?P<pk>\w+)/rows\.(?P<name>{'|'.join(FORMATS)})/?$", tables.table_download, name="table-download"
    ),
    re_path(r"^tables/(?P<pk>\w+)/import/?$", importing.table_import, name="table-import"),
    re_path(
        r"^tables/(?P<pk>\w+)/set-aside/(?P<set_aside_id>\w+)/?$", importing.table_set_aside, name="table-set-aside"
    ),
    re_path(r"^tables/(?P<pk>\w+)/revert/?$", tables.table_revert, name="table-revert"),
    re_path(r"^tables/(?P<pk>\w+)/rows/(?P<row_id>[0-9]{1,18})/?$", tables.table_row, name="table-row"),
]
