"""The rows of a Table as its page shows them: a page of a version, found, ordered and filtered by the URL."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict

from catalog.attributes import Attribute
from catalog.browsing import COUNT_LIMIT, Page, count, look, seek
from catalog.cursors import GONE, Cursor, cursor_error, read_cursor
from catalog.formats import FORMATS
from catalog.models import TableVersion
from catalog.queries import NOTHING, OPERATORS, QueryError, RowQuery, Window, operators, read_query
from catalog.rows import VersionRows
from catalog.sight import check_query
from catalog.wording import accepted
from config.api.pages import OFFSET_MAXIMUM

PAGE_ROWS: Final = 100
SHOWN_CHARACTERS: Final = 300
PAGE_COLUMNS: Final = 100
PAGE_PARAMETERS: Final = ("version", "offset", "after", "count", "first_column")
PLACE_PARAMETERS: Final = ("offset", "after", "first_column")
NESTED_CHARACTERS: Final = 60
NUMBERS: Final = frozenset({"integer", "number", "year"})
FILTER_PARAMETERS: Final = ("filter_attribute", "filter_operator", "filter_value")
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
    """A value as text; `kind` is "null", "masked", "empty", "number", "text" or "nested". label: of a category."""

    text: str
    kind: str
    is_cut: bool = False
    label: str = ""


MASKED: Final = Cell("masked", "masked")


@dataclass(frozen=True)
class Filter:
    """A condition in words, with the query string without it."""

    words: str
    url: str


@dataclass(frozen=True)
class ColumnRange:
    """Which of many columns are shown, counted from 1, and the query strings that show the others."""

    first: int
    last: int
    total: int
    previous_url: str
    next_url: str


@dataclass(frozen=True)
class RowPage:
    """What the page shows of a version's rows."""

    columns: list[Column] = field(default_factory=list)
    rows: list[tuple[int, list[Cell]]] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    count: int = 0
    is_count_cut: bool = False
    exact_url: str = ""
    offset: int | None = 0
    previous_url: str = ""
    next_url: str = ""
    column_range: "ColumnRange | None" = None

    @property
    def first(self) -> int:
        return (self.offset or 0) + 1

    @property
    def last(self) -> int:
        return (self.offset or 0) + len(self.rows)


def added_filter(request: HttpRequest) -> str | None:
    """The query string with what the filter box says in place of the box's fields; None if it wasn't used."""
    if "filter_attribute" not in request.GET:
        return None
    parameters = request.GET.copy()
    name, operator, value = (parameters.get(each, "") for each in FILTER_PARAMETERS)
    for each in (*FILTER_PARAMETERS, *PLACE_PARAMETERS):
        parameters.pop(each, None)
    if name:
        operator = operator or "eq"
        parameters.appendlist(f"{name}__{operator}", "" if operator in NOTHING else value)
    return parameters.urlencode()


def row_page(version: TableVersion, parameters: QueryDict, hidden: frozenset[str] = frozenset()) -> RowPage:
    """The rows that the URL asks for; what is wrong with it is told in `problems`. hidden: what is not to be seen."""
    asked = [
        (name, text) for name, texts in parameters.lists() if name not in PAGE_PARAMETERS for text in texts if name
    ]
    filters = list(_filters(parameters))
    rows = VersionRows(version, masked=hidden)
    try:
        query = read_query(rows.schema, asked, PAGE_PARAMETERS)
        check_query(query, hidden)
        window = _window(rows, query, parameters)
    except QueryError as error:
        return RowPage(filters=filters, problems=[problem.message for problem in error.problems])
    names = _names(query)
    start = _first_column(parameters, len(names))
    seen = replace(query, fields=tuple(names[start : start + PAGE_COLUMNS])) if len(names) > PAGE_COLUMNS else query
    found = look(rows, seen, window)
    at_most = COUNT_LIMIT if query.conditions and parameters.get("count") != "exact" else None
    total, is_cut = count(version, query, at_most)
    previous_url, next_url = _neighbours(rows, query, parameters, window, found)
    return RowPage(
        columns=list(_columns(version, seen, parameters, hidden)),
        rows=list(_cells(found, seen, hidden)),
        filters=filters,
        count=total,
        is_count_cut=is_cut,
        exact_url=_with(parameters, count="exact"),
        offset=None if window.seek else window.offset,
        previous_url=previous_url,
        next_url=next_url,
        column_range=_column_range(parameters, start, len(names)) if seen is not query else None,
    )


