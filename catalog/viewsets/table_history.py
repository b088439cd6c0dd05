"""The past of a Table over REST: profiles of its versions, what differs between two, going back to one."""

from collections.abc import Sequence
from typing import Any, Final

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.exceptions import NotFound
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.contents import revert_table
from catalog.formats import FORMATS
from catalog.history.comparing import difference, difference_file, difference_lines
from catalog.history.difference import CLASSES, Difference, Window
from catalog.history.versions import find_version
from catalog.models import Table, TableVersion
from catalog.profiles import version_profile, without_values
from catalog.serializers.history import DifferenceSerializer, ProfileSerializer, RevertSerializer
from catalog.serializers.tables import TableVersionSerializer
from catalog.sight import hidden_of, masked_header
from catalog.viewsets.row_pages import asked_format
from catalog.viewsets.tables import etag, expected_version, not_modified
from catalog.writing import Write
from config.api import JSONRenderer, refusal
from config.api.pages import read_limit, read_number, read_offset
from config.api.streams import stream_response
from config.api.viewsets import StrictMixin, author
from config.problems import nearest

NUMBER_MOST: Final = 2**31 - 1
AFTER_MOST: Final = 2**63 - 1
TABLE_ID: Final = OpenApiParameter("table_id", str, OpenApiParameter.PATH, description="The id of the table.")
WINDOW: Final = [
    TABLE_ID,
    OpenApiParameter("from", int, required=True, description="The version before."),
    OpenApiParameter("to", int, description="The version after; the newest by default."),
    OpenApiParameter("class", str, enum=CLASSES, description="Only rows of these classes, comma-separated."),
    OpenApiParameter("after", int, description="Only rows whose `_id` is greater: the next page."),
    OpenApiParameter("offset", int, description="How many to pass over; `after` reaches further."),
]
DIFF_FORMATS: Final = ("ndjson", "csv", "parquet")
TEXT_FORMATS: Final = frozenset({"ndjson", "csv"})
DIFF_FILES: Final = {(200, FORMATS[name].rows.media_type): OpenApiTypes.BINARY for name in DIFF_FORMATS}


class FileRenderer(BaseRenderer):
    """Takes part in content negotiation only: the view streams the file itself."""

    charset = None

    def __init__(self, name: str) -> None:
        self.format, self.media_type = name, FORMATS[name].rows.media_type


