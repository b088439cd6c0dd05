"""Reading a query, from a URL or from a JSON document. Pure: no Django.

Strict: an unknown attribute or operator, or a value of the wrong type, is a Problem that names what is near.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from catalog.attributes import ROW_ID, Attribute, describe_type
from catalog.constraints import as_text
from catalog.queries.conditions import (
    CONDITION_LIMIT,
    MEMBER_LIMIT,
    NESTING_LIMIT,
    Condition,
    Filter,
    Group,
    all_of,
)
from catalog.queries.operators import (
    LIST,
    NOTHING,
    OPERATORS,
    ROW_TABLE,
    ROW_VERSION,
    TEXT,
    compared_with,
    is_sortable,
    operators,
)
from catalog.queries.rows import RowQuery, changed_since
from catalog.queries.values import read_json, read_texts
from catalog.schema import Schema
from config.exact_json import JSONError, load_json
from config.problems import Problem, nearest, pointer

OWN_PARAMETERS: Final = ("ordering", "fields", "filter", "since")
RESERVED_WORDS: Final = frozenset(
    (
        *("ordering", "limit", "offset", "after", "fields", "application", "table", "version", "as", "format"),
        *("count", "filter", "since", "decimals", "integers", "spreadsheet", "max_affected", "first_column"),
    )
)
_LIKE_EXAMPLE: Final = '{"attribute": "amount", "op": "gte", "value": 10}'
_GROUPS: Final = ("and", "or", "not")
_SHOWN: Final = 60


class QueryError(ValueError):
    """A query that can't be meant. Each problem's path is the query parameter, or the place in the document."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = list(problems)


def read_query(
    schema: Schema, parameters: Iterable[tuple[str, str]], others: Sequence[str] = (), is_union: bool = False
) -> RowQuery:
    """The query that URL parameters mean: `ordering`, `fields`, `filter`, `since`, conditions such as `amount__gte=10`.

    parameters: names and texts, in order. others: further parameters that the caller takes itself, named in hints.
    Raises QueryError with every problem.
    """
    reading = _Reading(schema, is_union)
    for name, text in parameters:
        if name == "ordering":
            reading.read_ordering(text.split(","), pointer("ordering"))
        elif name == "fields":
            reading.read_fields(text.split(","), pointer("fields"))
        elif name == "since":
            reading.read_since(text, pointer("since"))
        elif name == "filter":
            reading.read_filter_text(text)
        else:
            reading.read_parameter(name, text, (*OWN_PARAMETERS, *others))
    return reading.query()


def read_document(schema: Schema, document: Mapping[str, Any], is_union: bool = False) -> RowQuery:
    """The query of a JSON document with any of `where`, `ordering`, `fields` and `since`.

    Raises QueryError with every problem.
    """
    reading = _Reading(schema, is_union)
    if document.get("where") is not None:
        reading.read_where(document["where"], pointer("where"))
    if document.get("ordering") is not None:
        reading.read_ordering(document["ordering"], pointer("ordering"))
    if document.get("fields") is not None:
        reading.read_fields(document["fields"], pointer("fields"))
    if document.get("since") is not None:
        reading.read_since(document["since"], pointer("since"))
    return reading.query()