def _first_column(parameters: QueryDict, total: int) -> int:
    """Where the shown columns begin, counted from 0; the last ones if the URL asks for more than there are."""
    given = parameters.get("first_column", "")
    asked = int(given[:9]) - 1 if given.isascii() and given.isdigit() else 0
    return max(min(asked, total - PAGE_COLUMNS), 0)


def _column_range(parameters: QueryDict, start: int, total: int) -> ColumnRange:
    end = start + PAGE_COLUMNS
    return ColumnRange(
        start + 1,
        end,
        total,
        _with(parameters, first_column=max(start - PAGE_COLUMNS, 0) + 1) if start else "",
        _with(parameters, first_column=end + 1) if end < total else "",
    )


def _window(rows: VersionRows, query: RowQuery, parameters: QueryDict) -> Window:
    """Where the page begins. Raises QueryError for a cursor that doesn't belong here."""
    if "after" in parameters:
        cursor = read_cursor(str(parameters["after"]))
        cursor.check(query, rows.version.table_id)
        found = seek(rows, query, cursor.identity, cursor.is_backwards)
        if found is None:
            raise cursor_error(GONE)
        return Window(PAGE_ROWS, 0, found)
    given = parameters.get("offset", "")
    offset = min(int(given[:18]), rows.row_count) if given.isascii() and given.isdigit() else 0
    return Window(PAGE_ROWS, min(offset, OFFSET_MAXIMUM))


def _neighbours(
    rows: VersionRows, query: RowQuery, parameters: QueryDict, window: Window, found: Page
) -> tuple[str, str]:
    """The previous page's address and the next one's: by number, and by cursor further down."""

    def beyond(place: int, is_backwards: bool) -> str:
        digest, version = query.digest(rows.version.table_id), rows.version.number
        cursor = Cursor(digest, version, found.identities[place], is_backwards)
        return _with(parameters, offset=None, after=cursor, version=version)

    has_next = found.has_more or window.is_backwards
    has_previous = window.seek is not None and (found.has_more or not window.is_backwards)
    following = window.offset + PAGE_ROWS
    if window.seek is None and following <= OFFSET_MAXIMUM:
        back = _with(parameters, offset=max(window.offset - PAGE_ROWS, 0) or None) if window.offset else ""
        return back, _with(parameters, offset=following) if has_next else ""
    if not found.identities:
        return "", ""
    return (
        beyond(0, is_backwards=True) if has_previous or window.offset else "",
        beyond(-1, is_backwards=False) if has_next else "",
    )


def _names(query: RowQuery) -> list[str]:
    return [attribute.name for attribute in query.attributes if attribute.name != "_id"]


def _cells(found: Page, query: RowQuery, hidden: frozenset[str]) -> Iterator[tuple[int, list[Cell]]]:
    attributes = [attribute for attribute in query.attributes if attribute.name != "_id"]
    for line, (row_id, *_) in zip(found.lines, found.identities, strict=True):
        row = json.loads(line, parse_float=Decimal)
        yield (
            row_id,
            [MASKED if each.name in hidden else _labelled(row[each.name], each) for each in attributes],
        )


def _columns(version: TableVersion, query: RowQuery, parameters: QueryDict, hidden: frozenset[str]) -> Iterator[Column]:
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
            ""
            if "," in name or name.startswith("-") or name in hidden
            else _with(parameters, ordering=following, offset=None, after=None),
        )


def _labelled(value: Any, attribute: Attribute) -> Cell:
    """A value, with its label beside it where the Object gives it one."""
    cell = _cell(value, attribute)
    return replace(cell, label=attribute.labels[value]) if attribute.labels and value in attribute.labels else cell


