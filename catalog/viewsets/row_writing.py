"""Writing the rows of a Table over REST."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, Final

from django.db import transaction
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.browsing import row_ids
from catalog.contents import delete_rows, update_rows, update_rows_alike
from catalog.deadlocks import begun_again
from catalog.deferring import WantedImport
from catalog.formats.opening import OPTION_NAMES
from catalog.importing import Mode, import_rows
from catalog.models import Table, TableVersion
from catalog.queries import RowQuery
from catalog.serializers.rows import read_changes, written_document
from catalog.serializers.tables import rows_source
from catalog.set_aside import MEDIA_TYPES, unpacked
from catalog.sight import check_set_aside
from catalog.viewsets import documentation
from catalog.viewsets.deferred import check_expected, deferred, is_deferred
from catalog.viewsets.files import is_json
from catalog.viewsets.lenient import rejected, set_aside_header, set_aside_url
from catalog.viewsets.row_reading import ReadsRow
from catalog.viewsets.table_rows import TableRowsViewSet, found
from catalog.viewsets.tables import etag
from catalog.viewsets.uploads import is_lines, json_body, listed_lines, listed_rows, uploaded_file
from catalog.writing import Write
from config.api import refusal
from config.api.filters import refuse_unknown_parameters
from config.api.pages import read_number
from config.api.preferences import Preferences, read_preferences
from config.api.streams import stream_response

AFFECTED_MAXIMUM: Final = 1_000_000
DRY_RUN: Final = "dry_run"
BY_FILTER: Final = ("max_affected", DRY_RUN)
TAKEN: Final = (*OPTION_NAMES, DRY_RUN)


def is_dry_run(request: Request) -> bool:
    """Whether everything is to be done but the commit."""
    text = request.query_params.get(DRY_RUN, "0")
    if text not in {"0", "1", "false", "true"}:
        raise refusal(DRY_RUN, "type", f"{DRY_RUN} is {text!r}; it must be 1 or 0.")
    return text in {"1", "true"}


class Writing(TableRowsViewSet):
    """What every write of rows takes and answers."""

    def write(self) -> Write:
        """Who writes, on which version, and whether it is to stay."""
        return replace(super().write(), dry_run=is_dry_run(self.request))

    def written(
        self, version: TableVersion, status: int = 200, more: Mapping[str, Any] | None = None, link: str | None = None
    ) -> Response:
        """The answer to a write, as the caller prefers it; of a dry run, what it would have been."""
        return self.answer({**written_document(version), **(more or {})}, version, status, link)

    def answer(
        self, document: Mapping[str, Any], version: TableVersion, status: int = 200, link: str | None = None
    ) -> Response:
        """A document about the version that a write made."""
        preferences = self.preferences
        headers = set_aside_header(link)
        if is_dry_run(self.request):
            return Response({**document, "dry_run": True}, 200, headers={**headers, **preferences.headers})
        headers |= etag(version.number)
        if preferences.wants("return", "minimal"):
            return Response(None, 201 if status == 201 else 204, headers={**headers, **preferences.headers})
        return Response(document, status, headers={**headers, **preferences.headers})

    @cached_property
    def preferences(self) -> Preferences:
        """What the caller prefers; one for each request, as a view is, since it notes what was done."""
        return read_preferences(self.request)


class WritesRows(Writing):
    """All rows of a Table: append, replace, change, delete.

    may_defer: whether many rows may be left to a worker. Not where a Table is made for them, which is to be made with
    its rows or not at all.
    """

    may_defer: ClassVar[bool] = False

    @documentation.append
    def append(self, request: Request, table_id: str) -> Response:
        """Add rows at the end, or with `Prefer: resolution=merge-duplicates` put them in place by primary key.

        All or none; with `Prefer: handling=lenient` those that conform, and the others are set aside.
        """
        return self._append("")

    @documentation.append_file
    def append_file(self, request: Request, table_id: str, suffix: str) -> Response:
        """The same, with the format of the body in the address, whatever its Content-Type."""
        return self._append(suffix)

    def _append(self, suffix: str) -> Response:
        mode: Mode = "upsert" if self.preferences.wants("resolution", "merge-duplicates") else "append"
        return self._take(mode, suffix, 201)

    @documentation.replace
    def replace(self, request: Request, table_id: str) -> Response:
        """Put these rows in place of all rows; they get new ids. Strict or lenient as when they are added."""
        return self._take("replace", "", 200)

    @documentation.replace_file
    def replace_file(self, request: Request, table_id: str, suffix: str) -> Response:
        """The same, with the format of the body in the address, whatever its Content-Type."""
        return self._take("replace", suffix, 200)

    @documentation.change
    def change(self, request: Request, table_id: str) -> Response:
        """Change rows: a list or NDJSON of rows by `_id`, or one object of changes for all rows that meet a condition.

        Attributes that aren't given keep their values.
        """
        data = listed_lines(request) if is_lines(request) else json_body(request)
        if isinstance(data, dict) and "_id" not in data and set(data) != {"rows"}:
            return self._change_alike(data)
        refuse_unknown_parameters(request, [DRY_RUN])
        changes = read_changes(data if is_lines(request) else listed_rows(request))
        table = self.table_to_write()
        return self.written(update_rows(table, changes.row_ids, changes.source, changes.given, self.write()))

    def _change_alike(self, changes: Mapping[str, Any]) -> Response:
        if not changes:
            raise refusal("", "required", "The body names no attribute to change.")
        return begun_again(lambda: self.written(self._changed_alike(changes)))

    @transaction.atomic
    def _changed_alike(self, changes: Mapping[str, Any]) -> TableVersion:
        table, ids = self._affected("change")
        return update_rows_alike(table, ids, changes, self.write())

    @documentation.remove
    def remove(self, request: Request, table_id: str) -> Response:
        """Delete the rows that meet a condition, at most `max_affected` of them or none."""
        return begun_again(lambda: self.written(self._removed()))

    @transaction.atomic
    def _removed(self) -> TableVersion:
        table, ids = self._affected("delete")
        return delete_rows(table, ids, self.write())

    def _affected(self, what: str) -> tuple[Table, list[int]]:
        """The rows that meet the condition of the address, with the Table under its lock."""
        table = Table.objects.select_for_update().get(pk=self.table_to_write().pk)
        version = table.current
        query = self.row_query(version, BY_FILTER)
        most = self._affected_maximum(query, what)
        ids = row_ids(version, query, most + 1)
        if len(ids) > most:
            raise refusal("max_affected", "too_many", f"More than {most} rows meet the condition; nothing was stored.")
        return table, ids

    def _affected_maximum(self, query: RowQuery, what: str) -> int:
        if not query.conditions:
            hint = "To put other rows in place of all, send them with PUT; an empty list deletes all."
            raise refusal("", "required", f"A condition must say which rows to {what}, such as _id__in=1,2.", hint)
        text = self.request.query_params.get("max_affected")
        if text is None:
            raise refusal("max_affected", "required", f"max_affected must say how many rows to {what} at most.")
        return read_number(text, "max_affected", 0, AFFECTED_MAXIMUM)

    def _take(self, mode: Mode, suffix: str, status: int) -> Response:
        table, write = self.table_to_write(), self.write()
        is_lenient = self.preferences.wants("handling", "lenient")
        if self.may_defer and not write.dry_run and is_deferred(self.request, self.preferences):
            check_expected(table, write.expected_version)
            wanted = WantedImport(mode, table.pk, lenient=is_lenient, expected_version=write.expected_version)
            is_listed = not suffix and is_json(self.request)
            listed = rows_source(listed_rows(self.request)) if is_listed else None
            return deferred(self.request, self.preferences, wanted, listed, suffix)
        with uploaded_file(self.request, suffix) as opened:
            source = opened.source if opened else rows_source(listed_rows(self.request))
            name = opened.format.name if opened else "json"
            imported = import_rows(table, mode, source, write, lenient=is_lenient, format_name=name)
            more: dict[str, Any] = {"found": dict(opened.found)} if opened else {}
        link = None if write.dry_run else set_aside_url(self.request, imported)
        if is_lenient:
            more |= {**rejected(imported, self.hidden(imported.version)), "set_aside": link}
        return self.written(imported.version, status, more, link)

    @documentation.set_aside
    def set_aside(self, request: Request, table_id: str, set_aside_id: str, suffix: str = "") -> Any:
        """The rows that a lenient import did not take, as a file; mended, it can be sent as it is.

        Kept as long as the version that the import made: until that is pruned, or the table deleted.
        """
        kept = self.table().set_aside.filter(pk=set_aside_id).first()
        if kept is None or suffix not in {"", kept.format}:
            raise NotFound("There is no such file of rows set aside.")
        check_set_aside(request._request, kept)
        file_name = f"{kept.table.name} set aside at v{kept.version}.{kept.format}"
        return stream_response(request._request, unpacked(bytes(kept.content)), MEDIA_TYPES[kept.format], file_name)


class WritesRow(Writing, ReadsRow):
    """One row of a Table, by its `_id`: put, patch, delete."""

    @documentation.update
    def update(self, request: Request, table_id: str, row_id: str) -> Response:
        """Put a whole row in place of another; attributes that aren't given become null."""
        return self._change(int(row_id), whole=True)

    @documentation.partial_update
    def partial_update(self, request: Request, table_id: str, row_id: str) -> Response:
        """Change some attributes of a row."""
        return self._change(int(row_id), whole=False)

    @documentation.destroy
    def destroy(self, request: Request, table_id: str, row_id: str) -> Response:
        """Delete a row."""
        with found(int(row_id)):
            return self.written(delete_rows(self.table_to_write(), [int(row_id)], self.write()))

    def _change(self, row_id: int, whole: bool) -> Response:
        data = self.request.data
        if not isinstance(data, dict):
            raise refusal("", "type", 'A row is a JSON object such as {"order_id": 10}.')
        if data.get("_id", row_id) != row_id:
            raise refusal("_id", "fixed", f"The _id of this row is {row_id} and stays so.")
        changes = read_changes([{**data, "_id": row_id}])
        table, write = self.table_to_write(), self.write()
        with found(row_id):
            version = update_rows(table, changes.row_ids, changes.source, None if whole else changes.given, write)
        if DRY_RUN in self.request.query_params or self.preferences.values.get("return") == "minimal":
            return self.written(version)
        return self.row(version, row_id)