@dataclass
class _Reading:
    """What has been read so far."""

    schema: Schema
    is_union: bool
    conditions: list[Filter] = field(default_factory=list)
    ordering: list[tuple[str, bool]] = field(default_factory=list)
    fields: list[str] | None = None
    problems: list[Problem] = field(default_factory=list)

    def query(self) -> RowQuery:
        """The query. Raises QueryError if there are problems."""
        count = len(all_of(self.conditions))
        if count > CONDITION_LIMIT:
            self.refuse("", "too_many", f"A query has at most {CONDITION_LIMIT} conditions; this one has {count}.")
        if self.problems:
            raise QueryError(self.problems)
        fields = None if self.fields is None else tuple(self.fields)
        return RowQuery(self.schema, tuple(self.conditions), tuple(self.ordering), fields, self.is_union)

    def refuse(self, place: str, code: str, message: str) -> None:
        self.problems.append(Problem(place, code, message))

    @property
    def names(self) -> list[str]:
        return [*self._general, *self.schema.names]

    @property
    def _general(self) -> dict[str, Attribute]:
        """What every row has."""
        general = [ROW_TABLE, ROW_ID, ROW_VERSION] if self.is_union else [ROW_ID, ROW_VERSION]
        return {attribute.name: attribute for attribute in general}

    def attribute(self, name: Any, place: str) -> Attribute | None:
        """The attribute of this name; None, with a problem, if there is none."""
        if isinstance(name, str) and name in self._general:
            return self._general[name]
        if name not in self.schema.names:
            message = f"{_shown(name)} is no attribute; {nearest(name, self.names)}"
            self.refuse(place, "unknown_attribute", message)
            return None
        return self.schema.attribute(name)

    # --- order and fields -------------------------------------------------------------------------------------------

    def read_ordering(self, words: Any, place: str) -> None:
        """Words such as `-amount`; in a document also `{"attribute": "-odd name", "descending": true}`."""
        words = words.split(",") if isinstance(words, str) else words
        if not isinstance(words, list):
            self.refuse(place, "type", 'ordering is a list such as ["-amount", "city"].')
            return
        for word in words:
            name, descending = self._read_key(word, place)
            attribute = None if name is None else self.attribute(name, place)
            if attribute is None:
                continue
            if not is_sortable(attribute):
                self.refuse(place, "not_sortable", f"{attribute.name!r} is a {attribute.type}, which has no order.")
            elif attribute.name not in [known for known, _ in self.ordering]:
                self.ordering.append((attribute.name, descending))

    def _read_key(self, word: Any, place: str) -> tuple[str | None, bool]:
        if isinstance(word, str):
            return word.removeprefix("-"), word.startswith("-")
        if (
            isinstance(word, dict)
            and isinstance(word.get("attribute"), str)
            and set(word) <= {"attribute", "descending"}
        ):
            descending = word.get("descending", False)
            if isinstance(descending, bool):
                return word["attribute"], descending
        message = (
            f'{_shown(word)} is no order; it is such as "-amount" or {{"attribute": "amount", "descending": true}}.'
        )
        self.refuse(place, "type", message)
        return None, False

    def read_fields(self, names: Any, place: str) -> None:
        """The names of the attributes to answer."""
        names = names.split(",") if isinstance(names, str) else names
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            self.refuse(place, "type", 'fields is a list of names such as ["id", "amount"].')
            return
        self.fields = [name for name in dict.fromkeys(names) if self.attribute(name, place) is not None]

    def read_since(self, given: Any, place: str) -> None:
        """The version after which rows must have changed."""
        number = (
            int(given) if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 10 else given
        )
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**31:
            self.refuse(place, "out_of_range", f"since is {_shown(given)}; it must be the number of a version, or 0.")
            return
        self.conditions.append(changed_since(number))

    # --- conditions of a URL ----------------------------------------------------------------------------------------

    def read_parameter(self, parameter: str, text: str, others: Sequence[str]) -> None:
        """One condition, such as `amount__gte` and `10`."""
        place = pointer(parameter)
        name, operator = self._split(parameter)
        if name not in self.names:
            hint = nearest(parameter, [*self.names, *others])
            message = f"{parameter!r} is neither an attribute nor a parameter; {hint}"
            self.refuse(place, "unknown_parameter", message)
            return
        if parameter in RESERVED_WORDS:
            message = (
                f"{parameter!r} is a reserved word; {parameter}__eq or filter= reaches the attribute of this name."
            )
            self.refuse(place, "reserved", message)
            return
        attribute = self._general.get(name) or self.schema.attribute(name)
        if self._allows(attribute, operator, place):
            self._keep(self._from_text(_Asked(attribute, operator, place, parameter), text))

    def _split(self, parameter: str) -> tuple[str, str]:
        """An attribute and its operator; a name that is an attribute as a whole is one."""
        name, separator, operator = parameter.rpartition("__")
        if parameter in self.names or not separator:
            return parameter, "eq"
        return name, operator

    def _allows(self, attribute: Attribute, operator: Any, place: str) -> bool:
        allowed = operators(attribute)
        if operator in allowed:
            return True
        verb = "does not apply to" if operator in OPERATORS else "is no operator of"
        message = f"{_shown(operator)} {verb} a {attribute.type}; {nearest(operator, allowed)}"
        self.refuse(place, "unknown_operator", message)
        return False

    def _from_text(self, asked: "_Asked", text: str) -> Condition | None:
        if asked.operator in NOTHING:
            flags = {"": True, "1": True, "true": True, "0": False, "false": False}
            return self._flagged(asked, flags.get(text.lower()), text)
        if asked.operator in LIST:
            return self._listed(asked, _members(text), read_texts)
        return self._valued(asked, [text], read_texts)

    def _keep(self, found: Filter | None) -> None:
        if found is not None:
            self.conditions.append(found)

    # --- conditions of a document -----------------------------------------------------------------------------------

    def read_filter_text(self, text: str) -> None:
        """The JSON of `filter=`."""
        try:
            where = load_json(text.encode())
        except (JSONError, UnicodeEncodeError) as error:
            self.refuse(pointer("filter"), "malformed", f"filter is JSON such as {_LIKE_EXAMPLE}. {error}")
            return
        self.read_where(where, pointer("filter"))

    def read_where(self, where: Any, place: str) -> None:
        """A condition, or conditions joined by and, or, not."""
        self._keep(self._read_filter(where, place, 0))

    def _read_filter(self, where: Any, place: str, depth: int) -> Filter | None:
        if not isinstance(where, dict):
            message = (
                f"A condition is such as {_LIKE_EXAMPLE}, or and, or, not around conditions; this is {_shown(where)}."
            )
            self.refuse(place, "type", message)
            return None
        word = next((each for each in _GROUPS if each in where), None)
        if word is None:
            return self._read_member(where, place)
        if len(where) > 1:
            self.refuse(place, "type", f"{word} stands alone in its object; this one has {', '.join(sorted(where))}.")
            return None
        if depth == NESTING_LIMIT:
            self.refuse(place, "too_deep", f"and, or, not nest at most {NESTING_LIMIT} deep.")
            return None
        return self._read_group(word, where[word], place + pointer(word), depth + 1)

    def _read_group(self, word: str, inner: Any, place: str, depth: int) -> Filter | None:
        if word == "not":
            member = self._read_filter(inner, place, depth)
            return None if member is None else Group(word, (member,))
        if not isinstance(inner, list) or not inner:
            self.refuse(place, "type", f"{word} takes a list of conditions, at least one.")
            return None
        if len(inner) > CONDITION_LIMIT:
            message = f"A query has at most {CONDITION_LIMIT} conditions; {word} has {len(inner)}."
            self.refuse(place, "too_many", message)
            return None
        members = [self._read_filter(each, place + pointer(number), depth) for number, each in enumerate(inner)]
        return Group(word, tuple(member for member in members if member is not None))

    def _read_member(self, where: dict[str, Any], place: str) -> Condition | None:
        """One condition: attribute, op and value."""
        for name in sorted(set(where) - {"attribute", "op", "value"}):
            hint = nearest(name, ["attribute", "op", "value"])
            self.refuse(place + pointer(name), "unknown_member", f"A condition has no {name!r}; {hint}")
            return None
        if "attribute" not in where:
            self.refuse(place, "required", f"The condition names no attribute; it is such as {_LIKE_EXAMPLE}.")
            return None
        attribute = self.attribute(where["attribute"], place + pointer("attribute"))
        operator = where.get("op", "eq")
        if attribute is None or not self._allows(attribute, operator, place + pointer("op")):
            return None
        return self._from_document(_Asked(attribute, operator, place + pointer("value"), "value"), where)

    def _from_document(self, asked: "_Asked", where: Mapping[str, Any]) -> Condition | None:
        value = where.get("value")
        if asked.operator in NOTHING:
            return self._flagged(asked, where.get("value", True), value)
        if value is None:
            hint = "is_null finds what has no value." if "value" in where else f"It is such as {_LIKE_EXAMPLE}."
            self.refuse(asked.place, "required", f"{asked.operator} needs a value. {hint}")
            return None
        if asked.operator in LIST:
            return self._listed(asked, value if isinstance(value, list) else None, read_json)
        return self._valued(asked, [value], read_json)

    # --- values -----------------------------------------------------------------------------------------------------

    def _flagged(self, asked: "_Asked", flag: Any, given: Any) -> Condition | None:
        if not isinstance(flag, bool):
            message = f"{asked.label} is {_shown(given)}; {asked.operator} takes no value, or true or false."
            self.refuse(asked.place, "type", message)
            return None
        other = {"is_null": "is_not_null", "is_not_null": "is_null"}
        return Condition(asked.attribute, asked.operator if flag else other[asked.operator])

    def _listed(self, asked: "_Asked", members: list[Any] | None, read: "_Read") -> Condition | None:
        if members is None or len(members) > MEMBER_LIMIT:
            found = "this is no list" if members is None else f"these are {len(members):,}"
            message = f"{asked.label} takes at most {MEMBER_LIMIT:,} values, such as a,b or a JSON list; {found}."
            self.refuse(asked.place, "type" if members is None else "too_many", message)
            return None
        if asked.operator == "between" and len(members) != 2:
            self.refuse(asked.place, "type", f"{asked.label} takes two values, such as 1,10.")
            return None
        return self._valued(asked, members, read)

    def _valued(self, asked: "_Asked", given: Sequence[Any], read: "_Read") -> Condition | None:
        meant = compared_with(asked.attribute, asked.operator)
        if asked.operator in TEXT and meant is asked.attribute:
            texts = [value if isinstance(value, str) else None for value in given]
            expected = "a text"
        else:
            texts, expected = read(meant, given) if given else [], describe_type(meant)
        unread = [value for value, text in zip(given, texts, strict=True) if text is None]
        if unread:
            self.refuse(asked.place, "type", f"{asked.label} is {_shown(unread[0])}; it must be {expected}.")
            return None
        return Condition(asked.attribute, asked.operator, tuple(text for text in texts if text is not None))


@dataclass(frozen=True)
class _Asked:
    """A condition whose value is yet to be read, and what to call it in a message."""

    attribute: Attribute
    operator: str
    place: str
    label: str


_Read = Callable[[Attribute, Sequence[Any]], list[str | None]]


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _members(text: str) -> list[str] | None:
    """The values of a list: `a,b` or a JSON list of scalars. None if it is neither."""
    if not text.startswith("["):
        return text.split(",")
    try:
        members = json.loads(text, parse_float=str)
    except (ValueError, RecursionError):
        return None
    if not isinstance(members, list) or any(each is None or isinstance(each, dict | list) for each in members):
        return None
    return [as_text(each) for each in members]