def _cell(value: Any, attribute: Attribute) -> Cell:
    if value is None:
        return Cell("null", "null")
    if value == "":
        return Cell("empty text", "empty")
    if isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False, default=str)
        if len(text) > NESTED_CHARACTERS:
            text = json.dumps(value, ensure_ascii=False, default=str, indent=1)
        return Cell(text[:SHOWN_CHARACTERS], "nested", len(text) > SHOWN_CHARACTERS)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    kind = "number" if attribute.type in NUMBERS else "text"
    return Cell(text[:SHOWN_CHARACTERS], kind, len(text) > SHOWN_CHARACTERS)


def _filters(parameters: QueryDict) -> Iterator[Filter]:
    for name, texts in parameters.lists():
        if name in {*PAGE_PARAMETERS, "ordering", "fields"}:
            continue
        for text in texts:
            rest = parameters.copy()
            rest.setlist(name, [other for other in texts if other != text])
            for place in PLACE_PARAMETERS:
                rest.pop(place, None)
            yield Filter(_in_words(name, text), "?" + rest.urlencode())


def _in_words(name: str, text: str) -> str:
    if name == "since":
        return f"changed after version {text}"
    if name == "filter":
        try:
            return _where_in_words(json.loads(text))
        except (ValueError, RecursionError):
            return text
    attribute, separator, operator = name.rpartition("__")
    if not separator or operator not in OPERATORS:
        attribute, operator = name, "eq"
    return f"{attribute} {WORDS[operator]} {text}".strip()


def _where_in_words(where: Any) -> str:
    """A filter of JSON as a sentence; what can't be meant stays as it is."""
    if not isinstance(where, Mapping):
        return json.dumps(where, ensure_ascii=False)
    for word in ("and", "or"):
        if isinstance(where.get(word), list):
            return "(" + f" {word} ".join(_where_in_words(each) for each in where[word]) + ")"
    if "not" in where:
        return f"not {_where_in_words(where['not'])}"
    operator, value = str(where.get("op", "eq")), where.get("value", "")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"{where.get('attribute', '?')} {WORDS.get(operator, operator)} {text}".strip()


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


@dataclass(frozen=True)
class Choice:
    """An attribute of the filter form, with the operators that it takes."""

    name: str
    operators: str


def choices(version: TableVersion, hidden: frozenset[str] = frozenset()) -> list[Choice]:
    """The attributes that the filter form offers."""
    schema = version.object_version.schema
    return [Choice(each.name, " ".join(operators(each))) for each in schema.attributes if each.name not in hidden]


@dataclass(frozen=True)
class View:
    """What the page shows, for programs: addresses by format, and ways to ask for it."""

    page_url: str
    formats: list[tuple[str, str]]
    snippets: list[tuple[str, str]]


def view_of(request: HttpRequest, page_path: str) -> View:
    """The rows of the page's filter and order in every form. page_path: of the rows in the API."""
    asked = query_string(request.GET, *PLACE_PARAMETERS, "count")
    whole = f"?{asked}" if asked else ""
    page_url = request.build_absolute_uri(page_path + whole)

    def stream_url(name: str) -> str:
        return request.build_absolute_uri(f"{page_path}.{name}{whole}")

    lines, parquet = stream_url("ndjson"), stream_url("parquet")
    python = (
        "import json\nfrom urllib.request import urlopen\n\n"
        f"with urlopen({json.dumps(lines)}) as answer:\n    rows = [json.loads(line) for line in answer]"
    )
    duckdb = f"curl -o rows.parquet {_shell(parquet)}\nduckdb -c \"SELECT * FROM 'rows.parquet'\""
    return View(
        page_url,
        [("JSON", page_url), *((each.upper(), stream_url(each)) for each in FORMATS if each != "json")],
        [("curl", f"curl {_shell(page_url)}"), ("Python", python), ("DuckDB", duckdb)],
    )


def _shell(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
