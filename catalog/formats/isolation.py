"""Reading what a stranger made, in a process of its own: it may fail in any way, this one stays. Pure: no Django."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from catalog.formats.compression import in_words
from catalog.sources import Cells, Fault, MalformedError

MEMORY_BYTES: Final = 3 * 1024**3
SECONDS: Final = 600
NO_CELLS: Final = Cells(lambda relation: relation, ())
"""Of a file that can't be read: it has no slices either."""


def ask(script: Path, *arguments: str) -> dict[str, Any]:
    """What a script answers: one JSON object on its standard output; it sets itself the limits that come last.

    Raises MalformedError with the `problem` of its answer, and if it ends without one.
    """
    command = [sys.executable, "-I", str(script), *arguments, str(MEMORY_BYTES), str(SECONDS)]
    process = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    try:
        answer: dict[str, Any] = json.loads(process.stdout)
    except ValueError as error:
        message = f"The file can't be read within {in_words(MEMORY_BYTES)} of memory and {SECONDS} seconds"
        raise MalformedError(Fault(0, "malformed", message)) from error
    if "problem" in answer:
        raise MalformedError(Fault(0, "malformed", answer["problem"]))
    return answer
