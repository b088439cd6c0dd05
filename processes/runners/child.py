"""The child's main program: ``python -m processes.runners.child``, with its end of a socket pair as standard input.

The first message says the directory and the limits; each one after it is a case. The child answers with where it is
(``{"phase", "output"}``) as often as that changes, and then with the runner's reply.
"""

from __future__ import annotations

import importlib
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from processes.runners.contract import Limits
from processes.runners.isolation import die_with_parent, forbid_new_processes, limit_process
from processes.runners.messages import Channel, ChannelClosedError


def main() -> None:
    """Serve cases until the parent goes away."""
    channel = Channel(socket.socket(fileno=0))
    die_with_parent()
    settings = channel.receive()
    directory, limits = Path(settings["directory"]), Limits(**settings["limits"])
    os.chdir(directory)
    limit_process(limits)
    runner = _runner(settings, directory, limits)
    channel.send({"ready": True})
    while True:
        request = channel.receive()
        reply = runner.run(request, lambda phase, output: channel.send({"phase": phase, "output": output}))
        channel.send({"reply": reply})


_RUNNERS = {
    "sql": ("processes.runners.sql", "SqlRunner"),
    "python": ("processes.runners.programs", "PythonRunner"),
    "command": ("processes.runners.programs", "CommandRunner"),
    "http": ("processes.runners.http", "HttpRunner"),
}


_UNUSED_PACKAGES = ("numpy", "pandas", "polars", "pyarrow")


def _runner(settings: Mapping[str, Any], directory: Path, limits: Limits) -> Any:
    """The runner of this child's role; the others are not even imported, which would cost start and memory."""
    if settings["role"] != "python":
        # DuckDB imports these where they are installed, when it first sees a parameter; that takes a second.
        sys.modules.update(dict.fromkeys(_UNUSED_PACKAGES))  # type: ignore[arg-type] # None: can't be imported
    module, name = _RUNNERS[settings["role"]]
    runner = getattr(importlib.import_module(module), name)(directory, limits, settings)
    if settings["role"] == "sql":
        forbid_new_processes()
    return runner


if __name__ == "__main__":
    try:
        main()
    except ChannelClosedError:
        os._exit(0)  # DuckDB's destructors have nothing to save, and none may throw
