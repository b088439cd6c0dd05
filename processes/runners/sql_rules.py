"""What a query of an sql implementation may say: one SELECT over its input ports, without side effects.

DuckDB's settings keep a query from the host's files and from the network. They do not keep it from table functions that
change the instance (`enable_logging` would record the queries of later cases), that run text as a query, or that read
the Parts behind an input port. So the parsed query is walked, and what isn't on the list is refused by name.
Parsing never executes: `json_serialize_sql` is DuckDB's bare parser, whereas `extract_statements` already runs PRAGMAs
and reads the files of an IMPORT DATABASE.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

import duckdb

from config.problems import Problem, nearest, pointer
from processes.runners.clock import CLOCK_FUNCTIONS

MAXIMUM_CHARACTERS = 100_000

_TABLE_FUNCTIONS = frozenset(
    {"generate_series", "json_each", "json_tree", "range", "repeat", "repeat_row", "unnest", "values"}
)
"""Those that make rows of their arguments. All others read files, settings or other queries, or change the instance."""

_REFUSED_FUNCTIONS = frozenset(
    {
        "current_connection_id",
        "current_query",
        "current_query_id",
        "current_setting",
        "current_transaction_id",
        "currval",
        "getvariable",
        "nextval",
        "txid_current",
        "write_log",
    }
)
"""Scalar functions that tell of the process and of other cases, or write to the instance."""

_NESTED = 500
_SIGNS = re.compile(rf"[+-]{{{_NESTED},}}")
_COMMENT_MARKS = re.compile(r"/\*|\*/")
_FINDINGS = 100

_PARSE = """
SELECT json_serialize_sql($query, skip_empty := true, skip_null := true, skip_default := true),
       json_serialize_sql($wrapped, skip_empty := true, skip_null := true, skip_default := true)
"""

_Finding = tuple[str, str]


def check_queries(
    definition: Any,
    output_names: Iterable[str],
    parameter_names: Iterable[str],
    input_names: Iterable[str] | None = None,
) -> list[Problem]:
    """What is wrong in a definition that maps each output port to a query; nothing is executed.

    Without ``input_names`` the tables that a query names are not looked at.
    """
    if not isinstance(definition, Mapping):
        return [Problem("", "invalid_type", "The definition maps each output port to a query.")]
    expected = list(output_names)
    problems = [
        Problem(pointer(name), "missing_output", f"Output port {name!r} has no query.")
        for name in expected
        if name not in definition
    ]
    tables = None if input_names is None else frozenset(name.lower() for name in input_names)
    parameters = frozenset(parameter_names)
    for name, query in definition.items():
        if name not in expected:
            message = f"There is no output port {name!r}; {nearest(name, expected)}"
            problems.append(Problem(pointer(name), "unknown_output", message))
            continue
        problems += [Problem(pointer(name), *finding) for finding in _check_query(query, tables, parameters)]
    return problems


def strip_terminator(query: str) -> str:
    """The query without the semicolon that people end it with, so that it can stand in parentheses."""
    return query.rstrip().rstrip(";").rstrip()


def _check_query(query: Any, tables: frozenset[str] | None, parameters: frozenset[str]) -> tuple[_Finding, ...]:
    if not isinstance(query, str):
        return (("invalid_type", "A query is text."),)
    if len(query) > MAXIMUM_CHARACTERS:
        return (("too_long", f"A query has at most {MAXIMUM_CHARACTERS:,} characters; this one has {len(query):,}."),)
    return _check_text(query, tables, parameters)


@lru_cache(maxsize=512)
def _check_text(query: str, tables: frozenset[str] | None, parameters: frozenset[str]) -> tuple[_Finding, ...]:
    """Cached, because a function's query is checked again for each of its test cases."""
    if "\x00" in query or any("\ud800" <= character <= "\udfff" for character in query):
        return (("syntax_error", "A query is Unicode text without NUL characters and lone surrogates."),)
    if _is_slow_to_parse(query):
        return (("too_deep", f"Comments nest, or operators follow each other, more than {_NESTED} times."),)
    text = strip_terminator(query)
    connection = _parser(os.getpid()).cursor()
    ((query_json, wrapped_json),) = connection.execute(
        _PARSE, {"query": text, "wrapped": f"SELECT * FROM (\n{text}\n)"}
    ).fetchall()
    connection.close()
    try:
        parsed, wrapped = json.loads(query_json), json.loads(wrapped_json)
    except RecursionError:
        return (("too_deep", "The query nests expressions too deeply; split it with WITH."),)
    refusal = _parse_refusal(parsed, wrapped)
    if refusal:
        return (refusal,)
    return tuple(islice(dict.fromkeys(_findings(parsed["statements"][0], tables, parameters)), _FINDINGS))


