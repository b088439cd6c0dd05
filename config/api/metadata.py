"""What OPTIONS answers."""

from typing import Any

from rest_framework.metadata import BaseMetadata
from rest_framework.request import Request


class Metadata(BaseMetadata):
    """What a resource is, and what it takes and gives. Its shape is in OpenAPI, so that nothing is looked up here."""

    def determine_metadata(self, request: Request, view: Any) -> dict[str, Any]:
        """The document; which methods there are is in `Allow`."""
        return {
            "name": view.get_view_name(),
            "description": view.get_view_description(),
            "renders": list(dict.fromkeys(each.media_type for each in view.get_renderers())),
            "parses": list(dict.fromkeys(each.media_type for each in view.parser_classes)),
        }