class TableHistoryViewSet(StrictMixin, viewsets.GenericViewSet[Any]):
    """Profiles, differences and reverts."""

    queryset = Table.objects.with_object()
    renderer_classes = [JSONRenderer]
    parameters = {
        "profile": ["version", "fields"],
        "diff": ["from", "to", "class", "limit", "offset", "after", "format"],
        "stream": ["from", "to", "class", "limit", "offset", "after"],
    }

    def get_renderers(self) -> list[BaseRenderer]:
        """What `Accept` may name."""
        more = [FileRenderer(name) for name in DIFF_FORMATS] if self.action in {"diff", "stream"} else []
        return [JSONRenderer(), *more]

    def table(self) -> Table:
        """The Table of the address."""
        return get_object_or_404(Table.objects.with_object(), pk=self.kwargs["table_id"])

    def number(self, name: str) -> int | None:
        """A version's number among the parameters."""
        text = self.request.query_params.get(name)
        return None if text is None else read_number(text, name, 1, NUMBER_MOST)

    @extend_schema(
        operation_id="table_profile",
        summary="Profile a table",
        parameters=[
            TABLE_ID,
            OpenApiParameter("version", int, description="An earlier version of the table."),
            OpenApiParameter("fields", str, description="Only these attributes, comma-separated."),
        ],
        responses=ProfileSerializer,
    )
    def profile(self, request: Request, table_id: str) -> Response:
        """What the values of each attribute look like: nulls, distinct, range, quantiles, histogram, top values."""
        version = find_version(self.table(), self.number("version"))
        hidden = hidden_of(request._request, version)
        headers = {**etag(version.number, hidden), **masked_header(hidden)}
        if not_modified(request, headers["ETag"]):
            return Response(status=304, headers=headers)
        names = self._fields(version)
        found = without_values(version_profile(version, names), hidden)
        body = {"version": version.number, "row_count": version.row_count, "attributes": found}
        return Response(body, headers=headers)

    def _fields(self, version: TableVersion) -> list[str] | None:
        text = self.request.query_params.get("fields")
        known = version.object_version.schema.names
        if text is None:
            return None
        names = list(dict.fromkeys([text] if text in known else text.split(",")))
        for name in names:
            if name not in known:
                raise refusal("fields", "unknown_attribute", f"{name!r} is no attribute; {nearest(name, known)}")
        return names

    @extend_schema(
        operation_id="table_diff",
        summary="Compare two versions",
        parameters=[
            *WINDOW,
            OpenApiParameter("limit", int, description="At most so many rows; 100 by default, 1,000 at most."),
        ],
        responses={(200, "application/json"): DifferenceSerializer, **DIFF_FILES},
    )
    def diff(self, request: Request, table_id: str) -> HttpResponseBase:
        """What differs between two versions, by `_id`: rows added and removed, changed rows with their cells.

        Cells are equal as they are for the verdict of a test case: 1 is 1.0, members of an object have no order.
        """
        suffix = asked_format(request, ("json", *DIFF_FORMATS))
        if suffix in DIFF_FORMATS:
            return self.stream(request, table_id, suffix)
        old, new = self._versions()
        limit = read_limit(request)
        hidden = hidden_of(request._request, old, new)
        found = difference(old, new, self._window(limit + 1), hidden)
        return Response(self._document(old, new, found, limit), headers=masked_header(hidden))

    @extend_schema(
        operation_id="table_diff_stream",
        summary="Stream what differs between two versions",
        parameters=[
            *WINDOW,
            OpenApiParameter("suffix", str, OpenApiParameter.PATH, enum=DIFF_FORMATS),
            OpenApiParameter("limit", int, description="At most so many rows; all by default."),
        ],
        responses=DIFF_FILES,
    )
    def stream(self, request: Request, table_id: str, suffix: str) -> HttpResponseBase:
        """All rows that differ, by `_id`: as NDJSON, which can be applied to a table (`/tables/{id}/patch`), or as CSV
        or Parquet with both sides of a row beside each other."""
        old, new = self._versions()
        hidden = hidden_of(request._request, old, new)
        window = self._window(read_limit(request) if "limit" in request.query_params else None)
        row_format = FORMATS[suffix].rows
        blocks = (
            difference_lines(old, new, window, hidden)
            if suffix == "ndjson"
            else difference_file(old, new, window, row_format, hidden)
        )
        name = f"{new.table.name} v{old.number} to v{new.number}.{suffix}"
        answer = stream_response(request._request, blocks, row_format.media_type, name, suffix in TEXT_FORMATS)
        for header, value in masked_header(hidden).items():
            answer[header] = value
        return answer

    def _window(self, limit: int | None) -> Window:
        after = read_number(self.request.query_params.get("after", "0"), "after", 0, AFTER_MOST)
        return Window(self._classes(), after, limit, read_offset(self.request))

    def _versions(self) -> tuple[TableVersion, TableVersion]:
        table = self.table()
        before = self.number("from")
        if before is None:
            message = "from is missing: the number of the version before, such as from=3&to=7."
            raise refusal("from", "required", message)
        return find_version(table, before), find_version(table, self.number("to"))

    def _classes(self) -> tuple[str, ...]:
        text = self.request.query_params.get("class")
        wanted: Sequence[str] = CLASSES if text is None else text.split(",")
        for each in wanted:
            if each not in CLASSES:
                raise refusal("class", "invalid_choice", f"class is {each!r}; {nearest(each, CLASSES)}")
        return tuple(wanted)

    def _document(self, old: TableVersion, new: TableVersion, found: Difference, limit: int) -> dict[str, Any]:
        rows = found.rows[:limit]
        following = None
        if len(found.rows) > limit:
            parameters = self.request.query_params.copy()
            parameters["after"] = str(rows[-1]["_id"])
            parameters.pop("offset", None)
            following = self.request.build_absolute_uri(f"{self.request.path}?{parameters.urlencode()}")
        columns = found.columns
        return {
            "from": old.number,
            "to": new.number,
            "counts": {**found.counts, "unchanged": new.row_count - found.counts["added"] - found.counts["changed"]},
            "attributes": found.attributes,
            "columns": {"added": columns.added, "removed": columns.removed, "retyped": columns.retyped},
            "next": following,
            "results": rows,
        }

    @extend_schema(
        operation_id="table_revert",
        summary="Go back to a version",
        parameters=[
            TABLE_ID,
            OpenApiParameter(
                "If-Match",
                str,
                OpenApiParameter.HEADER,
                description='The version that is to be replaced, such as `"7"`.',
            ),
        ],
        request=RevertSerializer,
        responses=TableVersionSerializer,
    )
    def revert(self, request: Request, table_id: str) -> Response:
        """Make the rows of an earlier version current again, as a new version."""
        sent = RevertSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        table = self.table()
        number, message = sent.validated_data["version"], sent.validated_data["message"]
        find_version(table, number)  # says clearly that it was pruned
        write = Write(author(request), message or f"Back to version {number}", expected_version(request))
        try:
            version = revert_table(table, number, write)
        except TableVersion.DoesNotExist as error:
            raise NotFound(f"The table has no version {number}.") from error
        return Response(TableVersionSerializer(version).data, headers=etag(version.number))
