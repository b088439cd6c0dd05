"""The addresses of the catalog: the API's, below /api/v1/, and the pages'."""

from django.urls import URLPattern, URLResolver, re_path

import catalog.refusals  # noqa: F401 (teaches the API what to say of the catalog's exceptions)
from catalog.views import objects, tables
from catalog.viewsets.applications import ApplicationViewSet, ConfigurationViewSet
from catalog.viewsets.objects import ObjectViewSet, SchemaViewSet
from catalog.viewsets.rows import RowsViewSet, RowViewSet
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
rows = RowsViewSet.as_view({"get": "list", "post": "append", "put": "replace", "patch": "change", "delete": "remove"})
row = RowViewSet.as_view({"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"})

api_urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    re_path(TABLE + r"/rows/?$", rows, name="api-rows"),
    re_path(TABLE + r"/rows\.ndjson/?$", RowsViewSet.as_view({"get": "lines"}), name="api-rows-ndjson"),
    re_path(TABLE + r"/rows/(?P<row_id>[0-9]{1,18})/?$", row, name="api-row"),
]

# --- the pages ------------------------------------------------------------------------------------------------------

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^objects/?$", objects.object_list, name="object-list"),
    re_path(r"^objects/new/?$", objects.object_create, name="object-create"),
    re_path(r"^objects/(?P<pk>\w+)/?$", objects.object_detail, name="object-detail"),
    re_path(r"^objects/(?P<pk>\w+)/edit/?$", objects.object_edit, name="object-edit"),
    re_path(r"^objects/(?P<pk>\w+)/delete/?$", objects.object_delete, name="object-delete"),
    re_path(r"^tables/?$", tables.table_list, name="table-list"),
    re_path(r"^tables/new/?$", tables.table_create, name="table-create"),
    re_path(r"^tables/(?P<pk>\w+)/?$", tables.table_detail, name="table-detail"),
    re_path(r"^tables/(?P<pk>\w+)/edit/?$", tables.table_edit, name="table-edit"),
    re_path(r"^tables/(?P<pk>\w+)/delete/?$", tables.table_delete, name="table-delete"),
    re_path(r"^tables/(?P<pk>\w+)/rows\.(?P<name>csv|ndjson|json)/?$", tables.table_download, name="table-download"),
    re_path(r"^tables/(?P<pk>\w+)/revert/?$", tables.table_revert, name="table-revert"),
    re_path(r"^tables/(?P<pk>\w+)/rows/(?P<row_id>[0-9]{1,18})/?$", tables.table_row, name="table-row"),
]
