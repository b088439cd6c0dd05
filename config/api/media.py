"""JSON in and out of the REST API."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from config.exact_json import JSONError, dump_json, load_json
from config.timing import step


class JSONParser(BaseParser):
    """Reads a JSON body of at most `settings.DATA_UPLOAD_MAX_MEMORY_SIZE` bytes, strictly (see config.exact_json)."""

    media_type = "application/json"

    @step("parse")
    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise RequestDataTooBig(f"A JSON body has at most {limit} bytes; send many rows as application/x-ndjson.")
        try:
            return load_json(body)
        except JSONError as error:
            raise ParseError(str(error), code="malformed") from error


class JSONRenderer(BaseRenderer):
    """Writes JSON with all digits of decimals."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    @step("serialize")
    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else dump_json(data)
