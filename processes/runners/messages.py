"""How parent and child talk: JSON behind its length in four bytes, over a socket pair.

JSON, and not pickle, because a child that ran somebody's query is not trusted: what it says must not run in the parent.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from processes.runners.contract import ParameterValue

_LENGTH = struct.Struct("!I")
_MAXIMUM_BYTES = 64 * 1024 * 1024
_RECEIVED_BYTES = 64 * 1024
_DECODERS: Mapping[str, Callable[[Any], ParameterValue]] = {
    "json": lambda value: value,
    "decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
}


class ChannelClosedError(Exception):
    """The other side is gone, or says what no runner says."""


class Channel:
    """One end of the conversation. Deadlines are ``time.monotonic()`` values; past them, ``TimeoutError``."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = bytearray()

    def send(self, message: Mapping[str, Any], deadline: float | None = None) -> None:
        body = json.dumps(message).encode()
        self._wait_until(deadline)
        try:
            self._connection.sendall(_LENGTH.pack(len(body)) + body)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ChannelClosedError from error

    def receive(self, deadline: float | None = None) -> dict[str, Any]:
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size, deadline))
        if length > _MAXIMUM_BYTES:
            raise ChannelClosedError
        try:
            message = json.loads(self._read(length, deadline))
        except (ValueError, RecursionError) as error:
            raise ChannelClosedError from error
        if not isinstance(message, dict):
            raise ChannelClosedError
        return message

    def close(self) -> None:
        self._connection.close()

    def _read(self, size: int, deadline: float | None) -> bytes:
        while len(self._received) < size:
            self._wait_until(deadline)
            try:
                chunk = self._connection.recv(_RECEIVED_BYTES)
            except ConnectionResetError as error:
                raise ChannelClosedError from error
            if not chunk:
                raise ChannelClosedError
            self._received += chunk
        content = bytes(self._received[:size])
        del self._received[:size]
        return content

    def _wait_until(self, deadline: float | None) -> None:
        if deadline is None:
            self._connection.settimeout(None)
            return
        remaining_seconds = deadline - time.monotonic()
        if remaining_seconds <= 0:
            raise TimeoutError
        self._connection.settimeout(remaining_seconds)


def encode_parameter(value: ParameterValue) -> list[Any]:
    """The value beside the name of its type, since JSON has neither decimals nor dates."""
    if isinstance(value, Decimal):
        return ["decimal", str(value)]
    if isinstance(value, datetime):
        return ["datetime", value.isoformat()]
    if isinstance(value, date):
        return ["date", value.isoformat()]
    if value is None or isinstance(value, str | bool | int | float):
        return ["json", value]
    raise TypeError(f"A parameter cannot be a {type(value).__name__}.")


def decode_parameter(encoded: list[Any]) -> ParameterValue:
    """The value that ``encode_parameter`` was given."""
    kind, value = encoded
    return _DECODERS[kind](value)
