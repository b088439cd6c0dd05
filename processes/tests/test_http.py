"""Web services as implementations: what is sent, what is taken, and which addresses are refused."""

import gzip
import ipaddress
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from processes.execution import Executor, InputTable, Limits, Outcome, Permissions, check_definition
from processes.runners.addresses import is_public
from processes.runners.contract import MEBIBYTE
from processes.tests.runs import CLOCK, ask, executor_of, failure, orders, rows

SECRET = "s3cret-token"
PRICES = {"out": (("price", "DECIMAL(9,2)"),)}
LIMITS = Limits(wall_seconds=20, memory_bytes=128 * MEBIBYTE, output_rows=1000, output_bytes=2 * MEBIBYTE)


class Service(BaseHTTPRequestHandler):
    """A service that answers by its path, well and badly."""

    protocol_version = "HTTP/1.1"
    anything: dict[str, tuple[int, bytes, dict[str, str]]] = {
        "/redirect": (302, b"", {"Location": "http://169.254.169.254/latest/meta-data"}),
        "/html": (200, b"<html>", {"Content-Type": "text/html"}),
        "/rows": (200, b"[1, 2]", {}),
        "/object": (200, b'{"rows": []}', {}),
        "/other": (200, b'{"outputs": {"else": []}}', {}),
        "/absent": (200, b'{"outputs": {}}', {}),
        "/bad": (200, b'[{"price": 1}, {"price": "abc"}]', {}),
        "/nan": (200, b'[{"price": NaN}]', {}),
        "/deep": (200, b"[" * 100_000, {}),
        "/exact": (200, b'[{"price": 1234567.10}, {"price": "1.20"}, {"price": null}, {}]', {}),
        "/gzip": (200, gzip.compress(b"[" + b" " * 50_000_000 + b"]"), {"Content-Encoding": "gzip"}),
        "/short": (200, b"[]", {"Content-Length": "100"}),
    }

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self._body()
        if self.path == "/echo":
            self._answer(200, json.dumps({"outputs": {"out": [{"got": json.loads(body)}]}}).encode(), {})
        elif self.path == "/lines":
            self._answer(200, body, {"Content-Type": "application/x-ndjson"})
        elif self.path == "/headers":
            self._answer(200, json.dumps([dict(self.headers.items())]).encode(), {})
        elif self.path == "/fails":
            self._answer(503, f"no {self.headers['Authorization']}".encode(), {})
        elif self.path in ("/endless", "/drip"):
            self._stream()
        else:
            self._answer(*self.anything[self.path])

    def _body(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (
            {"Content-Type": "application/json", "Content-Length": str(len(content))} | headers
        ).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True

    def _stream(self) -> None:
        self._answer(200, b"", {"Content-Length": "1000000000"})
        pause, piece = (0.1, b"[") if self.path == "/drip" else (0, b"[" * 100_000)
        try:
            while True:
                self.wfile.write(piece)
                time.sleep(pause)
        except OSError:
            pass


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module", params=["bwrap", "none"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    with executor_of(request.param, Permissions(http_allowed_hosts=("127.0.0.0/8",)), LIMITS) as executor:
        yield executor


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> InputTable:
    return orders(tmp_path_factory.mktemp("parts"))


def call(executor: Executor, table: InputTable, service: str, path: str, **fields: Any) -> Outcome:
    definition = {"path": path} | fields.pop("definition", {})
    configuration = {"base_url": service, "headers": {"Authorization": f"Bearer {SECRET}"}}
    fields = {"configuration": configuration, "secrets": (SECRET,), "output_types": PRICES} | fields
    return ask(executor, "http", definition, {"orders": table}, **fields)


def test_rows_and_parameters_go_as_json(executor: Executor, table: InputTable, service: str) -> None:
    ((got,),) = rows(call(executor, table, service, "/echo", parameters={"rate": 7}))
    sent = json.loads(got)
    assert sent["parameters"] == {"rate": 7}
    assert sent["inputs"]["orders"][0] == {
        "customer": "ann",
        "price": 1.1,
        "day": "2024-01-01",
        "at": "2024-01-01T10:00:00Z",
        "note": {"a": [1.5]},
    }


def test_lines_go_and_come(executor: Executor, table: InputTable, service: str) -> None:
    outcome = call(
        executor, table, service, "/lines", definition={"format": "ndjson"}, output_types={"out": table.columns}
    )
    assert outcome.outputs["out"].columns == table.columns
    assert [row[0] for row in rows(outcome)] == ["ann", ""]


def test_decimals_are_exact(executor: Executor, table: InputTable, service: str) -> None:
    found = [str(value) for (value,) in rows(call(executor, table, service, "/exact"))]
    assert found == ["1234567.10", "1.20", "None", "None"]


def test_headers_are_the_configurations_and_the_secret_comes_back_hidden(
    executor: Executor, table: InputTable, service: str
) -> None:
    outcome = call(
        executor, table, service, "/headers", clock=CLOCK, output_types={"out": (("Authorization", "JSON"),)}
    )
    found = dict(zip((name for name, _ in outcome.outputs["out"].columns), rows(outcome)[0], strict=True))
    assert found["Authorization"] == '"Bearer ***"'
    assert "2024-02-29T12:30:15" in found["Exemplar-Clock"]
    error = failure(call(executor, table, service, "/fails"))
    assert (error.kind, error.message) == ("http_status 503", "The service answers 503: no Bearer ***")


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("/redirect", "execution_error", "http://169.254.169.254/latest/meta-data; redirects are not followed"),
        ("/html", "invalid_output", "text/html"),
        ("/rows", "invalid_output", "no JSON objects"),
        ("/object", "invalid_output", "list of rows"),
        ("/other", "invalid_output", "else"),
        ("/absent", "missing_output", "no rows"),
        ("/bad", "invalid_output", 'row 2, price: "abc"'),
        ("/nan", "invalid_output", "no JSON"),
        ("/deep", "invalid_output", "no JSON"),
        ("/gzip", "invalid_output", "gzip"),
        ("/short", "execution_error", "broke off"),
        ("/endless", "output_too_large", "bytes"),
    ],
)
def test_a_bad_answer_is_told_and_the_next_case_runs(
    executor: Executor, table: InputTable, service: str, path: str, code: str, said: str
) -> None:
    error = failure(call(executor, table, service, path))
    assert (error.code, said in error.message) == (code, True), error
    assert rows(call(executor, table, service, "/exact"))


