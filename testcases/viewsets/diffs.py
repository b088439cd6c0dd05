"""How outputs differ over REST: from what was expected, or from those of another result; in pages, files and HTML."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.core import signing
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.exceptions import NotFound
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from catalog.comparison import TableDiff
from catalog.comparison.paging import LISTED_CLASSES, Page
from catalog.formats import FORMATS
from catalog.sight import masked_header
from catalog.viewsets.row_pages import asked_format, read_options
from catalog.viewsets.table_history import DIFF_FORMATS, TEXT_FORMATS, FileRenderer
from config.api import JSONRenderer, refusal
from config.api.pages import linked, read_limit, read_offset
from config.api.streams import stream_response
from config.api.viewsets import StrictMixin
from config.exact_json import dump_json
from config.problems import nearest
from testcases.models import Result, ResultOutput
from testcases.output_diffs import Pair, against_expected, against_other, file_of, lines_of, page_of
from testcases.serializers.results import DiffPageSerializer, DiffSerializer
from testcases.sight import hidden_by_port, masked_row
from testcases.viewsets.documentation import ADDRESS
from testcases.viewsets.outputs import output_of
from testcases.wording import diff_view

CURSOR_SALT: Final = "testcases.diffs"
CURSOR_CHARACTERS: Final = 1_000
PARAMETERS: Final = ("class", "attribute", "limit", "offset", "against", "spreadsheet")
AGAINST: Final = OpenApiParameter(
    "against", str, description="The id of another result of the test case: how the actual rows differ from its ones."
)
WHOSE: Final = OpenApiParameter("output", str, description="The name of one output, where there are several.")
WHICH: Final = [
    AGAINST,
    OpenApiParameter("class", str, description=f"Only rows of these classes: {', '.join(LISTED_CLASSES)}."),
    OpenApiParameter("attribute", str, description="Only changed rows whose cells of this attribute differ."),
    OpenApiParameter("offset", int, description="How many to pass over; `after` reaches further."),
]
PAGED_BY: Final = [
    OpenApiParameter("after", str, description="Where the page begins: from `next`."),
    OpenApiParameter("limit", int, description="At most so many rows; 100 by default, 1,000 at most."),
]
OF_FILE: Final = [
    OpenApiParameter("suffix", str, OpenApiParameter.PATH, enum=DIFF_FORMATS),
    OpenApiParameter("limit", int, description="At most so many rows; all by default."),
]
FILES: Final = {(200, FORMATS[name].rows.media_type): OpenApiTypes.BINARY for name in DIFF_FORMATS} | {
    (200, "text/html"): OpenApiTypes.STR
}


class HTMLRenderer(BaseRenderer):
    """Takes part in content negotiation only: the view renders the fragment itself."""

    media_type = "text/html"
    format = "html"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> Any:
        """A document is not for it."""
        return dump_json(data)


class ResultDiffViewSet(StrictMixin, viewsets.GenericViewSet[Result]):
    """How the outputs of a result differ."""

    queryset = Result.objects.with_parts()
    parameters = {
        "retrieve": [*PARAMETERS, "after", "output", "format"],
        "list": [*PARAMETERS, "after", "format"],
        "stream": PARAMETERS,
        "stream_one": [*PARAMETERS, "output"],
    }

    def get_renderers(self) -> list[BaseRenderer]:
        """What `Accept` may name."""
        return [JSONRenderer(), *(FileRenderer(name) for name in DIFF_FORMATS), HTMLRenderer()]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """A suffix in the path outweighs `Accept`."""
        return super().perform_content_negotiation(request, force or self.action in {"stream", "stream_one"})

    @extend_schema(
        operation_id="result_diff",
        parameters=[
            ADDRESS[0],
            WHOSE,
            *WHICH,
            *PAGED_BY,
        ],
        responses={(200, "application/json"): DiffSerializer, **FILES},
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """How the actual outputs differ from the expected ones: rows, cells, and what became of each attribute.

        Of each output the first rows. With parameters, or in another format, the rows of one output in pages, as at
        `/results/{id}/outputs/{name}/diff`.
        """
        result = self._result(pk)
        if not request.query_params and self._form() == "json":
            return Response(DiffSerializer(result, context={"request": request}).data)
        return self._rows(result, self._one_of(result), self._form())

    @extend_schema(
        operation_id="result_output_diff",
        parameters=[*ADDRESS, *WHICH, *PAGED_BY],
        responses={(200, "application/json"): DiffPageSerializer, **FILES},
    )
    def list(self, request: Request, pk: str, name: str) -> HttpResponseBase:
        """The rows of an output that differ, compared again by the options of then: a page, or all as a file."""
        result = self._result(pk)
        return self._rows(result, output_of(result, name), self._form())

    @extend_schema(operation_id="result_output_diff_stream", parameters=[*ADDRESS, *WHICH, *OF_FILE], responses=FILES)
    def stream(self, request: Request, pk: str, name: str, suffix: str) -> HttpResponseBase:
        """All rows that differ as NDJSON, or as CSV or Parquet with both sides of a row beside each other."""
        result = self._result(pk)
        return self._rows(result, output_of(result, name), suffix)

    @extend_schema(operation_id="result_diff_stream", parameters=[ADDRESS[0], WHOSE, *WHICH, *OF_FILE], responses=FILES)
    def stream_one(self, request: Request, pk: str, suffix: str) -> HttpResponseBase:
        """The same of the only output, or of the one that is named."""
        result = self._result(pk)
        return self._rows(result, self._one_of(result), suffix)

    # --- what is asked ----------------------------------------------------------------------------------------------

    @staticmethod
    def _result(pk: str) -> Result:
        return get_object_or_404(Result.objects.with_parts().prefetch_related("outputs__actual_parts"), pk=pk)

    def _form(self) -> str:
        return asked_format(self.request, ("json", *DIFF_FORMATS, HTMLRenderer.format))

    def _one_of(self, result: Result) -> ResultOutput:
        """The output that is meant: the one that is named, or the only one."""
        name = self.request.query_params.get("output")
        if name is not None:
            return output_of(result, name)
        outputs = list(result.outputs.all())
        if not outputs:
            raise NotFound("Nothing came out of the function, so there is nothing to compare.")
        if len(outputs) > 1:
            names = ", ".join(each.port_name for each in outputs)
            raise refusal("output", "required", f"The result has {len(outputs)} outputs; name one of them: {names}.")
        return outputs[0]

    def _pair(self, result: Result, output: ResultOutput) -> tuple[Pair, frozenset[str]]:
        """What is compared, and what the caller may not see of it."""
        text = self.request.query_params.get("against")
        if text is None:
            found = against_expected(result, output)
            if found is None:
                raise NotFound(f"Nothing was expected of the output {output.port_name!r}.")
            return found, self._hidden(result, output)
        other = Result.objects.filter(pk=text, test_case=result.test_case_id).first()
        if other is None:
            message = f"The test case has no result {text!r}; /test-cases/{result.test_case_id}/history lists them."
            raise refusal("against", "does_not_exist", message)
        before = self._result(other.pk)
        theirs = output_of(before, output.port_name)
        hidden = self._hidden(result, output) | self._hidden(before, theirs)
        return against_other((before, theirs), (result, output)), hidden

    def _hidden(self, result: Result, output: ResultOutput) -> frozenset[str]:
        hidden = hidden_by_port(self.request._request, result)
        return hidden.get(output.port_name, hidden[""])

    def _asked(self, pair: Pair, result_key: str, is_file: bool) -> Page:
        parameters = self.request.query_params
        attribute = parameters.get("attribute", "")
        known = [*pair.actual.schema.names]
        if attribute and attribute not in known:
            raise refusal(
                "attribute", "unknown_attribute", f"{attribute!r} is no attribute; {nearest(attribute, known)}"
            )
        limit = None if is_file and "limit" not in parameters else read_limit(self.request)
        after = parameters.get("after", "")
        if after and "offset" in parameters:
            message = "after and offset exclude each other: a cursor says where a page begins."
            raise refusal("offset", "invalid", message)
        place = _read_cursor(after, result_key) if after else ""
        return Page(self._classes(), attribute, limit, read_offset(self.request), place)

    def _classes(self) -> Sequence[str]:
        text = self.request.query_params.get("class")
        wanted = LISTED_CLASSES if text is None else tuple(text.split(","))
        for each in wanted:
            if each not in LISTED_CLASSES:
                raise refusal("class", "invalid_choice", f"class is {each!r}; {nearest(each, LISTED_CLASSES)}")
        return wanted

    # --- what is answered -------------------------------------------------------------------------------------------

    def _rows(self, result: Result, output: ResultOutput, form: str) -> HttpResponseBase:
        pair, hidden = self._pair(result, output)
        key = f"{output.pk} {self.request.query_params.get('against', '')}"
        page = self._asked(pair, key, form in DIFF_FORMATS)
        answer: Any
        if form in DIFF_FORMATS:
            answer = self._file(pair, page, form, hidden, f"{result.test_case.name} {output.port_name} diff.{form}")
        else:
            diff, rows, following = page_of(pair, page)
            shown = [masked_row(row.as_dict(), hidden) for row in rows]
            address = self._next(following, key)
            if form == "html":
                answer = _fragment(output, diff, shown, pair, address)
            else:
                answer = self._document(diff, shown, page, address)
        for header, value in masked_header(hidden).items():
            answer[header] = value
        return answer

    def _file(self, pair: Pair, page: Page, form: str, hidden: frozenset[str], name: str) -> HttpResponseBase:
        row_format = FORMATS[form].rows
        blocks: Iterator[bytes]
        if form == "ndjson":
            blocks = lines_of(pair, page, hidden)
        else:
            blocks = file_of(pair, page, row_format, read_options(self.request.query_params), hidden)
        return stream_response(self.request._request, blocks, row_format.media_type, name, form in TEXT_FORMATS)

    def _document(
        self, diff: TableDiff, rows: Sequence[dict[str, Any]], page: Page, following: str | None
    ) -> HttpResponseBase:
        total = None if page.attribute else sum(diff.counts[each] for each in page.classes)
        answer = linked(list(rows), total, False, following, None)
        said = diff.as_dict()
        answer.data |= {name: said[name] for name in ("is_equal", "summary", "counts", "shape", "attributes", "notes")}
        return answer

    def _next(self, cursor: str, key: str) -> str | None:
        if not cursor:
            return None
        address = remove_query_param(self.request.build_absolute_uri(), "offset")
        return str(replace_query_param(address, "after", signing.Signer(salt=CURSOR_SALT).sign_object([key, cursor])))


def _read_cursor(text: str, key: str) -> str:
    """Where a page of this diff begins. Raises a 400 for what no page of it gave."""
    try:
        of, cursor = signing.Signer(salt=CURSOR_SALT).unsign_object(text[:CURSOR_CHARACTERS])
    except (signing.BadSignature, ValueError) as error:
        message = "after is no cursor of this site; take it from `next` as it is."
        raise refusal("after", "cursor", message) from error
    if of != key:
        raise refusal("after", "cursor", "after is a cursor of another diff; take it from `next` as it is.")
    return str(cursor)


def _fragment(
    output: ResultOutput, diff: TableDiff, rows: Sequence[dict[str, Any]], pair: Pair, following: str | None
) -> HttpResponse:
    shown = {**diff.as_dict(), "rows": rows, "rows_truncated": following is not None}
    view = diff_view(output.port_name, output.row_count, shown, pair.actual.schema.names)
    answer = HttpResponse(render_to_string("testcases/_diff.html", {"output": view}))
    if following:
        answer["Link"] = f'<{following}>; rel="next"'
    return answer
