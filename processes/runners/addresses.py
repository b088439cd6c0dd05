"""Which addresses a service may have: public ones, and those that the installation's settings name.

The address that is connected to is the one that was looked at, so a name that resolves differently the second time
gains nothing. Any refused address of a name refuses the name.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore2

from processes.runners.refusals import RefusedError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_REFUSED_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        "64:ff9b::/96",  # NAT64: any IPv4 address in disguise
        "64:ff9b:1::/48",
        "2002::/16",  # 6to4, likewise
        "2001::/32",  # Teredo, likewise
        "::/96",  # IPv4-compatible, likewise
        "192.0.0.0/24",
        "192.88.99.0/24",
        "fec0::/10",
    )
)
"""What `ipaddress.is_global` takes for public in one version of Python or another."""


def is_public(address: Address) -> bool:
    """Whether the address is that of a host on the internet, and of nothing else."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if mapped is not None:
        return is_public(mapped)
    if address.is_multicast or address.is_unspecified or address.is_reserved or not address.is_global:
        return False
    return not any(address in network for network in _REFUSED_NETWORKS)


class GuardedNetwork(httpcore2.NetworkBackend):
    """Connects to public addresses, and to hosts and networks that are allowed by name."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._names: set[str] = set()
        self._networks: list[Network] = []
        for each in allowed:
            try:
                self._networks.append(ipaddress.ip_network(each.strip("[]"), strict=False))
            except ValueError:
                self._names.add(each.lower().rstrip("."))
        self._backend = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the host's first address. Raises RefusedError ``not_allowed`` if one of them is not allowed."""
        addresses = _resolved(host, port)
        if host.lower().rstrip(".") not in self._names:
            for address in addresses:
                self._check(host, address)
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                return self._backend.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.NetworkStream:
        """Never."""
        raise RefusedError("not_allowed", "A service is reached over the network only.")

    def _check(self, host: str, address: Address) -> None:
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        known = mapped or address
        if is_public(address) or any(
            known.version == network.version and known in network for network in self._networks
        ):
            return
        message = (
            f"The host {host!r} has the address {address}, which is not public; "
            "whoever runs this installation may allow it with HTTP_ALLOWED_HOSTS."
        )
        raise RefusedError("not_allowed", message, kind="address_not_allowed")


class TimedNetwork(httpcore2.NetworkBackend):
    """A network on which nothing waits past a deadline, however often the other side sends a little."""

    def __init__(self, network: httpcore2.NetworkBackend, deadline: float) -> None:
        self._network = network
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect, and keep the deadline from then on."""
        stream = self._network.connect_tcp(host, port, _left(self._deadline), local_address, socket_options)
        return _TimedStream(stream, self._deadline)


class _TimedStream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline))
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    """The seconds that are left. Raises httpcore2.ReadTimeout when there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout("the time is over")
    return left


def _resolved(host: str, port: int) -> Sequence[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        message = f"The host {host!r} can't be found."
        raise RefusedError("execution_error", message, kind="host_not_found") from error
    # A scope, as in fe80::1%eth0, says which link an address is on, and only links have it.
    return list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))