def test_a_slow_answer_is_stopped(executor: Executor, table: InputTable, service: str) -> None:
    error = failure(call(executor, table, service, "/drip", configuration={"base_url": service, "timeout_seconds": 1}))
    assert error.code == "timeout"


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "0.0.0.0", "224.0.0.1"]
)
def test_an_address_that_is_not_public_is_refused(executor: Executor, table: InputTable, host: str) -> None:
    error = failure(call(executor, table, "", "/x", configuration={"base_url": f"http://{host}/"}))
    assert (error.code, error.kind) == ("not_allowed", "address_not_allowed")


def test_a_name_is_refused_by_what_it_resolves_to_unless_it_is_allowed(table: InputTable, service: str) -> None:
    local = service.replace("127.0.0.1", "localhost")
    with executor_of("auto", Permissions(), LIMITS) as executor:
        error = failure(call(executor, table, service, "/exact", configuration={"base_url": local}))
        assert error.code == "not_allowed"
    with executor_of("auto", Permissions(http_allowed_hosts=("LOCALHOST",)), LIMITS) as executor:
        assert rows(call(executor, table, service, "/exact", configuration={"base_url": local}))


@pytest.mark.parametrize(
    "address",
    ["2002:a00:1::", "192.0.0.8", "192.88.99.1", "100.64.0.1", "2001:0:a00::1", "::10.0.0.1", "fec0::1", "ff02::1",
     "240.0.0.1", "255.255.255.255", "fe80::1", "fd00::1", "198.18.0.1", "127.255.255.254"],
)  # fmt: skip
def test_disguised_and_special_addresses_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_hosts_on_the_internet_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "configuration",
    [
        {},
        {"base_url": 7},
        {"base_url": "ftp://x"},
        {"base_url": "http://user:word@x"},
        {"base_url": "http://x/?a=b"},
        {"base_url": "http://x:99999"},
        {"base_url": "http://x", "headers": []},
        {"base_url": "http://x", "headers": {"Host": "y"}},
        {"base_url": "http://x", "headers": {"A": "b\r\nC: d"}},
        {"base_url": "http://x", "headers": {"A b": "c"}},
        {"base_url": "http://x", "timeout_seconds": 0},
        {"base_url": "http://x", "timeout_seconds": True},
    ],
)
def test_a_bad_configuration_is_refused(executor: Executor, table: InputTable, configuration: Any) -> None:
    error = failure(call(executor, table, "", "/x", configuration=configuration))
    assert (error.phase, error.code) == ("definition", "invalid_configuration")