def _is_slow_to_parse(query: str) -> bool:
    """Whether DuckDB's scanner would take time by the square: for comments in comments, and for + and - in a row."""
    if any("+" in signs for signs in _SIGNS.findall(query)):
        return True
    depth = 0
    for mark in _COMMENT_MARKS.findall(query):
        depth = depth + 1 if mark == "/*" else max(depth - 1, 0)
        if depth > _NESTED:
            return True
    return False


@lru_cache(maxsize=1)
def _parser(process: int) -> duckdb.DuckDBPyConnection:
    """An instance to parse with, for each process its own: one that came through a fork may hold locks."""
    return duckdb.connect(
        ":memory:", config={"threads": 1, "enable_external_access": False, "lock_configuration": True}
    )


def _parse_refusal(parsed: dict[str, Any], wrapped: dict[str, Any]) -> _Finding | None:
    if parsed["error"] and parsed["error_type"] == "not implemented":
        return "not_a_select", (
            "A query is one SELECT statement; nothing that writes, sets, attaches or loads, "
            "and no PIVOT without its IN list."
        )
    if parsed["error"]:
        return "syntax_error", f"The query can't be parsed: {parsed['error_message']}."
    count = len(parsed.get("statements", []))
    if count != 1:
        return "not_one_statement", f"A query is exactly one SELECT statement; here are {count}."
    if wrapped["error"] or len(wrapped["statements"]) != 1:
        return "not_one_statement", "Nothing may follow the semicolon that ends the query, not even a comment."
    return None


def _findings(tree: Any, tables: frozenset[str] | None, parameters: frozenset[str]) -> Iterator[_Finding]:
    """Walk the parsed query with a stack of its own: its depth is the author's choice. Tables: those in scope."""
    stack = [(tree, tables)]
    while stack:
        node, visible = stack.pop()
        if isinstance(node, list):
            stack += [(child, visible) for child in reversed(node)]
        elif isinstance(node, dict):
            yield from _node_findings(node, visible, parameters)
            stack += reversed(list(_children(node, visible)))


def _children(node: dict[str, Any], visible: frozenset[str] | None) -> Iterator[tuple[Any, frozenset[str] | None]]:
    """A node's parts with the tables that each can see: a WITH's query sees those before it, and what follows all."""
    for entry in node.get("cte_map", {}).get("map", []):
        yield entry["value"], visible
        visible = _with_table(visible, entry["key"])
    for key, child in node.items():
        if key == "cte_map":
            continue
        sees_itself = node.get("type") == "RECURSIVE_CTE_NODE" and key == "right"
        yield child, _with_table(visible, node["cte_name"]) if sees_itself else visible


def _with_table(visible: frozenset[str] | None, name: str) -> frozenset[str] | None:
    return None if visible is None else visible | {name.lower()}


def _node_findings(
    node: dict[str, Any], visible: frozenset[str] | None, parameters: frozenset[str]
) -> Iterator[_Finding]:
    kind = node.get("type")
    if kind == "TABLE_FUNCTION" and node["function"]["function_name"].lower() not in _TABLE_FUNCTIONS:
        name = node["function"]["function_name"]
        yield "function_not_allowed", f"Table function {name!r} is not allowed; {_allowed(_TABLE_FUNCTIONS)}"
    elif kind == "FUNCTION" and node.get("function_name", "").lower() in _REFUSED_FUNCTIONS:
        yield "function_not_allowed", f"Function {node['function_name']!r} is not allowed."
    elif kind == "FUNCTION" and _is_qualified_clock(node):
        name = node["function_name"]
        yield "function_not_allowed", f"Write {name}() without a schema before it, so that a test can freeze the clock."
    elif kind == "SHOW_REF":
        yield "not_a_select", "DESCRIBE, SHOW and SUMMARIZE are not allowed; select from the input ports."
    elif kind == "BASE_TABLE" and visible is not None:
        yield from _table_findings(node, visible)
    elif kind == "VALUE_PARAMETER" and node["identifier"] not in parameters:
        hint = nearest(node["identifier"], sorted(parameters))
        yield "unknown_parameter", f"There is no parameter ${node['identifier']}; {hint}"


def _is_qualified_clock(node: dict[str, Any]) -> bool:
    is_qualified = bool(node.get("schema") or node.get("catalog"))
    return is_qualified and node.get("function_name", "").lower() in CLOCK_FUNCTIONS


def _table_findings(node: dict[str, Any], visible: frozenset[str]) -> Iterator[_Finding]:
    qualifier = ".".join(node[key] for key in ("catalog_name", "schema_name") if node.get(key))
    is_visible = node["table_name"].lower() in visible
    if is_visible and qualifier in ("", "recurring"):
        return
    name = f"{qualifier}.{node['table_name']}" if qualifier else node["table_name"]
    yield "unknown_table", f"There is no input port {name!r}; {nearest(name, sorted(visible))}"


def _allowed(names: Iterable[str]) -> str:
    return f"allowed: {', '.join(sorted(names))}."
