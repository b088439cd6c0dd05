"""The files of a package: only those inside its folder, and never an address. Pure: no Django."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

# jsonschema ships no types.
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from jsonschema.exceptions import ValidationError as SchemaError  # type: ignore[import-untyped]

from config.exact_json import JSONError, load_json
from config.problems import nearest, pointer
from testcases.packages.description import PackageProblem

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class Folder:
    """A package's folder. What can't be read is noted in `problems`, and the reading goes on."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.problems: list[PackageProblem] = []

    def note(self, file: str, place: str, code: str, message: str) -> None:
        """Note a problem."""
        self.problems.append(PackageProblem(file, place, code, message))

    def find(self, file: str, named_in: str, place: str) -> Path | None:
        """The path of a file that `named_in` names at `place`, or None with a problem."""
        parts = PurePosixPath(file).parts
        if _ADDRESS.match(file) or "\\" in file or "\0" in file or file.startswith("/") or ".." in parts:
            message = f"{file!r} is no path below the package's folder; nothing is fetched."
            self.note(named_in, place, "unsafe_path", message)
            return None
        path = (self.path / file).resolve()
        if not path.is_relative_to(self.path):
            self.note(named_in, place, "unsafe_path", f"{file!r} leads out of the package's folder.")
            return None
        if not path.is_file():
            self.note(named_in, place, "missing_file", f"There is no file {file!r}.")
            return None
        return path

    def read_text(self, file: str, named_in: str, place: str) -> str | None:
        """A text file in UTF-8, as it is, or None with a problem."""
        path = self.find(file, named_in, place)
        if path is None:
            return None
        try:
            return path.read_bytes().decode()
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            self.note(file, "", "encoding", f"Line {line} is not valid UTF-8 (byte 0x{error.object[error.start]:02x}).")
        except OSError as error:
            self.note(named_in, place, "missing_file", f"The file {file!r} can't be read: {error.strerror}.")
        return None

    def read_json(self, file: str, named_in: str, place: str) -> Any:
        """The JSON of a file, or None with a problem."""
        text = self.read_text(file, named_in, place)
        if text is None:
            return None
        try:
            load_json(text.encode())  # refuses what JSON leaves open; its Decimals have no place in a definition
            return json.loads(text)
        except JSONError as error:
            self.note(file, "", "malformed", str(error))
            return None


@cache
def _validator() -> Draft202012Validator:
    # All references are inside the schema; nothing is fetched.
    return Draft202012Validator(json.loads(Path(__file__).with_name("package.schema.json").read_text(encoding="utf-8")))


def structure_problems(descriptor: Any, file: str) -> Iterator[PackageProblem]:
    """How a descriptor departs from the JSON Schema of packages."""
    for error in sorted(_validator().iter_errors(descriptor), key=lambda error: list(map(str, error.absolute_path))):
        place = pointer(*error.absolute_path)
        if error.validator == "additionalProperties":
            allowed = list(error.schema["properties"])
            for name in error.instance:
                if name not in allowed:
                    message = f"The property {name!r} is unknown; {nearest(name, allowed)}"
                    yield PackageProblem(file, place + pointer(name), "unknown_property", message)
        else:
            yield PackageProblem(file, place, _CODES.get(str(error.validator), "invalid"), _sentence(error))


_CODES = {"required": "required", "type": "type", "minItems": "required", "minLength": "blank"}


def _sentence(error: SchemaError) -> str:
    return {
        "required": lambda: f"{error.message.split(' is a ')[0]} is missing.",
        "type": lambda: f"This must be of type {error.validator_value}.",
        "minItems": lambda: "At least one is needed.",
        "minLength": lambda: "This may not be empty.",
        "const": lambda: f"This must be {error.validator_value!r}; nothing else is supported.",
        "enum": lambda: f"This must be one of {', '.join(map(repr, error.validator_value))}.",
    }.get(str(error.validator), lambda: f"{error.message}.")()