@pytest.mark.parametrize(
    ("definition", "place", "code"),
    [
        ({"path": "score"}, "/path", "invalid"),
        ({"path": "@evil.example/"}, "/path", "invalid"),
        ({"path": "/a b"}, "/path", "invalid"),
        ({"path": "/\\x"}, "/path", "invalid"),
        ({"method": "GET"}, "/method", "invalid_choice"),
        ({"format": "xml"}, "/format", "invalid_choice"),
        ({"format": "ndjson"}, "/format", "invalid"),
        ({"url": "http://x"}, "/url", "unknown_property"),
    ],
)
def test_a_bad_definition_is_refused(definition: Any, place: str, code: str) -> None:
    problems = check_definition("http", definition, ["out"], [], ["a", "b"])
    assert [(problem.path, problem.code) for problem in problems] == [(place, code)]


ODD_SECRET = 'p"w\\d/ü-1234'


def say(path: str, status: int, content: bytes, headers: dict[str, str]) -> str:
    """Have the service answer so at a path."""
    Service.anything[path] = (status, content, headers)
    return path


@pytest.mark.parametrize(
    "spelled",
    [
        json.dumps(ODD_SECRET),
        json.dumps(ODD_SECRET, ensure_ascii=False),
        '"' + "".join(f"\\u{ord(character):04x}" for character in ODD_SECRET) + '"',
    ],
)  # fmt: skip
@pytest.mark.parametrize("media_type", ["application/json", "application/x-ndjson"])
def test_a_secret_that_json_writes_in_another_way_is_hidden_in_cells(
    executor: Executor, table: InputTable, service: str, spelled: str, media_type: str
) -> None:
    row = f'{{"price": "1.00", "said": {spelled}, "tree": {{"a": [{spelled}]}}}}'
    content = row if media_type.endswith("ndjson") else f"[{row}]"
    path = say("/odd", 200, content.encode(), {"Content-Type": media_type})
    outcome = call(
        executor,
        table,
        service,
        path,
        secrets=(ODD_SECRET,),
        output_types={"out": (*PRICES["out"], ("said", "VARCHAR"), ("tree", "JSON"))},
    )
    price, said, tree = rows(outcome)[0]
    assert (str(price), said, json.loads(tree)) == ("1.00", "***", {"a": ["***"]})


def test_a_secret_that_looks_like_a_number_leaves_numbers_as_they_are(
    executor: Executor, table: InputTable, service: str
) -> None:
    path = say("/number", 200, b'[{"price": 1234.5, "said": "no 1234"}]', {})
    types = {"out": (*PRICES["out"], ("said", "VARCHAR"))}
    outcome = call(executor, table, service, path, secrets=("1234",), output_types=types)
    assert [str(value) for value in rows(outcome)[0]] == ["1234.50", "no ***"]


