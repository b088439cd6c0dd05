"""The functions as Exemplar calls them: a list of rows for each port in, rows out.

The last port, `arguments`, has one row with an attribute for each argument; any other is a list, one member a row.
"""

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

from . import ciphers, games, numbers, sequences, trees, words

Rows = list[dict[str, Any]]
MEMBER = "member"
"""The column of a list."""

ONE_ROW = frozenset({"pov__path_to"})
"""Give a list or null, so that the list is one cell."""


def _entry(function: Callable[..., Any]) -> Callable[..., Rows]:
    names = [each.name for each in signature(function).parameters.values() if each.kind != Parameter.VAR_KEYWORD]

    def call(*ports: Rows) -> Rows:
        has_arguments = bool(ports) and bool(ports[-1]) and MEMBER not in ports[-1][0]
        arguments = ports[-1][0] if has_arguments else {}
        listed = [name for name in names if name not in arguments]
        lists = {
            name: [row[MEMBER] for row in rows]
            for name, rows in zip(listed, ports[: len(ports) - has_arguments], strict=False)
        }
        given = {name: value for name, value in arguments.items() if value is not None}
        answer = function(**(lists | given))
        is_list = isinstance(answer, list) and function.__name__ not in ONE_ROW
        return [{"value": value} for value in (answer if is_list else [answer])]

    return call


for _module in (ciphers, games, numbers, sequences, trees, words):
    for _name, _function in vars(_module).items():
        if "__" in _name.strip("_"):
            globals()[_name] = _entry(_function)
