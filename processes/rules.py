"""What makes a function's definition sound. Pure: no Django."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from catalog.attributes import TYPES, Attribute, describe_type
from catalog.rules import read_value
from config.problems import Problem, has_control_character, nearest, pointer

PARAMETER_PROPERTIES = ("name", "type", "default", "description")
NAME_LIMIT = 256


def check_names(names: Sequence[str], noun: str) -> list[Problem]:
    """What is wrong with the names of ports or implementations; the engine makes no difference between cases."""
    return list(_name_problems(names, noun))


def _name_problems(names: Sequence[Any], noun: str) -> Iterator[Problem]:
    seen = set()
    for position, name in enumerate(names):
        place = pointer(position, "name")
        if not isinstance(name, str) or not name.strip() or name != name.strip():
            yield Problem(place, "blank", f"A {noun} needs a name without spaces around it.")
        elif len(name) > NAME_LIMIT:
            yield Problem(place, "max_length", f"The name of a {noun} has at most {NAME_LIMIT} characters.")
        elif has_control_character(name):
            yield Problem(place, "control_character", f"The name of a {noun} may not contain control characters.")
        elif name.casefold() in seen:
            yield Problem(place, "duplicate", f"The {noun} {name!r} stands twice; case is no difference.")
        else:
            seen.add(name.casefold())


def check_parameters(parameters: Any) -> list[Problem]:
    """What is wrong with a function's parameters: `[{"name": "as_of", "type": "date", "default": null}]`."""
    if not isinstance(parameters, list):
        return [Problem("", "type", 'Parameters are a list such as [{"name": "as_of", "type": "date"}].')]
    problems: list[Problem] = []
    for position, parameter in enumerate(parameters):
        if not isinstance(parameter, Mapping):
            problems.append(Problem(pointer(position), "type", "A parameter is an object with a name and a type."))
            continue
        problems += [problem.below(pointer(position)) for problem in _parameter_problems(parameter)]
    names = [parameter.get("name") for parameter in parameters if isinstance(parameter, Mapping)]
    return problems + list(_name_problems(names, "parameter"))


def _parameter_problems(parameter: Mapping[str, Any]) -> Iterator[Problem]:
    for name in parameter:
        if name not in PARAMETER_PROPERTIES:
            hint = nearest(name, PARAMETER_PROPERTIES)
            yield Problem(pointer(name), "unknown_property", f"The property {name!r} is unknown; {hint}")
    called, kind = parameter.get("name"), parameter.get("type")
    if isinstance(called, str) and called.strip() and not called.isidentifier():
        message = f"The parameter {called!r} is written ${called} in SQL: letters, digits and _ only, no digit first."
        yield Problem("/name", "invalid", message)
    if not isinstance(kind, str) or kind not in TYPES:
        yield Problem("/type", "unknown_type", f"The type {kind!r} is unknown; {nearest(kind, list(TYPES))}")
    elif not isinstance(called, str) or parameter.get("default") is None:
        return
    elif _argument(parameter, parameter["default"]) is None:
        yield Problem("/default", "type", _wrong_value(parameter, parameter["default"]))


def check_arguments(arguments: Any, parameters: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """What is wrong with the values that a test case gives to a function's parameters."""
    if not isinstance(arguments, Mapping):
        return [Problem("", "type", 'Parameters are an object such as {"as_of": "2026-01-31"}.')]
    known = {parameter["name"]: parameter for parameter in parameters}
    problems = []
    for name, value in arguments.items():
        if name not in known:
            message = f"The function has no parameter {name!r}; {nearest(name, list(known))}"
            problems.append(Problem(pointer(name), "unknown_parameter", message))
        elif value is not None and _argument(known[name], value) is None:
            problems.append(Problem(pointer(name), "type", _wrong_value(known[name], value)))
    return problems


def bind_arguments(arguments: Mapping[str, Any], parameters: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Name -> typed value for every parameter: the given one, else the default, else None."""
    bound: dict[str, Any] = {}
    for parameter in parameters:
        value = arguments.get(parameter["name"], parameter.get("default"))
        bound[parameter["name"]] = None if value is None else _argument(parameter, value)
    return bound


def _argument(parameter: Mapping[str, Any], value: Any) -> Any:
    return read_value(Attribute(parameter["name"], parameter["type"]), value)


def _wrong_value(parameter: Mapping[str, Any], value: Any) -> str:
    expected = describe_type(Attribute(parameter["name"], parameter["type"]))
    return f"{parameter['name']} is {value!r}; it must be {expected}."
