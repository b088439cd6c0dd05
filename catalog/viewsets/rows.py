"""The rows of a Table over REST: what each address takes."""

from catalog.viewsets.files import FILE_PARSERS
from catalog.viewsets.row_reading import ReadsRows
from catalog.viewsets.row_writing import DRY_RUN, TAKEN, WritesRow, WritesRows


class RowsViewSet(ReadsRows, WritesRows):
    """All rows of a Table: read, append, replace, change, delete."""

    http_method_names = [*ReadsRows.http_method_names, "query"]
    parser_classes = FILE_PARSERS
    may_defer = True
    parameters = {
        "list": None,
        "search": None,
        "stream": None,
        "append": TAKEN,
        "append_file": TAKEN,
        "replace": TAKEN,
        "replace_file": TAKEN,
        "change": None,
        "remove": None,
    }


class RowViewSet(WritesRow):
    """One row of a Table, by its `_id`."""

    parameters = {
        "retrieve": ["version", "fields", "decimals", "integers"],
        "update": [DRY_RUN],
        "partial_update": [DRY_RUN],
        "destroy": [DRY_RUN],
    }
