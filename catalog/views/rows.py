"""The rows of a Table as its page shows them: a page of a version, found, ordered and filtered by the URL."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict

from catalog.browsing import COUNT_LIMIT, count, page
from catalog.models import TableVersion
from catalog.queries import NOTHING, OPERATORS, QueryError, RowQuery, read_query
from catalog.wording import accepted

PAGE_ROWS = 100
SHOWN_CHARACTERS = 300
PAGE_PARAMETERS = ("version", "offset")
FILTER_PARAMETERS = ("filter_attribute", "filter_operator", "filter_value")
WORDS = {
    "eq": "is",
    "ne": "is not",
    "gt": "is greater than",
    "gte": "is at least",
    "lt": "is less than",
    "lte": "is at most",
    "in": "is one of",
    "not_in": "is none of",
    "between": "is between",
    "like": "is like",
    "ilike": "is like, in any case,",
    "contains": "contains",
    "starts_with": "starts with",
    "is_null": "is null",
    "is_not_null": "is not null",
}


@dataclass(frozen=True)
class Column:
    """A column's head: its name, what its cells hold, and the query string that orders by it."""

    name: str
    hint: str
    is_number: bool
    direction: str  # "ascending", "descending" or ""
    order_url: str


@dataclass(frozen=True)
class Cell:
    """A value as text; `kind` is "null", "empty", "number" or "text"."""

    text: str
    kind: str
    is_cut: bool = False


@dataclass(frozen=True)
class Filter:
    """A condition in words, with the query string without it."""

    words: str
    url: str


@dataclass(frozen=True)
class RowPage:
    """What the page shows of a version's rows."""

    columns: list[Column] = field(default_factory=list)
    rows: list[tuple[int, list[Cell]]] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    count: int = 0
    is_count_cut: bool = False
    offset: int = 0
    previous_url: str = ""
    next_url: str = ""

    @property
    def first(self) -> int:
        return self.offset + 1

    @property
    def last(self) -> int:
        return self.offset + len(self.rows)


def added_filter(request: HttpRequest) -> str | None:
    """The query string with what the filter box says in place of the box's fields; None if it wasn't used."""
    if "filter_attribute" not in request.GET:
        return None
    parameters = request.GET.copy()
    name, operator, value = (parameters.get(each, "") for each in FILTER_PARAMETERS)
    for each in (*FILTER_PARAMETERS, "offset"):
        parameters.pop(each, None)
    if name:
        operator = operator or "eq"
        parameters.appendlist(f"{name}__{operator}", "" if operator in NOTHING else value)
    return parameters.urlencode()


def row_page(version: TableVersion, parameters: QueryDict) -> RowPage:
    """The rows that the URL asks for; what is wrong with it is told in `problems`."""
    schema = version.object_version.schema
    asked = [
        (name, text) for name, texts in parameters.lists() if name not in PAGE_PARAMETERS for text in texts if name
    ]
    filters = list(_filters(parameters))
    try:
        query = read_query(schema, asked, PAGE_PARAMETERS)
    except QueryError as error:
        return RowPage(filters=filters, problems=[problem.message for problem in error.problems])
    given = parameters.get("offset", "")
    offset = min(int(given[:18]), version.row_count) if given.isdecimal() else 0
    found = page(version, query, PAGE_ROWS + 1, offset)
    total, is_cut = count(version, query, COUNT_LIMIT if query.conditions else None)
    names, numbers = _names(query), _numbers(version)
    return RowPage(
        columns=list(_columns(version, query, parameters)),
        rows=[(row["_id"], [_cell(row[name], name in numbers) for name in names]) for row in found[:PAGE_ROWS]],
        filters=filters,
        count=total,
        is_count_cut=is_cut,
        offset=offset,
        previous_url=_with(parameters, offset=max(offset - PAGE_ROWS, 0) or None) if offset else "",
        next_url=_with(parameters, offset=offset + PAGE_ROWS) if len(found) > PAGE_ROWS else "",
    )


def _names(query: RowQuery) -> list[str]:
    return [attribute.name for attribute in query.attributes if attribute.name != "_id"]


def _numbers(version: TableVersion) -> set[str]:
    return {each.name for each in version.object_version.schema.attributes if each.type in {"integer", "number"}}


def _columns(version: TableVersion, query: RowQuery, parameters: QueryDict) -> Iterator[Column]:
    schema = version.object_version.schema
    ordering = dict(query.ordering)
    for name in _names(query):
        attribute = schema.attribute(name)
        direction = "" if name not in ordering else "descending" if ordering[name] else "ascending"
        following = {"": name, "ascending": f"-{name}", "descending": None}[direction]
        yield Column(
            name,
            accepted(attribute, schema),
            attribute.type in {"integer", "number"},
            direction,
            # A name that `ordering` could not be told apart with is a head without a link.
            "" if "," in name or name.startswith("-") else _with(parameters, ordering=following, offset=None),
        )


def _cell(value: Any, is_number: bool) -> Cell:
    if value is None:
        return Cell("null", "null")
    if value == "":
        return Cell("empty text", "empty")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return Cell(text[:SHOWN_CHARACTERS], "number" if is_number else "text", len(text) > SHOWN_CHARACTERS)


def _filters(parameters: QueryDict) -> Iterator[Filter]:
    for name, texts in parameters.lists():
        if name in {*PAGE_PARAMETERS, "ordering", "fields"}:
            continue
        for text in texts:
            rest = parameters.copy()
            rest.setlist(name, [other for other in texts if other != text])
            rest.pop("offset", None)
            attribute, separator, operator = name.rpartition("__")
            if not separator or operator not in OPERATORS:
                attribute, operator = name, "eq"
            yield Filter(f"{attribute} {WORDS[operator]} {text}".strip(), "?" + rest.urlencode())


def _with(parameters: QueryDict, **changes: Any) -> str:
    """The query string with some parameters changed; None takes one away."""
    changed = parameters.copy()
    for name, value in changes.items():
        changed.pop(name, None)
        if value is not None:
            changed[name] = str(value)
    return "?" + changed.urlencode()


def query_string(parameters: QueryDict, *without: str) -> str:
    """The parameters but some, for a link to the API."""
    return urlencode([(name, text) for name, texts in parameters.lists() if name not in without for text in texts])