@pytest.mark.parametrize(
    ("status", "content", "headers"),
    [
        (500, b"x" * 490 + SECRET.encode(), {}),
        (302, b"", {"Location": "https://example.com/" + "x" * 470 + SECRET}),
        (200, b"[]", {"Content-Encoding": "x" * 43 + SECRET}),
        (200, b'[{"price": "' + b"y" * 70 + SECRET.encode() + b'"}]', {}),
        (200, b'[{"' + SECRET.encode() + b'": 1}]', {}),
        (200, b'[{"price": ' + SECRET.encode() + b"}]", {}),
        (200, SECRET.encode(), {}),
    ],
)
def test_no_part_of_a_secret_is_in_an_error(
    executor: Executor, table: InputTable, service: str, status: int, content: bytes, headers: dict[str, str]
) -> None:
    error = failure(call(executor, table, service, say("/leaks", status, content, headers)))
    assert not [piece for length in range(5, 12) if (piece := SECRET[:length]) in error.message], error.message


class Drip(socketserver.BaseRequestHandler):
    """A service that never comes to the end of its headers, byte by byte."""

    def handle(self) -> None:
        try:
            self.request.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while True:
                self.request.sendall(b"x")
                time.sleep(0.05)
        except OSError:
            pass


class Early(socketserver.BaseRequestHandler):
    """A service that says early, and for ever, that it goes on."""

    def handle(self) -> None:
        try:
            while True:
                self.request.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")
                time.sleep(0.01)
        except OSError:
            pass


@pytest.mark.parametrize("handler", [Drip, Early])
def test_the_time_of_a_configuration_holds_before_the_body_begins(
    executor: Executor, table: InputTable, handler: type[socketserver.BaseRequestHandler]
) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        configuration = {"base_url": f"http://127.0.0.1:{server.server_address[1]}", "timeout_seconds": 1}
        error = failure(call(executor, table, "", "/x", configuration=configuration))
        server.shutdown()
    assert (error.code, error.message) == ("timeout", "The service took too long to answer.")


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1?", "http://127.0.0.1#", "http://127.0.0.1/a?", "file:///etc/passwd"]
)
def test_a_base_that_would_swallow_the_path_is_refused(executor: Executor, table: InputTable, base: str) -> None:
    error = failure(call(executor, table, "", "/x", configuration={"base_url": base}))
    assert (error.phase, error.code) == ("definition", "invalid_configuration")


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "017700000001", "127.1", "[::]", "[::ffff:7f00:1]", "\uff11\uff12\uff17.0.0.1"]
)
def test_no_way_of_writing_an_address_gets_around_the_guard(table: InputTable, host: str) -> None:
    with executor_of("auto", Permissions(), LIMITS) as executor:
        error = failure(call(executor, table, "", "/x", configuration={"base_url": f"http://{host}:9/"}))
    assert error.kind in {"address_not_allowed", "host_not_found"} or error.code == "invalid_configuration", error


@pytest.mark.parametrize(
    ("content", "headers", "code"),
    [
        (b"", {"Content-Type": "application/json"}, "invalid_output"),
        ("[{\"price\": 1}]".encode("utf-16"), {"Content-Type": "application/json; charset=utf-16"}, "invalid_output"),
        (b'[{"price": 1, "price": 2}]', {}, "invalid_output"),
        (b'{"price": 1, "price": 2}\n', {"Content-Type": "application/x-ndjson"}, "invalid_output"),
        (b'{"price": 1, "Price": 2}\n', {"Content-Type": "application/x-ndjson"}, "invalid_output"),
        (b'[{"price": 1' + b"0" * 5000 + b"}]", {}, "invalid_output"),
        (b'[{"price": 1e999999999}]', {}, "invalid_output"),
        (b'[{"price": {"price": {}}}]', {}, "invalid_output"),
        (b"\xff\xfe\n", {"Content-Type": "application/x-ndjson"}, "invalid_output"),
        (b"\0\0\0", {"Content-Type": "application/x-ndjson"}, "invalid_output"),
        (b"[[", {"Content-Length": "1"}, "invalid_output"),
    ],
)  # fmt: skip
def test_an_odd_answer_is_told(
    executor: Executor, table: InputTable, service: str, content: bytes, headers: dict[str, str], code: str
) -> None:
    error = failure(call(executor, table, service, say("/strange", 200, content, headers)))
    assert error.code == code, error
