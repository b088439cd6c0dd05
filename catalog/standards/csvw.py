"""CSVW metadata (a table's description), in. Pure: no Django, and no network: what stands elsewhere is not fetched.

Source: https://www.w3.org/TR/tabular-metadata/. What it calls an error is a problem that refuses the document; what it
calls a warning, and what an Object has no word for, is told.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from catalog.standards.coverage import UNCOVERED, uncovered
from catalog.standards.csvw_annotations import annotation_problems, language_problem, node_problems
from catalog.standards.csvw_datatypes import problems_below, read_datatype
from catalog.types.nested import ITEM_TYPES
from config.problems import Problem, nearest, pointer

CONTEXT: Final = "http://www.w3.org/ns/csvw"
_INHERITED: Final = (
    "aboutUrl", "datatype", "default", "lang", "null", "ordered", "propertyUrl", "required", "separator",
    "textDirection", "valueUrl",
)  # fmt: skip
_NODE: Final = ("@id", "@type", "@context")
_ANNOTATING: Final = ("dialect", "notes", "suppressOutput", "tableDirection", "transformations")
_GROUP: Final = (*_NODE, *_INHERITED, *_ANNOTATING, "tables", "tableSchema")
_TABLE: Final = (*_NODE, *_INHERITED, *_ANNOTATING, "url", "tableSchema")
_SCHEMA: Final = (*_NODE, *_INHERITED, "columns", "foreignKeys", "primaryKey", "rowTitles")
_COLUMN: Final = (*_NODE, *_INHERITED, "name", "suppressOutput", "titles", "virtual")
_UNCHECKED: Final = (
    "aboutUrl", "default", "lang", "ordered", "propertyUrl", "textDirection", "valueUrl",
    *_ANNOTATING, "rowTitles",
)  # fmt: skip
_NAME: Final = re.compile(r"(?!_)([\w.]|%[0-9A-Fa-f]{2})+")

Document = Mapping[str, Any]


def from_csvw(document: Any, name: str = "") -> tuple[dict[str, Any], list[Problem]]:
    """The definition of a table's rows that its description says, and what of it is not covered or wrong.

    document: of one table, or of a group; of several tables the one is meant whose file has this name, its ending left
    out. An attribute has the name of its column; where the header of the file has other titles, the problems say so.
    """
    if not isinstance(document, Mapping):
        return {}, [Problem("", "type", "CSVW metadata is an object that describes a table or a group of tables.")]
    problems = list(_context_problems(document))
    group: Document = {}
    if "tables" not in document and "url" in document:
        tables, places = [document], [""]
    else:
        group = document
        problems += _level_problems(document, "", _GROUP, "TableGroup")
        listed = document.get("tables")
        if not isinstance(listed, list) or not listed or not all(isinstance(each, Mapping) for each in listed):
            message = 'CSVW metadata describes a table with its "url", or has "tables", a list of at least one.'
            return {}, [*problems, Problem("/tables", "required", message)]
        tables, places = listed, [pointer("tables", position) for position in range(len(listed))]
    for table, place in zip(tables, places, strict=True):
        problems += _table_problems(table, place)
    chosen = _chosen(tables, name)
    if chosen is None:
        names = ", ".join(map(table_name, tables))
        message = f"{len(tables)} tables are described; say by its name which one is meant: {names}."
        return {}, [*problems, Problem("/tables", "ambiguous", message)]
    definition, found = _Translation(group, tables, places[chosen], tables[chosen]).definition()
    return definition, [*problems, *found]


def table_name(table: Document) -> str:
    """The name of a described table: that of its file, its ending left out."""
    return _stem(table.get("url"))


def _stem(url: Any) -> str:
    path = unquote(urlsplit(url).path) if isinstance(url, str) and _is_url(url) else ""
    return PurePosixPath(path).name.partition(".")[0]


def _is_url(url: str) -> bool:
    try:
        urlsplit(url)
    except ValueError:
        return False
    return True


def _chosen(tables: Sequence[Document], name: str) -> int | None:
    named = [position for position, table in enumerate(tables) if table_name(table) == name]
    return named[0] if len(named) == 1 else 0 if len(tables) == 1 else None


# --- what is wrong with a document ----------------------------------------------------------------------------------


def _context_problems(document: Document) -> Iterator[Problem]:
    context = document.get("@context")
    parts = context if isinstance(context, list) else [context]
    if not parts or parts[0] != CONTEXT or len(parts) > 2:
        yield Problem("/@context", "required", f'CSVW metadata has "@context": "{CONTEXT}".')
    elif len(parts) == 2:
        local = parts[1]
        if not isinstance(local, Mapping) or not local or not set(local) <= {"@base", "@language"}:
            yield Problem("/@context/1", "type", "A context has @base or @language, and nothing else.")
        elif "@language" in local and (told := language_problem(local["@language"])):
            yield Problem("/@context/1/@language", UNCOVERED, told)


def _level_problems(given: Document, place: str, known: Sequence[str], kind: str) -> Iterator[Problem]:
    """What is wrong with, or not covered of, the words of one level: a group, a table, a schema or a column."""
    yield from node_problems(given, place, kind)
    for name, value in given.items():
        below = place + pointer(name)
        if ":" in name:
            yield from annotation_problems(value, below)
        elif name not in known:
            yield Problem(below, UNCOVERED, f"{name!r} is no property of a {kind}; {nearest(name, known)}")
        elif name in _UNCHECKED and value not in ("", None, False, [], "auto", "inherit"):
            yield uncovered(below, name)
    dialect = given.get("dialect")
    if "dialect" in known and isinstance(dialect, Mapping):
        yield from node_problems(dialect, place + "/dialect", "Dialect")
    transformations = given.get("transformations")
    if "transformations" in known and isinstance(transformations, list):
        for position, each in enumerate(transformations):
            if isinstance(each, Mapping):
                yield from node_problems(each, place + pointer("transformations", position), "Template")


def _table_problems(table: Document, place: str) -> Iterator[Problem]:
    yield from _level_problems(table, place, _TABLE, "Table")
    url = table.get("url")
    if not isinstance(url, str) or not url or not _is_url(url):
        yield Problem(place + "/url", "required", 'A table has "url", the address of its file.')
    schema = table.get("tableSchema")
    below = place + "/tableSchema"
    if isinstance(schema, str):
        message = "The schema stands at another address, which is not fetched; put it in its place."
        yield Problem(below, "not_allowed", message)
    elif not isinstance(schema, Mapping):
        if schema is not None:
            yield Problem(below, "type", "tableSchema is an object with columns.")
    else:
        yield from _level_problems(schema, below, _SCHEMA, "Schema")
        yield from _columns_problems(schema.get("columns"), below + "/columns")


def _columns_problems(columns: Any, place: str) -> Iterator[Problem]:
    if columns is not None and not isinstance(columns, list):
        yield Problem(place, UNCOVERED, "columns is a list of columns; it is left out.")
        return
    virtual = False
    for position, column in enumerate(columns or []):
        below = place + pointer(position)
        if not isinstance(column, Mapping):
            yield Problem(below, UNCOVERED, "A column is an object; this is left out.")
            continue
        yield from _level_problems(column, below, _COLUMN, "Column")
        yield from _titles_problems(column, below + "/titles")
        if virtual and column.get("virtual") is not True:
            yield Problem(below + "/virtual", "contradiction", "A virtual column stands after all others.")
        virtual = virtual or column.get("virtual") is True


def _titles_problems(column: Document, place: str) -> Iterator[Problem]:
    titles = column.get("titles")
    if isinstance(titles, Mapping):
        for language, value in titles.items():
            if told := language_problem(language):
                yield Problem(place + pointer(language), "invalid_language", told)
            if not _are_texts(value):
                yield Problem(place + pointer(language), "type", "Titles are a text or a list of texts.")
    elif titles is not None and not _are_texts(titles):
        yield Problem(place, "type", "Titles are a text, a list of texts, or such by language.")


def _are_texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(each, str) for each in value))


# --- what a document says -------------------------------------------------------------------------------------------


def titles_of(column: Document) -> list[str]:
    """The titles of a column, one of which stands in the header of the file."""
    titles = column.get("titles")
    given = list(titles.values()) if isinstance(titles, Mapping) else [titles]
    found = [text for each in given for text in (each if isinstance(each, list) else [each])]
    return [text for text in found if isinstance(text, str)]


def column_name(column: Document, position: int) -> str:
    """The name that rows have for a column: its own, else its first title, else its place."""
    name = column.get("name")
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    return next(iter(titles_of(column)), f"_col.{position + 1}")


def columns_of(table: Document) -> list[tuple[int, Document]]:
    """The columns that the file of a table has, with their places in the description."""
    schema = table.get("tableSchema")
    columns = schema.get("columns") if isinstance(schema, Mapping) else None
    given = [(place, each) for place, each in enumerate(columns if isinstance(columns, list) else [])]
    return [(place, each) for place, each in given if isinstance(each, Mapping) and each.get("virtual") is not True]


def _names_of(table: Document) -> list[str]:
    return [column_name(column, position) for position, column in columns_of(table)]


class _Translation:
    """One table's description as a definition; what is found on the way stands in `problems`."""

    def __init__(self, group: Document, tables: Sequence[Document], place: str, table: Document) -> None:
        schema = table.get("tableSchema")
        self.tables = {each.get("url"): each for each in tables if isinstance(each.get("url"), str)}
        self.table = table
        self.names = frozenset(_names_of(table))
        self.place = place + "/tableSchema"
        self.schema: Document = schema if isinstance(schema, Mapping) else {}
        levels = [(group, ""), (table, place), (self.schema, self.place)]
        self.inherited = {name: (level[name], at) for level, at in levels for name in _INHERITED if name in level}
        self.problems: list[Problem] = []

    def definition(self) -> tuple[dict[str, Any], list[Problem]]:
        """The definition and the problems."""
        columns = columns_of(self.table)
        if not columns:
            message = "No column is described; an object needs attributes. Describe the file itself to find them out."
            return {}, [*self.problems, Problem(self.place + "/columns", "required", message)]
        found: dict[str, Any] = {"attributes": [self._attribute(position, column) for position, column in columns]}
        if "null" in self.inherited:
            marks = self._marks(*self.inherited["null"])
            found |= {"missingValues": marks} if marks is not None else {}
        self._tell_virtual()
        self._tell_header(columns)
        if key := self._primary_key():
            found["primaryKey"] = key
        if keys := list(self._foreign_keys()):
            found["foreignKeys"] = keys
        return found, self.problems

    def _tell(self, place: str, message: str) -> None:
        self.problems.append(Problem(place, UNCOVERED, message))

    def _attribute(self, position: int, column: Document) -> dict[str, Any]:
        place = self.place + pointer("columns", position)
        said = self.inherited | {name: (column[name], place) for name in _INHERITED if name in column}
        name = column_name(column, position)
        if "name" in column and name != column["name"]:
            self._tell(place + "/name", f"{column['name']!r} is no name of a column; it is called {name!r}.")
        titles = [title for title in titles_of(column) if title != name]
        datatype, at = said.get("datatype", ("string", place))
        found = read_datatype(datatype)
        self.problems += problems_below(found, at + "/datatype")
        if "separator" in said and said["separator"][0] is not None:
            self._separate(found, datatype, *said["separator"])
        if self._is_required(said):
            found.constraints["required"] = True
        attribute = {"name": name, **found.attribute} | ({"title": titles[0]} if titles else {})
        if "null" in column:
            marks = self._marks(column["null"], place)
            attribute |= {"missingValues": marks} if marks is not None else {}
        return attribute | ({"constraints": found.constraints} if found.constraints else {})

    def _is_required(self, said: Mapping[str, tuple[Any, str]]) -> bool:
        value, place = said.get("required", (False, ""))
        if not isinstance(value, bool):
            self._tell(place + "/required", "required is true or false; it is left out.")
        return value is True

    def _separate(self, found: Any, datatype: Any, separator: Any, place: str) -> None:
        """A cell with several values: a list, as long as nothing is asked of its items but their type."""
        kind = found.attribute["type"]
        if not isinstance(separator, str) or not separator:
            self._tell(place + "/separator", "The separator is a text; it is left out.")
        elif isinstance(datatype, str) and kind in ITEM_TYPES and not found.constraints:
            found.attribute = {"type": "list", "delimiter": separator, "itemType": kind}
        else:
            self._tell(place + "/separator", "What is asked of the values in a list is not checked; they are a text.")
            found.attribute, found.constraints = {"type": "string"}, {}

    def _marks(self, given: Any, place: str) -> list[str] | None:
        if _are_texts(given):
            return [given] if isinstance(given, str) else list(given)
        self._tell(place + "/null", "null is a text or a list of texts; it is left out.")
        return None

    def _tell_virtual(self) -> None:
        columns = self.schema.get("columns")
        for position, column in enumerate(columns if isinstance(columns, list) else []):
            if isinstance(column, Mapping) and column.get("virtual") is True:
                self._tell(self.place + pointer("columns", position), "A virtual column stands in no file.")

    def _tell_header(self, columns: Sequence[tuple[int, Document]]) -> None:
        names = [column_name(column, position) for position, column in columns]
        titles = [titles_of(column) for _, column in columns]
        if any(given and name not in given for name, given in zip(names, titles, strict=True)):
            message = f"The header of the file has titles; read it with the names header={','.join(names)}"
            self._tell(self.place + "/columns", message)

    # --- keys -------------------------------------------------------------------------------------------------------

    def _primary_key(self) -> list[str]:
        if "primaryKey" not in self.schema:
            return []
        given = _listed(self.schema["primaryKey"])
        if given is not None and self.names.issuperset(given):
            return given
        self._tell(self.place + "/primaryKey", "A primary key names columns of the table; this one is left out.")
        return []

    def _foreign_keys(self) -> Iterator[dict[str, Any]]:
        given = self.schema.get("foreignKeys", [])
        if not isinstance(given, list):
            self._tell(self.place + "/foreignKeys", "foreignKeys is a list; it is left out.")
            return
        for position, key in enumerate(given):
            place = self.place + pointer("foreignKeys", position)
            if not isinstance(key, Mapping):
                self._tell(place, "A foreign key is an object; this is left out.")
                continue
            reference = key.get("reference")
            problems = [*_unknown(key, ("columnReference", "reference"), place)]
            if not isinstance(reference, Mapping):
                problems.append(Problem(place + "/reference", "required", "A foreign key has a reference."))
            else:
                known = ("resource", "schemaReference", "columnReference")
                problems += _unknown(reference, known, place + "/reference")
            fields = self._fields(key, self.table, place, problems)
            found = None if problems else self._reference(key["reference"], place + "/reference", problems)
            self.problems += problems
            if found is not None:
                yield {"fields": fields, "reference": found}

    def _reference(self, reference: Document, place: str, problems: list[Problem]) -> dict[str, Any] | None:
        if "schemaReference" in reference:
            self._tell(place + "/schemaReference", "A reference to a schema is not followed; name a resource.")
            return None
        url = reference.get("resource")
        there = self.tables.get(url) if isinstance(url, str) else None
        if there is None:
            problems.append(
                Problem(place + "/resource", "unknown_object", f"No table is described with the url {url!r}.")
            )
            return None
        fields = self._fields(reference, there, place, problems)
        return {"object": "" if there is self.table else table_name(there), "fields": fields}

    def _fields(self, given: Document, table: Document, place: str, problems: list[Problem]) -> list[str]:
        fields = _listed(given.get("columnReference"))
        if fields is None:
            problems.append(Problem(place + "/columnReference", "required", "columnReference names columns."))
            return []
        names = self.names if table is self.table else frozenset(_names_of(table))
        problems += [
            Problem(place + "/columnReference", "unknown_attribute", f"{field!r} is no column of the table.")
            for field in fields
            if field not in names
        ]
        return fields


def _unknown(given: Document, known: Sequence[str], place: str) -> Iterator[Problem]:
    for name in given:
        if name not in known:
            yield Problem(place + pointer(name), "unknown_property", f"{name!r} is unknown; {nearest(name, known)}")


def _listed(reference: Any) -> list[str] | None:
    """The columns that a reference names, one or several; None if it is no such reference."""
    if not _are_texts(reference) or not reference:
        return None
    return [reference] if isinstance(reference, str) else list(reference)
