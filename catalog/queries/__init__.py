"""Queries over rows, from what a URL or a document says to DuckDB's SQL. Pure: no Django.

Values travel as parameters, names through `quote_name`.
"""

from catalog.queries.conditions import CONDITION_LIMIT, MEMBER_LIMIT, NESTING_LIMIT, Condition, Filter, Group
from catalog.queries.operators import NOTHING, OPERATORS, ROW_TABLE, ROW_VERSION, is_sortable, operators
from catalog.queries.reading import OWN_PARAMETERS, RESERVED_WORDS, QueryError, read_document, read_query
from catalog.queries.rows import RowQuery, Seek, Window

__all__ = [
    "CONDITION_LIMIT",
    "MEMBER_LIMIT",
    "NESTING_LIMIT",
    "NOTHING",
    "OPERATORS",
    "OWN_PARAMETERS",
    "RESERVED_WORDS",
    "ROW_TABLE",
    "ROW_VERSION",
    "Condition",
    "Filter",
    "Group",
    "QueryError",
    "RowQuery",
    "Seek",
    "Window",
    "is_sortable",
    "operators",
    "read_document",
    "read_query",
]
