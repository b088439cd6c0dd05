"""The functions as Exemplar calls them: a list of rows for each port in, rows out.

The port `arguments` has one row with an attribute for each argument; any other port is a list, one member a row.
"""

from collections.abc import Callable
from typing import Any

from benchmarks.cases.exercism import ciphers, games, numbers, sequences, trees, words

Rows = list[dict[str, Any]]
ONE_ROW = frozenset({"pov__path_to"})
"""Give a list or null, so that the list is one cell."""


def _entry(function: Callable[..., Any]) -> Callable[..., Rows]:
    def call(**ports: Rows) -> Rows:
        (arguments,) = ports.pop("arguments", [{}])
        given = {name: value for name, value in arguments.items() if value is not None}
        lists = {name: [row["value"] for row in rows] for name, rows in ports.items()}
        answer = function(**given, **lists)
        is_list = isinstance(answer, list) and function.__name__ not in ONE_ROW
        return [{"value": value} for value in (answer if is_list else [answer])]

    return call


for _module in (ciphers, games, numbers, sequences, trees, words):
    for _name, _function in vars(_module).items():
        if "__" in _name.strip("_"):
            globals()[_name] = _entry(_function)
