"""What the plugin asks of an Exemplar server, over its REST API."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import Request, urlopen

TIMEOUT_SECONDS = 120
PAGE = 1000


class ServerError(Exception):
    """The server doesn't answer, or refuses. The message is a sentence for the person at the terminal."""


class Server:
    """An Exemplar server."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ServerError(f"{url!r} is no address of a server; one is http://127.0.0.1:8000")
        self.url = url.rstrip("/")

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at a path below /api/v1/; numbers with a fraction are Decimals."""
        return _load(self._send("GET", path + (f"?{urlencode(query)}" if query else "")))

    def all(self, path: str, **query: Any) -> list[Any]:
        """Every member of a list, page by page."""
        found: list[Any] = []
        while True:
            page = self.get(path, limit=PAGE, offset=len(found), **query)
            found += page["results"]
            if not page["next"]:
                return found

    def post(self, path: str, body: str | None = None) -> Any:
        """Send a JSON text; the answer."""
        return _load(self._send("POST", path, body))

    def delete(self, path: str) -> None:
        """Delete what is at a path."""
        self._send("DELETE", path)

    def rows(self, table: str, version: int) -> list[dict[str, Any]]:
        """The rows of a version of a table, as JSON has them."""
        lines = self._send("GET", f"tables/{table}/rows.ndjson?version={version}").split(b"\n")
        rows = [_load(line) for line in lines if line]
        for row in rows:
            row.pop("_id", None)
        return rows

    def _send(self, method: str, path: str, body: str | None = None) -> bytes:
        headers = {"Accept": "application/json, application/x-ndjson"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = Request(  # noqa: S310 - the scheme was looked at
            f"{self.url}/api/v1/{path}", body.encode() if body is not None else None, headers, method=method
        )
        try:
            with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                return bytes(answer.read())
        except HTTPError as error:
            raise ServerError(self._refusal(error)) from error
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise ServerError(f"The Exemplar server at {self.url} does not answer: {reason}") from error

    def _refusal(self, error: HTTPError) -> str:
        if error.code in {401, 403}:
            return (
                f"The Exemplar server at {self.url} wants a sign-in; the plugin works with one that is open to this "
                "machine (DEBUG=true, API_ACCESS=open)."
            )
        try:
            problem = json.loads(error.read())
            told = [problem["title"], problem.get("detail", "")]
            told += [each["message"] for each in problem.get("errors", ())]
        except (OSError, HTTPException, ValueError, KeyError, TypeError):
            return f"{self.url} answers {error.code} {error.reason}; is it an Exemplar server?"
        return f"The Exemplar server refuses: {': '.join(dict.fromkeys(filter(None, told)))}"


def _load(text: bytes) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise ServerError("The answer is no JSON; is it an Exemplar server?") from error


@dataclass(frozen=True)
class Port:
    """A port of a function, with the attributes of its object."""

    name: str
    object: str
    attributes: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Function:
    """A function of the catalog."""

    id: str
    application: str
    name: str
    parameters: tuple[Mapping[str, Any], ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    @property
    def path(self) -> str:
        """As in `demo/customers`."""
        return f"{self.application}/{self.name}"


def find_function(server: Server, path: str) -> Function:
    """The function of a path such as `demo/customers`. Raises ServerError with the nearest name."""
    application, _, name = path.partition("/")
    if not application or not name:
        raise ServerError(f"{path!r} names no function; give its application too, as in demo/customers")
    found = server.get("functions", application=application, name=name, limit=1)["results"]
    if not found:
        known = [f"{each['application']}/{each['name']}" for each in server.all("functions")]
        raise ServerError(f"The server has no function {path!r}; {_nearest(path, known)}")
    (function,) = found
    attributes: dict[str, tuple[Mapping[str, Any], ...]] = {}
    for port in (*function["inputs"], *function["outputs"]):
        if port["object"] not in attributes:
            attributes[port["object"]] = tuple(server.get(f"objects/{quote(port['object'])}")["attributes"])
    sides = [
        tuple(Port(port["name"], port["object"], attributes[port["object"]]) for port in function[side])
        for side in ("inputs", "outputs")
    ]
    return Function(function["id"], application, name, tuple(function["parameters"]), *sides)


def find_cases(server: Server, function: Function, tag: str = "", name: str = "") -> list[Mapping[str, Any]]:
    """The test cases of a function, with the tag and of the name, which may be a pattern."""
    query = {"function": function.id, **({"tag": tag} if tag else {})}
    cases = server.all("test-cases", **query)
    found = [case for case in cases if not name or case["name"] == name or fnmatchcase(case["name"], name)]
    if not found:
        which = " ".join(part for part in (tag and f"with the tag {tag!r}", name and f"named {name!r}") if part)
        hint = _nearest(name, [case["name"] for case in cases]) if name and cases else ""
        said = f"The function {function.path} has no test case {which}".rstrip()
        raise ServerError(f"{said}; {hint}" if hint else f"{said}.")
    return found


def _nearest(wanted: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(wanted, names, 1)
    if near:
        return f"did you mean {near[0]!r}?"
    shown = ", ".join(names[:10])
    return f"there are: {shown}{', ...' if len(names) > 10 else ''}" if names else "there is none"
