"""A diff applied to the rows of a Table over REST."""

from collections.abc import Iterator
from typing import BinaryIO, Final

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.comparison.patching import PatchError
from catalog.patches import patch_rows
from catalog.serializers.rows import WRITTEN
from catalog.viewsets.documentation import DRY_RUN as DRY_RUN_PARAMETER
from catalog.viewsets.documentation import IDEMPOTENCY_KEY, IF_MATCH, MINIMAL, PREFER, TABLE_ID
from catalog.viewsets.files import StreamParser, media_type
from catalog.viewsets.row_writing import DRY_RUN, Writing
from catalog.viewsets.uploads import LINES
from config import temporary
from config.api.streams import seekable_body

LINE_BYTES: Final = 64 * 1024**2
EXAMPLE: Final = (
    '{"class": "changed", "_id": 4, "cells": {"amount": {"old": 2.5, "new": 3}}}\n'
    '{"class": "removed", "_id": 9, "row": {"order_id": 9, "customer": 1, "amount": null}}\n'
    '{"class": "added", "row": {"order_id": 44, "customer": 2, "amount": 1}}\n'
)


class TablePatchViewSet(Writing):
    """Patches of a Table."""

    parser_classes = [StreamParser]
    parameters = {"apply": [DRY_RUN]}

    @extend_schema(
        operation_id="table_patch",
        summary="Apply a diff",
        parameters=[TABLE_ID, IF_MATCH, PREFER, DRY_RUN_PARAMETER, IDEMPOTENCY_KEY],
        request={LINES: {"type": "string", "format": "binary"}},
        responses={200: WRITTEN, 204: MINIMAL},
        examples=[OpenApiExample("A diff between versions", EXAMPLE, request_only=True, media_type=LINES)],
    )
    def apply(self, request: Request, table_id: str) -> Response:
        """Change, remove and add rows as a diff says, by `_id`, in one new version; new rows get new ids.

        The body is the NDJSON of a diff: between two versions of a table (`class` added, changed or removed; cells
        `old` and `new`), or of a result (`class` unexpected, changed or missing; cells `expected` and `actual`). Every
        row that changes or goes must still be as the diff found it, else nothing is changed and a 409 names the rows.
        """
        if media_type(request) != LINES:
            raise UnsupportedMediaType(request.content_type or "", f"A patch is NDJSON: {LINES}.")
        table = self.table()
        hidden = self.hidden(table.current)
        with temporary.directory("patch") as directory, seekable_body(request._request, directory) as body:
            version = patch_rows(table, lambda: _lines(body), self.write(), hidden)
        return self.written(version)


def _lines(body: BinaryIO) -> Iterator[str]:
    body.seek(0)
    number = 0
    while line := body.readline(LINE_BYTES + 1):
        number += 1
        if len(line) > LINE_BYTES:
            raise PatchError(f"Line {number} of the patch has more than {LINE_BYTES // 1024**2} MB.")
        try:
            yield line.decode()
        except UnicodeDecodeError as error:
            raise PatchError(f"Line {number} of the patch is no UTF-8: {error.reason}.") from error
