"""The child's main program: ``python -m processes.runners.child``, with its end of a socket pair as standard input.

The first message says the directory and the limits; each one after it is a case. The child answers with where it is
(``{"phase", "output"}``) as often as that changes, and then with the runner's reply.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from processes.runners.contract import Limits
from processes.runners.isolation import die_with_parent, forbid_new_processes, limit_process
from processes.runners.messages import Channel, ChannelClosedError
from processes.runners.sql import SqlRunner


def main() -> None:
    """Serve cases until the parent goes away."""
    channel = Channel(socket.socket(fileno=0))
    die_with_parent()
    settings = channel.receive()
    directory, limits = Path(settings["directory"]), Limits(**settings["limits"])
    os.chdir(directory)
    limit_process(limits)
    runners = {"sql": SqlRunner(directory, limits)}
    forbid_new_processes()
    channel.send({"ready": True})
    while True:
        request = channel.receive()
        reply = runners[request["kind"]].run(
            request, lambda phase, output: channel.send({"phase": phase, "output": output})
        )
        channel.send({"reply": reply})


if __name__ == "__main__":
    try:
        main()
    except ChannelClosedError:
        os._exit(0)  # DuckDB's destructors have nothing to save, and none may throw
