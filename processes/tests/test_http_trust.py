"""Whom an http implementation trusts: certificates, and names whose addresses change."""

import datetime
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpcore2
import pytest
import trustme

from processes.execution import Outcome, Permissions
from processes.runners.addresses import GuardedNetwork
from processes.runners.refusals import RefusedError
from processes.tests.runs import ask, executor_of, failure, rows
from processes.tests.test_http import PRICES, Service

YESTERDAY = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
AUTHORITY = trustme.CA()
STRANGER = trustme.CA()
PEM = AUTHORITY.cert_pem.bytes().decode()
PROJECT = Path(__file__).parents[2]


class Secure(Service):
    """A service that takes note of what it was asked."""

    asked: list[str] = []

    def do_POST(self) -> None:
        self.asked.append(self.path)
        super().do_POST()


@contextmanager
def served(certificate: trustme.LeafCert) -> Iterator[str]:
    """A service over TLS with this certificate; its address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    Secure.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Secure)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that hangs up is what is tested
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def called(base: str, authorities: str) -> Iterator[Outcome]:
    """What comes of asking the service, while its files are there."""
    permissions = Permissions(http_allowed_hosts=("127.0.0.1",), http_authorities=authorities)
    with executor_of("auto", permissions) as executor:
        yield ask(executor, "http", {"path": "/exact"}, {}, configuration={"base_url": base}, output_types=PRICES)


def test_a_service_is_reached_over_tls_by_the_authority_of_the_settings() -> None:
    with served(AUTHORITY.issue_cert("127.0.0.1")) as base, called(base, PEM) as outcome:
        assert len(rows(outcome)) == 4
        assert Secure.asked == ["/exact"]


@pytest.mark.parametrize(
    ("certificate", "authorities"),
    [
        pytest.param(lambda: STRANGER.issue_cert("127.0.0.1"), PEM, id="signed by somebody else"),
        pytest.param(lambda: AUTHORITY.issue_cert("127.0.0.1"), "", id="signed by whom the settings don't name"),
        pytest.param(lambda: AUTHORITY.issue_cert("example.org"), PEM, id="of another host"),
        pytest.param(lambda: AUTHORITY.issue_cert("127.0.0.1", not_after=YESTERDAY), PEM, id="expired"),
    ],
)
def test_a_certificate_that_proves_nothing_ends_the_call_before_anything_is_sent(
    certificate: Callable[[], trustme.LeafCert], authorities: str
) -> None:
    with served(certificate()) as base, called(base, authorities) as outcome:
        error = failure(outcome)
        assert (error.code, error.kind) == ("execution_error", "connection_failed")
        assert "certificate is not valid" in error.message
        assert Secure.asked == []


def test_a_name_that_resolves_to_another_address_the_second_time_gains_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter(["8.8.8.8", "127.0.0.1"])
    connected: list[str] = []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    class Wire(httpcore2.SyncBackend):
        def connect_tcp(self, host: str, *_: Any, **__: Any) -> httpcore2.NetworkStream:
            connected.append(host)
            raise httpcore2.ConnectError

    network = GuardedNetwork(())
    network._backend = Wire()
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(httpcore2.ConnectError):
        network.connect_tcp("rebinding.example", 443)
    with pytest.raises(RefusedError, match=r"127\.0\.0\.1, which is not public"):
        network.connect_tcp("rebinding.example", 443)
    assert connected == ["8.8.8.8"]


@pytest.mark.parametrize("content", [None, "", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_authorities_that_are_none_refuse_to_start(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content)
    answer = subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        env={"SECRET_KEY": "x", "HTTP_CA_FILE": str(file), "PATH": ""},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert f"HTTP_CA_FILE is {str(file)!r}; it must be a file of certificates in PEM" in answer.stderr
