"""Runs http implementations, in a child that has the network and no code of a user: POST the inputs, take the outputs.

In a child, because what a service answers is hostile until it is read: the child's limits of memory and time hold for
it, and a parser that fails takes nobody with it.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpcore2
import httpx2

from config.exact_json import JSONError, load_json
from processes.runners.addresses import GuardedNetwork, TimedNetwork
from processes.runners.clock import as_utc
from processes.runners.collecting import Collector
from processes.runners.contract import Limits
from processes.runners.definitions import HEADER_NAME, HEADERS_OF_OURS
from processes.runners.hiding import without_secrets
from processes.runners.inputs import open_workspace, records, row_as_json
from processes.runners.messages import decode_parameter
from processes.runners.refusals import RefusedError, error_reply

Report = Callable[[str, str], None]
JSON, NDJSON = "application/json", "application/x-ndjson"
_MEDIA_TYPES = {"json": JSON, "ndjson": NDJSON}
_SHOWN_BYTES = 500
_EXCERPT = ", at `"
_CHUNK_ROWS_BYTES = 65536


class HttpRunner:
    """Calls services over connections that are guarded and not kept: a case leaves none to the next."""

    def __init__(self, directory: Path, limits: Limits, settings: Mapping[str, Any]) -> None:
        self._directory = directory
        self._limits = limits
        self._network = GuardedNetwork(settings["http_allowed_hosts"])
        self._tls = ssl.create_default_context()
        if settings["http_authorities"]:
            self._tls.load_verify_locations(cadata=settings["http_authorities"])

    def run(self, request: Mapping[str, Any], report: Report) -> dict[str, Any]:
        """Run one case: ``{"outputs", "load_ms", "execute_ms"}``, or ``{"error"}``."""
        phase = "load"
        started = time.perf_counter()
        try:
            report(phase, "")
            call = _Call(request, self._limits)
            connection = open_workspace(self._limits, self._directory / "work" / "temp")
            phase = "execute"
            report(phase, "")
            content, media_type = self._answer(call, call.body(connection))
            phase = "output"
            report(phase, "")
            outputs = self._outputs(request, connection, content, media_type)
        except Exception as error:  # noqa: BLE001 - a service may answer anything
            return error_reply(_told(error), phase, "", (str(self._directory),))
        return {"outputs": outputs, "load_ms": 0.0, "execute_ms": (time.perf_counter() - started) * 1000}

    def _answer(self, call: _Call, body: Iterator[bytes]) -> tuple[bytes, str]:
        """The body and media type of a good answer, within the limits."""
        network = TimedNetwork(self._network, call.deadline)
        waits = dict.fromkeys(("connect", "read", "write", "pool"), call.timeout_seconds)
        with (
            httpcore2.ConnectionPool(ssl_context=self._tls, network_backend=network) as pool,
            pool.stream(
                call.method, call.url, headers=call.headers, content=body, extensions={"timeout": waits}
            ) as got,
        ):
            content = self._read(got, call)
            headers = {
                name.decode("latin-1").lower(): without_secrets(value.decode("latin-1"), call.secrets)
                for name, value in got.headers
            }
        if 300 <= got.status < 400:
            target = headers.get("location", "nowhere")[:_SHOWN_BYTES]
            message = f"The service answers {got.status} and points to {target}; redirects are not followed."
            raise RefusedError("execution_error", message, kind=f"http_status {got.status}")
        if not 200 <= got.status < 300:
            said = without_secrets(content.decode(errors="replace"), call.secrets)[:_SHOWN_BYTES].strip()
            message = f"The service answers {got.status}" + (f": {said}" if said else ".")
            raise RefusedError("execution_error", message, kind=f"http_status {got.status}")
        if headers.get("content-encoding", "identity").lower() != "identity":
            message = f"The service answers with the encoding {headers['content-encoding'][:50]!r}; none was asked for."
            raise RefusedError("invalid_output", message)
        return content, headers.get("content-type", "").split(";")[0].strip().lower()

    def _read(self, answer: httpcore2.Response, call: _Call) -> bytes:
        content = bytearray()
        for chunk in answer.iter_stream():
            content += chunk
            if len(content) > self._limits.output_bytes:
                message = f"The service answers with more than {self._limits.output_bytes:,} bytes."
                raise RefusedError("output_too_large", message)
        return bytes(content)

    def _outputs(
        self, request: Mapping[str, Any], connection: Any, content: bytes, media_type: str
    ) -> list[dict[str, Any]]:
        ports = request["outputs"]
        collector = Collector(connection, request, self._limits)
        found = []
        for position, (port, lines) in enumerate(_tables(content, media_type, ports, request["secrets"]).items()):
            path = self._directory / "work" / f"answer-{position}.ndjson"
            with path.open("wb") as file:
                file.writelines(lines)
            found.append(collector.collect(port, path, "ndjson", "the answer"))
            path.unlink()
        return found


class _Call:
    """Where and how to ask, out of the definition and the configuration."""

    def __init__(self, request: Mapping[str, Any], limits: Limits) -> None:
        configuration, definition = request["configuration"], request["definition"]
        base = configuration["base_url"].rstrip("/")
        self._request = request
        self.secrets = request["secrets"]
        self._form = definition.get("format", "json")
        self.method = definition.get("method", "POST")
        try:
            self.url = str(httpx2.URL(base + definition.get("path", "")))
        except httpx2.InvalidURL as error:
            raise RefusedError("invalid_configuration", "The configuration's base_url is no URL.") from error
        if httpx2.URL(self.url).netloc != httpx2.URL(base).netloc:
            raise RefusedError("invalid_definition", "The path leads to another host than the base_url.")
        self.timeout_seconds = min(
            float(configuration.get("timeout_seconds", limits.wall_seconds)), limits.wall_seconds
        )
        self.deadline = time.monotonic() + self.timeout_seconds
        self.headers: dict[bytes | str, bytes | str] = {
            "Host": httpx2.URL(self.url).netloc.decode(),
            "Accept": f"{JSON}, {NDJSON}",
            "Accept-Encoding": "identity",
            "User-Agent": "Exemplar",
            "Content-Type": _MEDIA_TYPES[self._form],
            "Transfer-Encoding": "chunked",
        }
        if request["clock"]:
            self.headers["Exemplar-Clock"] = as_utc(datetime.fromisoformat(request["clock"])).isoformat()
        if self._form == "ndjson":
            self.headers["Exemplar-Parameters"] = json.dumps(json.loads(row_as_json(self._parameters())))
        self.headers |= {
            name: value
            for name, value in configuration.get("headers", {}).items()
            if HEADER_NAME.fullmatch(name) and name.lower() not in HEADERS_OF_OURS
        }

    def _parameters(self) -> dict[str, Any]:
        return {name: decode_parameter(value) for name, value in self._request["parameters"].items()}

    def body(self, connection: Any) -> Iterator[bytes]:
        """``{"inputs": {"orders": [...]}, "parameters": {...}}``, or the rows of the only input port as lines."""
        gathered = bytearray()
        for piece in self._lines(connection) if self._form == "ndjson" else self._document(connection):
            gathered += piece
            if len(gathered) > _CHUNK_ROWS_BYTES:
                yield bytes(gathered)
                gathered.clear()
        if gathered:
            yield bytes(gathered)

    def _lines(self, connection: Any) -> Iterator[bytes]:
        (table,) = self._request["inputs"].values()
        for row in records(connection, table):
            yield row_as_json(row) + b"\n"

    def _document(self, connection: Any) -> Iterator[bytes]:
        yield b'{"inputs":{'
        for position, (port, table) in enumerate(self._request["inputs"].items()):
            yield (b"," if position else b"") + row_as_json(port) + b":["
            for number, row in enumerate(records(connection, table)):
                yield (b"," if number else b"") + row_as_json(row)
            yield b"]"
        yield b'},"parameters":' + row_as_json(self._parameters()) + b"}"


def _tables(content: bytes, media_type: str, ports: list[str], secrets: Sequence[str]) -> dict[str, list[bytes]]:
    """The rows by output port, as lines of JSON, in the order of the ports."""
    if media_type == NDJSON and len(ports) == 1:
        return {ports[0]: [_plain(line) for line in content.splitlines(keepends=True)] if secrets else [content]}
    if media_type != JSON and not media_type.endswith("+json"):
        allowed = f"{JSON} or {NDJSON}" if len(ports) == 1 else JSON
        raise RefusedError(
            "invalid_output", f"The service answers with {media_type or 'no content type'}, not {allowed}."
        )
    try:
        answer = load_json(content)
    except JSONError as error:
        reason = str(error).split(_EXCERPT)[0] if secrets else error  # what it shows may be a piece of a secret
        raise RefusedError("invalid_output", f"The answer is no JSON: {reason}") from error
    given = _by_port(answer, ports)
    return {port: [row_as_json(row) + b"\n" for row in given[port]] for port in ports}


def _plain(line: bytes) -> bytes:
    """A line of JSON without needless escapes, behind which a secret could stand."""
    try:
        return row_as_json(load_json(line)) + b"\n"
    except JSONError:
        return line


def _by_port(answer: Any, ports: list[str]) -> Mapping[str, list[Any]]:
    """The rows of each output port in an answer: all ports, and no other."""
    given = answer.get("outputs") if isinstance(answer, Mapping) else answer
    if isinstance(given, list) and not isinstance(answer, Mapping) and len(ports) == 1:
        return {ports[0]: given}
    if not isinstance(given, Mapping):
        alone = "a list of rows, or " if len(ports) == 1 else ""
        raise RefusedError("invalid_output", f'The answer is {alone}{{"outputs": {{"<port>": [...]}}}}.')
    unknown = [name for name in given if name not in ports]
    if unknown:
        raise RefusedError("invalid_output", f"The answer has rows for {', '.join(unknown)}, which is no output port.")
    for port in ports:
        if port not in given:
            raise RefusedError("missing_output", "The answer has no rows for it.", port)
        if not isinstance(given[port], list):
            raise RefusedError("invalid_output", "The answer's rows are not a list.", port)
    return given


def _told(error: Exception) -> Exception:
    """An error of the network as its author would put it."""
    if isinstance(error, httpcore2.TimeoutException):
        return RefusedError("timeout", "The service took too long to answer.", kind="timeout")
    if isinstance(error, httpcore2.ConnectError):
        reason = "its certificate is not valid" if "CERTIFICATE" in str(error) else "no connection"
        return RefusedError("execution_error", f"The service can't be reached: {reason}.", kind="connection_failed")
    if isinstance(error, httpcore2.NetworkError | httpcore2.ProtocolError):
        return RefusedError(
            "execution_error", f"The conversation with the service broke off: {error}.", kind="broken_off"
        )
    return error
